#ifndef LIVE_HLS_PLAYLIST_H
#define LIVE_HLS_PLAYLIST_H

/* Writes the playlists of HLS (RFC 8216, section 4; RFC 8216bis for parts). Pure. */
#include "live/hls_window.h"

/* Bytes of a playlist. */
#define HLS_PLAYLIST_MAX ((size_t)1024 * 1024)

/* How the addresses in a playlist are spelled: relative, percent-encoded. */
struct hls_names {
    const char *stream; /* "livestream" for "livestream-12.ts" */
    const char *query;  /* appended to each: "?a=b", or "" */
};

struct hls_playlist_options {
    int is_ended;     /* nothing will be added */
    int skips_oldest; /* a delta update (RFC 8216bis, section 6.2.5.1), if parts are listed */
};

/* Appends the media playlist, which must have a segment. 0, or -1: no memory, or too long. */
int hls_playlist_media(const struct hls_window *window, const struct hls_names *names,
                       const struct hls_playlist_options *options, struct buf *out) ERR_MUST_CHECK;

/* What a multivariant playlist says about its only variant. */
struct hls_variant {
    uint64_t bits_per_sec;  /* the highest rate of a segment */
    uint32_t width, height; /* 0: unknown */
};

/* Appends the playlist that players request first; it names the media playlist,
 * "livestream.m3u8?a=b". 0 or -1. */
int hls_playlist_variants(const struct hls_variant *variant, const struct hls_names *names,
                          struct buf *out) ERR_MUST_CHECK;

#endif
