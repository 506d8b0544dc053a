#ifndef APP_STREAM_FANOUT_PRIVATE_H
#define APP_STREAM_FANOUT_PRIVATE_H

/*
 * What fanout.c (when to send) and fanout_send.c (what and how) share. Nobody
 * else includes it.
 */
#include "app/stream/fanout.h"
#include "base/buf.h"
#include "co/co.h"
#include "live/viewer.h"

#define FANOUT_SLOTS 64
/* "ffffffff\r\n" or a WebSocket header of 10 bytes. */
#define FANOUT_PREFIX_MAX 16

/* What a blocked viewer still has to send. */
struct fanout_pending {
    struct iovec iov[VIEWER_SPANS_MAX + 3];
    int count;
    int at;        /* spans before this one are out */
    int has_batch; /* viewer_sent() is due at the end */
    char prefix[FANOUT_PREFIX_MAX];
};

enum fanout_trim { TRIMMED_NOT, TRIMMED_WAITING, TRIMMED_BEGUN };

struct fanout_viewer {
    /* What each send looks at comes first: with thousands of viewers every line is a cache miss. */
    struct fanout_viewer *next, *prev; /* in its slot */
    struct net_conn *conn;
    struct viewer *viewer;
    struct fanout_channel *channel;
    struct buf *head; /* sent before the first batch; NULL afterwards */
    uint8_t framing;
    uint8_t slot;
    uint8_t is_parked; /* in its slot: the fan-out sends for it */
    uint8_t is_blocked;
    uint8_t is_broken;
    uint8_t is_ended; /* the stream is over, the end mark still to be sent */
    uint8_t is_over;  /* and that is out too */
    uint8_t is_paused;
    uint8_t is_in_vain; /* nothing is to be waited for */
    uint8_t trimmed;    /* enum fanout_trim: what its stack has been cut down at */
    uint8_t is_urgent;
    uint8_t is_due; /* urgent: told of bytes that it has not sent yet */
    struct fanout_viewer *next_urgent;
    usec_t pace;        /* urgent: the least between two batches; 0: none */
    usec_t next_at;     /* and when the next may go */
    struct buf *inject; /* sent between two batches; NULL: nothing */
    struct fanout_pending *pending;
};

/* How many kinds of viewers (format and framing) are served side by side without one's piece being
 * made anew for each of them. */
#define FANOUT_SHARED 4

/* A framed batch in one piece that is sent to every viewer who stands where it begins. */
struct fanout_shared {
    struct viewer_shared_batch batch;
    uint8_t *data;
    size_t len, cap;
    uint8_t framing;
    uint8_t is_valid; /* until the stream has new bytes */
};

/* A stream's part of the fan-out; made with its first viewer, gone with its last. */
struct fanout_channel {
    struct fanout *fanout;
    struct source *source; /* held */
    struct co_cond cond;
    struct fanout_viewer *slot[FANOUT_SLOTS];
    struct fanout_viewer *urgent; /* those that send for themselves: other servers */
    struct fanout_shared shared[FANOUT_SHARED];
    uint8_t next_shared; /* to be given up when there are more kinds */
    size_t viewers;
    uint32_t next_slot;
    uint32_t units; /* appended since the last pass */
    uint32_t units_min;
    uint32_t beginners;    /* viewers in their slots that nothing was sent to yet */
    usec_t interval_fixed; /* -1: auto */
    usec_t interval_min;
    usec_t interval; /* of the last pass */
    double rate_kb;  /* KB per second */
    uint64_t rate_bytes;
    usec_t rate_at;
    usec_t slice_at;
    uint8_t is_dirty;
    uint8_t is_idle; /* waits for data */
    uint8_t is_stopping;
};

struct fanout {
    struct server *server;
    size_t viewers; /* of all channels */
};

/* What the fan-out keeps of each stream. */
struct fanout_stream {
    struct fanout_channel *channel; /* NULL: it has no viewer */
};

/* Sends all there is until the socket blocks or nothing is left. Never yields. */
void fanout_push(struct fanout_viewer *fv);

/* The same for a viewer in its slot, which has nothing of its own to send: bytes that many take are
 * framed once. */
void fanout_push_parked(struct fanout_viewer *fv);

/* The stream has new bytes: nobody stands at the beginning of a piece any more. */
static inline void fanout_shared_forget(struct fanout_channel *channel)
{
    for (int i = 0; i < FANOUT_SHARED; i++)
        channel->shared[i].is_valid = 0;
}

/* The head is out, or not wanted any more. */
void fanout_done_with_head(struct fanout_viewer *fv);

#endif
