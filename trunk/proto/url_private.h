#ifndef PROTO_URL_PRIVATE_H
#define PROTO_URL_PRIVATE_H

/* Shared by url.c and url_rtmp.c only. */
#include "proto/url.h"

/* A piece of the parsed text. */
struct url_piece {
    const char *p;
    size_t len;
};

/* From s up to the first of these characters, or to the end. */
struct url_piece url_piece_until(const char *s, const char *stops);

/* Whether there are control characters (or spaces) in s. */
int url_has_control(const char *s, int also_space);

/* "schema://authority"; *rest is what follows. The schema becomes lower case. 0 or -1. */
int url_schema_parse(const char *text, char *schema, size_t cap, struct url_piece *authority,
                     const char **rest);

/* The next decoded byte (1 to 255) of what is left; -1 for a bad escape or a control character. */
int url_decode_next(const char **p, const char *end);

#endif
