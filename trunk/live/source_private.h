#ifndef LIVE_SOURCE_PRIVATE_H
#define LIVE_SOURCE_PRIVATE_H

/* What source.c, rendition.c, viewer.c and hub.c share. Nobody else includes it. */
#include "live/jitter.h"
#include "live/rendition.h"
#include "live/source.h"
#include "live/viewer.h"
#include "media/meta.h"

struct source_track {
    enum codec codec;     /* of what is in the ring; CODEC_NONE: no such track */
    int is_seen;          /* the present publisher has sent something of it */
    int is_announced;     /* the FLV header promises it */
    struct blob *header;  /* sequence header in force at the ring's end, a tag body; or NULL */
    struct blob *pending; /* a changed one that waits for its keyframe; or NULL */
};

struct source {
    char *key;
    uint32_t refs;
    enum source_state state;
    struct source_config config;
    struct source_events events;
    void *data;
    struct jitter jitter;
    struct source_track track[JITTER_TRACKS];
    int repeats_sets;   /* connected FLV viewers began with other H.264 parameter sets */
    int is_decided;   /* is_announced of both tracks holds */
    int64_t first_ms; /* where the present publisher's media began on the timeline */
    int has_first;
    usec_t first_at;
    usec_t away_at;
    struct blob *meta; /* body of onMetaData for viewers */
    struct meta_facts facts;
    struct rendition native;
    struct rendition *others; /* list */
    struct source_stat stat;
};

enum viewer_place {
    VIEWER_NEW,  /* nothing sent yet */
    VIEWER_LOST, /* waits for the next start */
    VIEWER_RUN,
    VIEWER_OVER
};

struct viewer {
    struct rendition *rendition;
    struct viewer *prev, *next;
    void *owner;
    struct ring_cursor cursor;
    uint64_t epoch;
    uint64_t min_start;            /* a start before this offset is not taken */
    struct blob *preamble;         /* held while it is in the open batch */
    struct ring_block *pinned[2];  /* blocks of the open batch behind the cursor's */
    struct ring_block *batch_last; /* where the open batch ends */
    uint32_t batch_at;
    uint32_t batch_len;
    uint32_t skips;
    uint8_t place; /* enum viewer_place */
    uint8_t has_batch;
    uint8_t has_begun;
    uint8_t is_evicted;
};

void source_ring_limits(const struct source *source, struct ring_limits *limits);
void source_count_drop(struct source *source);

/* The rendition of this format, made and filled if there is none. NULL without memory. */
struct rendition *source_rendition(struct source *source, const struct mux *mux, usec_t now);
/* A viewer has left it: it goes with its last. */
void source_rendition_left(struct source *source, struct rendition *rendition);

/* The events' on_data. */
void source_emit_data(struct source *source);

/* What opens the stream changes for those who begin from now on. */
void source_reopen(struct source *source);

/* One frame to the renditions beside the native one. */
void source_spread(struct source *source, const struct frame *frame, int64_t ms, usec_t now);

/* Nobody begins before the next keyframe. */
void source_drop_starts(struct source *source);

/* Connected viewers end here; everyone: also those of formats that follow changes. */
void source_cut(struct source *source, int everyone);

/* What the FLV header promises: as given; or as soon as it can be known from what was seen. */
void source_decide(struct source *source, int has_audio, int has_video);
void source_guess(struct source *source, int64_t ms);

void source_track_forget(struct source_track *track);

/* Made by the hub with one reference. */
struct source *source_new(const char *key, const struct source_config *config);

#endif
