#ifndef APP_STREAM_FANOUT_PRIVATE_H
#define APP_STREAM_FANOUT_PRIVATE_H

/*
 * Shared by fanout.c (viewers), fanout_channel.c (when to send) and fanout_send.c (what and how to
 * send) only. Calls point down in this order.
 */
#include "app/stream/fanout.h"
#include "app/stream/fanout_audio.h"
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
    int at;        /* index of the first span that is not sent completely */
    int has_batch; /* call viewer_sent() at the end */
    char prefix[FANOUT_PREFIX_MAX];
};

enum fanout_trim { TRIMMED_NOT, TRIMMED_WAITING, TRIMMED_BEGUN };

struct fanout_viewer {
    /* The fields that each send reads come first: with thousands of viewers each cache line is a
     * miss. */
    struct fanout_viewer *next, *prev; /* in its slot */
    struct net_conn *conn;
    struct viewer *viewer;
    struct fanout_channel *channel;
    struct buf *head; /* sent before the first batch; NULL afterwards */
    uint8_t framing;
    uint8_t slot;
    uint8_t is_parked; /* in its slot: the channel sends for it */
    uint8_t is_blocked;
    uint8_t is_broken;
    uint8_t is_ended; /* the stream has ended; the end mark may still have to be sent */
    uint8_t is_over;  /* the end mark is sent, or nothing more follows */
    uint8_t is_paused;
    uint8_t is_in_vain; /* the stream will not be published */
    uint8_t is_looped;  /* because the servers request it from each other */
    uint8_t trimmed;    /* enum fanout_trim: when its stack was last trimmed */
    uint8_t is_urgent;
    uint8_t is_due;       /* urgent: it was woken for bytes that it has not sent yet */
    uint8_t is_switching; /* on its way to another stream; urgent meanwhile */
    struct fanout_viewer *next_urgent;
    usec_t requested_at; /* its start is measured from then on; 0: it is not */
    usec_t pace;         /* urgent: the shortest time between two batches; 0: none */
    usec_t next_at;      /* urgent: the earliest time of the next batch */
    struct buf *inject;  /* sent between two batches; NULL: nothing */
    struct fanout_pending *pending;
};

/* The number of viewer kinds (format and framing) that share batches at the same time; with more
 * kinds, shared batches replace one another. */
#define FANOUT_SHARED 4

/* A framed batch in one block of memory, sent to every viewer at the position where it begins. */
struct fanout_shared {
    struct viewer_shared_batch batch;
    uint8_t *data;
    size_t len, cap;
    uint8_t framing;
    uint8_t is_valid; /* until the stream has new bytes */
};

/* The fan-out of one stream; created with its first viewer, freed after its last. */
struct fanout_channel {
    struct fanout *fanout;
    struct source *source; /* held */
    struct co_cond cond;
    struct fanout_viewer *slot[FANOUT_SLOTS];
    struct fanout_viewer *urgent; /* viewers that send for themselves: other servers */
    struct fanout_shared shared[FANOUT_SHARED];
    uint8_t next_shared; /* replaced next when there are more kinds */
    size_t viewers;
    uint32_t next_slot;
    uint32_t units; /* appended since the last pass */
    uint32_t units_min;
    uint32_t beginners;    /* viewers in their slots that have received nothing yet */
    usec_t interval_fixed; /* -1: auto */
    usec_t interval_min;
    usec_t interval; /* of the last pass */
    struct fanout_audio audio;
    double rate_kb; /* KB per second */
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

/* The fan-out's state in each stream. */
struct fanout_stream {
    struct fanout_channel *channel; /* NULL: no viewer */
};

/* ---- fanout_channel.c ---- */

/* A channel with its coroutine, which frees it after is_stopping is set. NULL without memory. */
struct fanout_channel *fanout_channel_new(struct fanout *fanout, struct source *source,
                                          const struct config_vhost *vhost);
/* Applies the vhost's directives. */
void fanout_channel_set(struct fanout_channel *channel, const struct config_vhost *vhost);
/* The stream has new bytes, or has ended. */
void fanout_on_data(struct stream *stream, void *state);

/* Puts the viewer into its slot, so that the channel sends for it; takes it out again. */
void fanout_park(struct fanout_viewer *fv);
void fanout_unpark(struct fanout_viewer *fv);

/* ---- fanout_send.c ---- */

/* Sends until the socket blocks or nothing is left. Never yields. */
void fanout_push(struct fanout_viewer *fv);

/* The same for a parked viewer that has no bytes of its own to send: uses shared batches. */
void fanout_push_parked(struct fanout_viewer *fv);

/* Appends bytes to be sent before the next batch. 0, or -1 beyond a limit or without memory. */
int fanout_inject(struct fanout_viewer *fv, const void *data, size_t len);

/*
 * Call it when the stream has new bytes: no viewer is at the beginning of a shared batch any more.
 */
static inline void fanout_shared_forget(struct fanout_channel *channel)
{
    for (int i = 0; i < FANOUT_SHARED; i++)
        channel->shared[i].is_valid = 0;
}

/* Frees the head after it was sent, or when it is no longer needed. */
void fanout_done_with_head(struct fanout_viewer *fv);

#endif
