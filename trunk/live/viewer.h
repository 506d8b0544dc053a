#ifndef LIVE_VIEWER_H
#define LIVE_VIEWER_H

/*
 * A viewer: a position in a ring. viewer_next() returns the bytes that come next, without copying;
 * viewer_sent() moves the position once they are sent. In between the bytes stay valid, whatever
 * the source does. Never yields.
 */
#include "live/source.h"

#define VIEWER_SPANS_MAX 3

enum viewer_status {
    VIEWER_WAIT,  /* nothing to send; ask again at the source's on_data */
    VIEWER_BYTES, /* spans are set, and pinned until viewer_sent() */
    VIEWER_END /* end the response cleanly; if it has not begun (viewer_has_begun()): the format can
                  carry nothing of the stream */
};

struct viewer_batch {
    struct iovec span[VIEWER_SPANS_MAX];
    int count;
    size_t len; /* of all spans; always whole units */
};

/* mux: &mux_flv or another row. NULL without memory. Holds a reference on source. */
struct viewer *viewer_open(struct source *source, const struct mux *mux, usec_t now);
/* The same for one track alone. */
struct viewer *viewer_open_only(struct source *source, const struct mux *mux, enum source_only only,
                                usec_t now);
/* The same for selected tracks; &mux_flv with select->is_all becomes &mux_flv_all. */
struct viewer *viewer_open_tracks(struct source *source, const struct mux *mux,
                                  enum source_only only, const struct source_select *select,
                                  usec_t now);
/* The same for a viewer that is nobody's screen (a recording, segments): it counts neither as a
 * viewer of the source nor in what it has sent. */
struct viewer *viewer_open_uncounted(struct source *source, const struct mux *mux, usec_t now);
/* The same with everything that a client may ask for. */
struct viewer_wish {
    enum source_only only;
    struct source_select select;
    struct source_start start;
};
struct viewer *viewer_open_wish(struct source *source, const struct mux *mux,
                                const struct viewer_wish *wish, usec_t now);
void viewer_close(struct viewer *viewer);

/* Treats the viewer as if it had connected at `since`: if that was before the publisher's first
 * keyframe, it begins there while the publication start is held. */
void viewer_since(struct viewer *viewer, usec_t since);

/* viewer_each() calls fn for each viewer of the source, viewer_each_waiting() for each HTTP viewer
 * that has received nothing yet. fn must not close any. */
void viewer_each(struct source *source, void (*fn)(struct viewer *viewer));
void viewer_each_waiting(struct source *source, void (*fn)(struct viewer *viewer));

/* The next whole units, at most about max bytes (one unit may be larger). */
enum viewer_status viewer_next(struct viewer *viewer, size_t max, struct viewer_batch *batch);

/* The last batch was sent. */
void viewer_sent(struct viewer *viewer);

/*
 * Many viewers are at the same place and get the same bytes. A shared batch describes the open
 * batch of one of them; it is valid until the next push to the source.
 */
struct viewer_shared_batch {
    const void *rendition;
    const void *from, *to; /* private to live */
    uint32_t from_at, to_at;
    uint32_t len;
    uint64_t epoch;
    int is_all; /* nothing follows it yet */
};

/* Describes the open batch. 0, or -1 when it is the viewer's own (it includes a preamble). */
int viewer_shared_batch_get(const struct viewer *viewer, struct viewer_shared_batch *shared);

/* True if this viewer's next batch is the shared one. */
int viewer_shared_batch_fits(const struct viewer *viewer, const struct viewer_shared_batch *shared);

/* The shared batch was sent: like viewer_next() and viewer_sent() in one. */
void viewer_shared_batch_sent(struct viewer *viewer, const struct viewer_shared_batch *shared);

/* Continues at the newest sync point (an RTMP player's resume). */
void viewer_skip(struct viewer *viewer);

/* How often this viewer lost its place and jumped. */
uint32_t viewer_skips(const struct viewer *viewer);

/* What a viewer that comes now would get before the first frame, with its length; NULL: not known
 * yet. Valid until the next push to the source. */
const uint8_t *viewer_init_data(const struct viewer *viewer, size_t *len);

/* A pointer for the source's on_evict; borrowed. */
void viewer_set_owner(struct viewer *viewer, void *owner);
void *viewer_owner(const struct viewer *viewer);

/*
 * A viewer that begins in the past may be the first of its format: that is made then, in steps of
 * less than a millisecond or so. Makes the next one; 1 if more follow. Without calls the viewer
 * begins later: each new frame makes one step, too.
 */
int viewer_prepare(struct viewer *viewer);

/* True once the viewer has received bytes. */
int viewer_has_begun(const struct viewer *viewer);

/* True after VIEWER_END without bytes: its start is far after the stream's newest frame. */
int viewer_is_far(const struct viewer *viewer);

/* True when its stream has ended: viewer_next() returns the rest, if any, and then VIEWER_END. */
int viewer_is_cut(const struct viewer *viewer);

/* Borrowed; the viewer holds a reference. */
struct source *viewer_source(const struct viewer *viewer);

/* The RTMP chunk size of its bytes; constant for its whole life. */
uint32_t viewer_chunk_size(const struct viewer *viewer);

#endif
