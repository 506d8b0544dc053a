#ifndef LIVE_RENDITION_H
#define LIVE_RENDITION_H

/*
 * One format of a stream: a muxer, the ring that it fills, the preamble for new viewers, and its
 * viewers. The native FLV rendition lives as long as its source; the others are made with their
 * first viewer and freed with their last. Private to live.
 */
#include "live/blob.h"
#include "live/ring.h"
#include "live/source.h"
#include "live/sync_index.h"
#include "media/mux.h"

/* The past that a rendition has not yet read (rendition_fill.c). */
struct rendition_backlog {
    struct rendition *from; /* read from its ring; NULL: there is none */
    struct ring_cursor at;  /* read up to here */
    uint64_t audio_from;    /* audio before this offset belongs to another configuration */
    int is_void;            /* the selected track has changed: it begins again */
};

struct rendition {
    struct source *source;
    const struct mux *mux;
    enum source_only only;
    struct source_select select; /* of a multitrack stream */
    uint8_t is_extra[2];         /* it gets the selected track instead of the main one */
    int is_fed;  /* gets frames; a format that stands alone waits until the tracks are known */
    int is_kept; /* stays without viewers, for fast_cache or as source->full */
    int is_deep; /* keeps the past for viewers that begin there (rewind) */
    struct rendition_backlog backlog;
    usec_t pushed_at;    /* when its last frame was pushed */
    uint32_t chunk_size; /* the configured one when it was made; never changes */
    struct mux_state *state;
    struct ring ring;
    struct sync_index index;  /* where viewers can begin in the ring */
    uint32_t newest_ms;       /* of the newest frame */
    uint64_t unmixed_offset;  /* frames before it have an older configuration than the newest */
    int holds_start;          /* the publication start is held: */
    struct ring_cursor start; /* its place, once there is one */
    int start_is_sync; /* it is a sync point; 0: the first audio frame of an audio-only stream */
    struct blob
        *preamble; /* bytes that a viewer gets before the newest sync point; NULL: not known yet */
    struct blob *bridge; /* bytes that a viewer that lost its place gets before the newest sync
                            point, or NULL */
    struct viewer *viewers;
    size_t viewer_count;
    size_t started;                      /* viewers that have received bytes */
    size_t uncounted, uncounted_started; /* those of them that are nobody's screen */
    uint64_t epoch;                      /* incremented when connected viewers must end */
    uint64_t epoch_offset;               /* the ring's offset where the current epoch began */
    struct rendition *next;
};

/* 0, or -1 without memory. The caller then sets `only` and `select`. */
int rendition_init(struct rendition *rendition, struct source *source, const struct mux *mux);
/* Applies the source's configuration to its ring. */
void rendition_set_limits(struct rendition *rendition);
void rendition_fini(struct rendition *rendition);

/* Whether it takes frames of this type. */
int rendition_takes(const struct rendition *rendition, enum frame_type type);

/* True for those that get frames before the tracks are known: RTMP and audio-only formats. */
int rendition_is_eager(const struct rendition *rendition);

/* Lets go of its places in rings, its own and that of another rendition. */
void rendition_release(struct rendition *rendition);

/* True while it reads the past: frames reach it from there, and no viewer begins. */
static inline int rendition_is_filling(const struct rendition *rendition)
{
    return rendition->backlog.from != NULL;
}

/* True if viewers begin at sync points only; else they begin at any frame. */
int rendition_has_sync(const struct rendition *rendition);

/* Whether the ring has frames of the current epoch for this start: *point is set. */
enum sync_index_find rendition_find(struct rendition *rendition, const struct source_start *start,
                                    const struct sync_point **point);

/* Muxes one frame into the ring. */
void rendition_push(struct rendition *rendition, const struct frame *frame, uint32_t ms,
                    usec_t now);

struct extra_track;

/* What a viewer needs before the first frame; current values. */
struct init_data {
    int has_audio, has_video;
    int is_lax;              /* include sequence headers of tracks that are not announced */
    const struct blob *meta; /* body of onMetaData, or NULL */
    /* By enum jitter_track: */
    const struct blob *header[2];           /* tag bodies of the sequence headers, or NULL */
    enum codec codec[2];                    /* CODEC_NONE: no such track */
    const struct extra_track *extra_tracks; /* for multitrack as published: list; else NULL */
};
/* The preamble that these values make: a new reference, or NULL without memory. */
struct blob *rendition_make_preamble(struct rendition *rendition, const struct init_data *init);
void rendition_set_init_data(struct rendition *rendition, const struct init_data *init);

/* Passes a sequence header's tag body (or NULL) to the muxer of a format that stands alone
 * (container). */
void rendition_prime(struct rendition *rendition, enum frame_type type, const struct blob *body);

/* Resets the muxer to its initial state. */
void rendition_restart(struct rendition *rendition);

/* rendition_hold_start() holds the publication start from here on; rendition_drop_start() releases
 * it. */
void rendition_hold_start(struct rendition *rendition);
void rendition_drop_start(struct rendition *rendition);

/* Appends the mark that signals to other servers that the past is complete. */
void rendition_mark(struct rendition *rendition);

/* Ends the responses of connected viewers here. */
void rendition_cut(struct rendition *rendition);

/* Evicts the viewers that hold detached blocks. */
void rendition_evict(struct rendition *rendition);

#endif
