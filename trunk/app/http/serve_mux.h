#ifndef APP_HTTP_SERVE_MUX_H
#define APP_HTTP_SERVE_MUX_H

/*
 * The HTTP serve-mux maps exact addresses ("vhost/app/stream.flv", or "/app/stream.flv" for every
 * host) to handlers. Addresses are added on publish and removed on unpublish. Never yields.
 */
#include "app/http/http_exchange.h"

struct serve_mux;

/* mounts_max limits the table. */
struct serve_mux *serve_mux_new(size_t mounts_max);
/* Changes the limit; mounts beyond it stay. */
void serve_mux_set_limit(struct serve_mux *mux, size_t mounts_max);
void serve_mux_free(struct serve_mux *mux);

/* The maximum size of a pattern, terminator included. */
#define SERVE_MUX_PATTERN_MAX 1280

/* 0, or -1 if the pattern is taken or the table is full. handler is borrowed until removed. */
int serve_mux_add(struct serve_mux *mux, const char *pattern, struct http_handler *handler);
void serve_mux_remove(struct serve_mux *mux, const char *pattern);

/* Finds "host/path" (the host is case-insensitive), then "/path"; NULL if neither is mounted. */
struct http_handler *serve_mux_find(struct serve_mux *mux, const char *host, const char *path);
size_t serve_mux_count(const struct serve_mux *mux);

#endif
