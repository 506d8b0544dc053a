#ifndef APP_HLS_HLS_SHARE_H
#define APP_HLS_HLS_SHARE_H

/*
 * What all workers share: where the segments of each stream are, and who plays. Any worker may get
 * the next request of a session; the one that began it ends it. Never yields.
 */
#include "base/clock.h"
#include "base/err.h"
#include "live/hls_window.h"

struct config;
struct hls_share;
struct shared_memory;

/* Bytes of a session's secret name in addresses, terminator included. */
#define HLS_SHARE_ID_SIZE 17

struct err *hls_share_new(struct shared_memory *memory, const struct config *config, int workers,
                          void **shared);
void hls_share_free(void *shared);
/* A worker has died: its streams and sessions are gone, but for the numbers of the streams'
 * segments. */
void hls_share_reap(void *shared, int slot);

/* ---- streams ---- */

struct hls_place {
    int32_t slot; /* of the worker that has the segments */
    uint8_t has_segments;
    uint8_t is_ended;             /* nothing will be added */
    struct hls_position position; /* after the newest one */
    uint64_t bits_per_sec;
};

enum hls_entry {
    HLS_ENTRY_YOURS, /* this worker makes the segments from now on */
    HLS_ENTRY_OTHER, /* another worker has a playlist that players know: it continues it */
    HLS_ENTRY_FULL   /* no room */
};

/* The worker `slot` publishes the stream; *before: the place until now, or, with slot -1, that
 * there is none now; position.number 0: nor was any. takes_over: never OTHER. */
enum hls_entry hls_share_stream_enter(struct hls_share *share, const char *key, int slot,
                                      int takes_over, struct hls_place *before);
/* A segment was added; does nothing if another worker has the stream now. */
void hls_share_stream_put(struct hls_share *share, const char *key, const struct hls_place *place);
void hls_share_stream_leave(struct hls_share *share, const char *key, int slot);
/* 0, or -1: no worker has segments of it. */
int hls_share_stream_find(struct hls_share *share, const char *key, struct hls_place *out);

/* ---- sessions ---- */

enum hls_seat {
    HLS_SEAT_NONE, /* no such session: it has ended, or never was */
    HLS_SEAT_YOURS,
    HLS_SEAT_KICKED,
    HLS_SEAT_OTHER /* it plays another stream */
};

/* Adds a session. 0, or -1: no room, or there is one. stream: its key. */
int hls_share_seat_add(struct hls_share *share, const char *id, int slot, const char *stream,
                       usec_t now);
/* A request of it arrived, or was answered with this many bytes. */
enum hls_seat hls_share_seat_touch(struct hls_share *share, const char *id, const char *stream,
                                   uint64_t bytes, usec_t now);
/* When its last request arrived, and what it was sent. 0, or -1: it is gone. */
int hls_share_seat_read(struct hls_share *share, const char *id, usec_t *seen, uint64_t *bytes);
/* Its requests are refused from now on. */
void hls_share_seat_kick(struct hls_share *share, const char *id);
void hls_share_seat_remove(struct hls_share *share, const char *id);

#endif
