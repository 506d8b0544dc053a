#ifndef TOOLS_IMPORT_NGINX_NGINX_VALUE_H
#define TOOLS_IMPORT_NGINX_NGINX_VALUE_H

/* Values as nginx writes them, and as this server does. Pure. */
#include "base/buf.h"
#include "base/conf.h"

#include <stddef.h>
#include <stdint.h>

/* The first argument; "" without one. */
const char *nginx_value_first(const struct conf_node *node);

/* "on" is 1, all else 0. */
int nginx_value_is_on(const struct conf_node *node);

/* A time ("10s", "500ms", "1h30m"; a number alone counts units of `alone_ms`) in ms. 0; -1: it is
 * none. */
int nginx_value_time(const char *text, int64_t alone_ms, int64_t *ms);

/* A size ("4096", "512k", "1m") in bytes. 0; -1: it is none. */
int nginx_value_size(const char *text, int64_t *bytes);

/* An address with nginx's variables as templates of this server: $app is [app], $name [stream].
 * 0; -1: too long, or another variable. */
int nginx_value_template(const char *text, char *out, size_t cap);

/* The host and port of rtmp://host:port/… 0; -1: it is no such address. */
int nginx_value_host(const char *url, char *out, size_t cap);

/* Appends a word, in quotes where it needs them. 0; -1: no memory, or too much. */
int nginx_value_put(struct buf *out, const char *word) ERR_MUST_CHECK;

#endif
