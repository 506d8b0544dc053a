#ifndef APP_CONFIG_DIRECTORY_URL_H
#define APP_CONFIG_DIRECTORY_URL_H

/*
 * The directory's address: "redis://[user:password@]host[:port][/db]", or rediss:// for TLS. Pure.
 */
#include <stddef.h>

#define DIRECTORY_URL_MASK "***" /* shown instead of a password */

struct directory_url {
    int is_tls;
    char host[256]; /* without brackets */
    int port;       /* 6379 if not given */
    char user[128]; /* "" for Redis' default user */
    char password[256];
    int db;
};

/* 0, or -1 with *why (constant, without any part of the text). Decodes user and password. */
int directory_url_parse(struct directory_url *url, const char *text, const char **why);

/* The address for a log: without user and password. */
void directory_url_show(const struct directory_url *url, char *out, size_t cap);

/* The text with its password masked; "" if it does not fit. */
void directory_url_mask(const char *text, char *out, size_t cap);

#endif
