#ifndef LIVE_RENDITION_H
#define LIVE_RENDITION_H

/*
 * One format of a stream: a muxer, the ring it fills, what opens it for a new
 * viewer, and its viewers. The native FLV rendition lives as long as its source;
 * the others are made with their first viewer and go with their last. Private to live.
 */
#include "live/blob.h"
#include "live/ring.h"
#include "live/source.h"
#include "media/mux.h"

struct rendition {
    struct source *source;
    const struct mux *mux;
    enum source_only only;
    struct source_select select; /* of a multitrack stream */
    uint8_t is_extra[2];         /* it gets the chosen track in the place of the main one */
    int is_fed; /* frames go into it: a format that stands alone waits until the tracks are known */
    int is_kept;         /* stays without viewers, for fast_cache */
    usec_t pushed_at;    /* when its last frame came */
    uint32_t chunk_size; /* the source's when it was made, and as long as it is there */
    struct mux_state *state;
    struct ring ring;
    int holds_start;          /* the publication's first start is held, */
    struct ring_cursor start; /* once there is one; */
    int start_is_sync;        /* until then its first sound, where there are only sounds */
    struct blob *preamble;    /* what opens the stream at the newest start; NULL: not known yet */
    struct blob
        *bridge; /* what a viewer who lost its place takes before the newest start, or NULL */
    struct viewer *viewers;
    size_t viewer_count;
    size_t started;        /* viewers that have taken bytes */
    uint64_t epoch;        /* raised when connected viewers must end */
    uint64_t epoch_offset; /* the ring's offset at which the present epoch began */
    struct rendition *next;
};

/* 0, or -1 without memory. Set `only` and `select` then. */
int rendition_init(struct rendition *rendition, struct source *source, const struct mux *mux);
/* The limits of its ring as the source is configured now. */
void rendition_set_limits(struct rendition *rendition);
void rendition_fini(struct rendition *rendition);

/* Whether frames of this type go in. */
int rendition_takes(const struct rendition *rendition, enum frame_type type);

/* True for those that are fed from the first frame on: RTMP, and what has nothing to say of tracks.
 */
int rendition_is_eager(const struct rendition *rendition);

/* True where viewers begin at the ring's starts; else they do at any frame. */
int rendition_has_sync(const struct rendition *rendition);

/* One frame into the ring. */
void rendition_push(struct rendition *rendition, const struct frame *frame, uint32_t ms,
                    usec_t now);

struct extra_track;

/* What opens the stream, as of now. */
struct init_data {
    int has_audio, has_video;
    int is_lax;              /* sequence headers also of what is not announced */
    const struct blob *meta; /* body of onMetaData, or NULL */
    /* By enum jitter_track: */
    const struct blob *header[2];           /* tag bodies of the sequence headers, or NULL */
    enum codec codec[2];                    /* CODEC_NONE: no such track */
    const struct extra_track *extra_tracks; /* of multitrack as published: list, else NULL */
};
void rendition_set_init_data(struct rendition *rendition, const struct init_data *init);

/* A sequence header's tag body (or NULL) for the muxer's state; a format that stands alone only. */
void rendition_prime(struct rendition *rendition, enum frame_type type, const struct blob *body);

/* Begins anew: the muxer as it was opened. */
void rendition_restart(struct rendition *rendition);

/* A publication's first start is held from here on, and no longer. */
void rendition_hold_start(struct rendition *rendition);
void rendition_drop_start(struct rendition *rendition);

/* Says to relays that what follows is new. */
void rendition_mark(struct rendition *rendition);

/* Connected viewers end here. */
void rendition_cut(struct rendition *rendition);

/* Closes what must be closed so that dropped memory stays within its bound. */
void rendition_evict(struct rendition *rendition);

#endif
