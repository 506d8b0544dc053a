#ifndef APP_HLS_HLS_RELOAD_H
#define APP_HLS_HLS_RELOAD_H

/*
 * What a player of low-latency HLS waits for: a playlist that has a certain segment or part
 * (RFC 8216bis, section 6.2.5.2), or a part that was announced.
 */
#include "base/clock.h"
#include "base/yield.h"

#include <stddef.h>
#include <stdint.h>

struct hls;
struct net_conn;

struct hls_reload {
    int64_t number;   /* of the segment that must be there; -1: none must */
    int64_t part;     /* of this segment; -1: all of it */
    int skips_oldest; /* a delta update is wanted */
};

/* Reads the delivery directives of a query. 0, or -1: they are malformed. */
int hls_reload_read(const char *query, struct hls_reload *out);

/* Appends the same as a query, after "?" or "&". 0, or -1: too long. */
int hls_reload_write(const struct hls_reload *reload, char *out, size_t cap);

enum hls_reload_answer {
    HLS_RELOAD_READY,   /* it is there, or nothing more will come */
    HLS_RELOAD_TOO_FAR, /* so much later than what is there that the player must be wrong */
    HLS_RELOAD_LATE,    /* not in three target durations */
    HLS_RELOAD_GONE     /* the stream's segments, or the client */
};

/* Waits for what the stream with this key must have. conn: of the client, whose end ends the wait.
 * renew(arg) is called once a second; NULL: no need. Low-latency HLS is off: READY. */
MAY_YIELD enum hls_reload_answer hls_reload_wait(struct hls *hls, const char *key,
                                                 const struct hls_reload *reload,
                                                 struct net_conn *conn, void (*renew)(void *arg),
                                                 void *arg);

#endif
