#ifndef APP_CONFIG_DIRECTORY_PLACE_H
#define APP_CONFIG_DIRECTORY_PLACE_H

/*
 * The directory's entry of the server that has a stream: its addresses, and a mark of this one
 * publication. "1 RTMP HTTP HTTPS MARK", each address host:port or "-". An entry may have been
 * written by anyone, so it is not trusted. Pure.
 */
#include "app/config/config.h"

#define DIRECTORY_ADDRESS_SIZE 264
#define DIRECTORY_VALUE_SIZE   900 /* of any value, terminator included */
#define DIRECTORY_MARK_SIZE    36  /* letters and digits */

struct directory_place {
    char rtmp[DIRECTORY_ADDRESS_SIZE]; /* "host:port", "[v6]:port"; never "" */
    char http[DIRECTORY_ADDRESS_SIZE]; /* "": not served */
    char https[DIRECTORY_ADDRESS_SIZE];
};

/* Whether both are the same server, by the RTMP address, which is unique. */
int directory_place_is(const struct directory_place *a, const struct directory_place *b);

/* Writes the value; *own_len: the length of its beginning that identifies the server. */
void directory_place_write(const struct directory_place *place, const char *mark,
                           char out[DIRECTORY_VALUE_SIZE], size_t *own_len);
/* 0, or -1 if malformed. */
int directory_place_parse(struct directory_place *place, const char *text, size_t len);

/* Checks a word of advertise: "host", "host:port" for RTMP, "rtmp://…", "http://…", "https://…". */
int directory_place_check(const char *word, const char **why);
/*
 * This server's own entry: the words of advertise, and for the rest its listeners; own_ip replaces
 * wildcard addresses. 0; -1: there is no RTMP address.
 */
int directory_place_own(struct directory_place *place, const struct config *config,
                        const struct config_strings *advertise, const char *own_ip);

#endif
