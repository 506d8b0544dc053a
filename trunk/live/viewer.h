#ifndef LIVE_VIEWER_H
#define LIVE_VIEWER_H

/*
 * A viewer: a position in a ring. viewer_next() names the bytes that come next
 * without copying them; viewer_sent() moves the position when they are out.
 * Between the two the bytes stay where they are, whatever the source does.
 * Never yields.
 */
#include "live/source.h"

#define VIEWER_SPANS_MAX 3

enum viewer_status {
    VIEWER_WAIT,  /* nothing now; the source's on_data tells when to ask again */
    VIEWER_BYTES, /* spans are set; they stay pinned until viewer_sent() */
    VIEWER_END    /* the response ends cleanly here; before it has begun (viewer_has_begun()):
                     the stream turned out to have nothing that this format carries */
};

struct viewer_batch {
    struct iovec span[VIEWER_SPANS_MAX];
    int count;
    size_t len; /* of all spans; always whole tags */
};

/* mux: &mux_flv or another row. NULL without memory. Holds a reference on source. */
struct viewer *viewer_open(struct source *source, const struct mux *mux, usec_t now);
/* The same for one track alone. */
struct viewer *viewer_open_only(struct source *source, const struct mux *mux, enum source_only only,
                                usec_t now);
/* The same of chosen tracks; &mux_flv with select->is_all gives &mux_flv_all. */
struct viewer *viewer_open_tracks(struct source *source, const struct mux *mux,
                                  enum source_only only, const struct source_select *select,
                                  usec_t now);
void viewer_close(struct viewer *viewer);

/* It counts as one who has been here since then: who has waited for the present publisher's first
 * keyframe begins there, if that is still held. */
void viewer_since(struct viewer *viewer, usec_t since);

/* Calls fn for each HTTP viewer of the source who has had nothing yet; it must not close any. */
/* fn is called for each viewer of the source. */
void viewer_each(struct source *source, void (*fn)(struct viewer *viewer));
void viewer_each_waiting(struct source *source, void (*fn)(struct viewer *viewer));

/* The next whole units, about max bytes at the most (one unit may be larger). */
enum viewer_status viewer_next(struct viewer *viewer, size_t max, struct viewer_batch *batch);

/* The last batch is out. */
void viewer_sent(struct viewer *viewer);

/*
 * Many viewers stand at the same place and take the same bytes. A step is what
 * one of them has just been given; it holds until the source is pushed to again.
 */
struct viewer_shared_batch {
    const void *rendition;
    const void *from, *to; /* private to live */
    uint32_t from_at, to_at;
    uint32_t len;
    uint64_t epoch;
    int is_all; /* nothing is behind it yet */
};

/* The step of the open batch. 0, or -1 when it is the viewer's own (a preamble is in it). */
int viewer_shared_batch_get(const struct viewer *viewer, struct viewer_shared_batch *shared);

/* True when this viewer's next batch is that step. */
int viewer_shared_batch_fits(const struct viewer *viewer, const struct viewer_shared_batch *shared);

/* The step's bytes are out: as viewer_next() and viewer_sent() at once. */
void viewer_shared_batch_sent(struct viewer *viewer, const struct viewer_shared_batch *shared);

/* Goes on at the newest keyframe (an RTMP player's resume). */
void viewer_skip(struct viewer *viewer);

/* How often this viewer lost its place and jumped. */
uint32_t viewer_skips(const struct viewer *viewer);

/* Who is told when the viewer is evicted; borrowed. */
void viewer_set_owner(struct viewer *viewer, void *owner);
void *viewer_owner(const struct viewer *viewer);

/* True once bytes were taken: the stream has begun for this viewer. */
int viewer_has_begun(const struct viewer *viewer);

/* True when what it watches has ended: viewer_next() gives the rest, if any, and then VIEWER_END.
 */
int viewer_is_cut(const struct viewer *viewer);

/* Borrowed: the viewer holds the reference. */
struct source *viewer_source(const struct viewer *viewer);

/* The chunk size (bytes) that its bytes are cut at, which holds for all its life: RTMP only. */
uint32_t viewer_chunk_size(const struct viewer *viewer);

#endif
