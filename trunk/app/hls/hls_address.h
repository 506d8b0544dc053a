#ifndef APP_HLS_HLS_ADDRESS_H
#define APP_HLS_HLS_ADDRESS_H

/* The addresses of playlists, segments and parts: "/live/livestream.m3u8",
 * "/live/livestream-12.ts",
 * "/live/livestream-12.3.ts". */
#include "app/config/config.h"
#include "app/http/http_exchange.h"
#include "live/source.h"

/* The parameter that says which session a request belongs to, as SRS names it. */
#define HLS_SESSION "hls_ctx"

struct hls_address {
    const struct config_vhost *vhost; /* of the request's configuration */
    char app[256], stream[256];
    char key[SOURCE_KEY_MAX];
    int is_segment;
    int64_t number; /* of the segment */
    int64_t part;   /* of it; -1: the whole segment */
};

/* Whether streams of the vhost have playlists. */
int hls_address_is_used(const struct config_vhost *vhost);

/* What the request's address means. 0, or -1: something else. */
int hls_address_find(const struct http_exchange *x, struct hls_address *out);

/* Appends the text percent-encoded, so that it can be a part of any address. 0 or -1. */
int hls_address_encode(struct buf *out, const char *text) ERR_MUST_CHECK;

/* Writes the query of the addresses in a playlist: "?", the session, and the parameters of the
 * request, except those of HLS. 0, or -1: too long. */
int hls_address_query(const char *session, const char *query, char *out, size_t cap);

#endif
