#ifndef APP_CONFIG_DIRECTORY_PLACE_H
#define APP_CONFIG_DIRECTORY_PLACE_H

/*
 * The server that has a stream, as it stands in the directory: the addresses it is
 * reached at, and a mark of the one publication. "1 RTMP HTTP HTTPS MARK", each address host:port
 * or "-". What is read may have been written by anybody. Pure.
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

/* Whether it is the same server: by its RTMP address, at which nobody else can be. */
int directory_place_is(const struct directory_place *a, const struct directory_place *b);

/* The value, and how much of its beginning tells the server. */
void directory_place_write(const struct directory_place *place, const char *mark,
                           char out[DIRECTORY_VALUE_SIZE], size_t *own_len);
/* 0, or -1 when it is no value. */
int directory_place_parse(struct directory_place *place, const char *text, size_t len);

/* One of advertise's words: "host", "host:port" for RTMP, "rtmp://…", "http://…", "https://…". */
int directory_place_check(const char *word, const char **why);
/*
 * What this server says of itself: advertise's words, for the rest its listeners, on all addresses
 * own_ip. 0; -1: there is no RTMP address.
 */
int directory_place_own(struct directory_place *place, const struct config *config,
                        const struct config_strings *advertise, const char *own_ip);

#endif
