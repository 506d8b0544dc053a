#ifndef LIVE_SOURCE_PRIVATE_H
#define LIVE_SOURCE_PRIVATE_H

/* What source.c, rendition.c, viewer.c and hub.c share. Nobody else includes it. */
#include "live/jitter.h"
#include "live/rendition.h"
#include "live/source.h"
#include "live/viewer.h"
#include "media/meta.h"
#include "media/nal_repair.h"

/* What opens a stream: bodies of its metadata and of each track's sequence header, and how many
 * tracks a publisher may add to the main ones. */
#define SOURCE_META_MAX        ((size_t)256 * 1024)
#define SOURCE_HEADER_MAX      ((size_t)256 * 1024)
#define SOURCE_SIDES_MAX       16
#define SOURCE_SIDE_HEADER_MAX ((size_t)32 * 1024)

struct source_track {
    enum codec codec;     /* of what is in the ring; CODEC_NONE: no such track */
    int is_seen;          /* the present publisher has sent something of it */
    int has_frames;       /* and not its sequence header alone */
    int64_t last_ms;      /* its newest frame; only if has_frames */
    int64_t silent_ms;    /* how much of the other track has come since then */
    int64_t longest_ms;   /* and at most between two of its frames; of former publishers', too */
    uint32_t frames;      /* of the present publisher, no further than to know that it is steady */
    int is_announced;     /* the FLV header promises it */
    uint8_t has_main;     /* which of several tracks (multitrack) this is is known: */
    uint8_t main;         /* its id */
    struct blob *header;  /* sequence header in force at the ring's end, a tag body; or NULL */
    struct blob *pending; /* a changed one that waits for its keyframe; or NULL */
};

/* A track of a multitrack stream. The main ones are here, too, when they came as such. */
struct source_side {
    struct source_side *next;
    enum jitter_track which;
    uint8_t id;
    uint8_t is_seen; /* the present publisher has sent something of it */
    enum codec codec;
    int64_t last_ms;       /* where the timeline stood at its newest message */
    struct blob *header;   /* its sequence header, an ordinary tag body; or NULL */
    struct blob *original; /* the message that brought it, with it as its first track; or NULL */
};

/* mix_correct: a frame that waits for its turn. */
struct source_mixed {
    struct source_mixed *prev, *next;
    enum frame_type type;
    uint32_t timestamp;
    size_t len;
    uint8_t data[];
};

struct source_mixing {
    struct source_mixed *first, *last; /* in their order */
    size_t count[JITTER_TRACKS];
    size_t bytes;
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
    struct source_side *sides;
    uint8_t has_sides;            /* multitrack messages have come */
    uint8_t is_repeat;            /* the sequence header that is being pushed has come before */
    uint8_t original_sent;        /* `original` has gone to those who get all as published */
    const struct frame *original; /* the multitrack message that is being pushed, or NULL */
    struct rendition *full;       /* of multitrack, all as published; one of others; or NULL */
    struct source_mixing mixing;
    struct nal_repair repair;
    uint8_t has_repaired; /* of the present publication something, and the events were told */
    int repeats_sets;     /* connected FLV viewers began with other H.264 parameter sets */
    int is_decided;       /* is_announced of both tracks holds */
    int64_t first_ms;     /* where the present publisher's media began on the timeline */
    int has_first;
    usec_t first_at;
    usec_t away_at;
    uint8_t is_settled;   /* what has not come by now is not part of the publication */
    uint8_t has_key;      /* the present publisher has sent a keyframe */
    uint8_t is_midway;    /* it has none, and pictures that need one */
    uint8_t has_told_gop; /* on_gop_lost */
    usec_t first_key_at;  /* when the first one came; */
    usec_t key_at;        /* the newest; before it, when the publication began */
    uint8_t holds_begin;  /* renditions hold the publication's first start */
    uint8_t is_filling;   /* a relay brings what there was of the past */
    uint8_t has_promise;  /* what the header promises is known beforehand: */
    uint8_t promise[JITTER_TRACKS];
    struct blob *meta;    /* body of onMetaData for viewers */
    uint8_t meta_is_made; /* it is not the present publisher's: source_make_meta() may replace it */
    double frame_rate;    /* what the video's sequence header says; 0: nothing */
    struct source_facts told; /* to on_facts */
    struct rendition native;
    struct rendition *others; /* list */
    struct source_stat stat;
};

enum viewer_place {
    VIEWER_NEW,   /* nothing sent yet */
    VIEWER_LOST,  /* waits for the next start */
    VIEWER_SOUND, /* the same, and takes the sound meanwhile (viewer_sound.c) */
    VIEWER_RUN,
    VIEWER_OVER
};

struct viewer {
    /* What each send looks at comes first, in one line of the cache. */
    struct rendition *rendition;
    struct ring_cursor cursor;
    uint64_t epoch;
    uint8_t place; /* enum viewer_place */
    uint8_t has_batch;
    uint8_t has_begun;
    uint8_t is_evicted;
    uint8_t is_unopened; /* takes sound, and has had nothing that opens the stream */
    uint32_t skips;
    struct ring_block *batch_last; /* where the open batch ends */
    uint32_t batch_at;
    uint32_t batch_len;
    struct blob *preamble;        /* held while it is in the open batch */
    struct ring_block *pinned[2]; /* blocks of the open batch behind the cursor's */
    struct viewer *prev, *next;
    void *owner;
    uint64_t min_start; /* a start before this offset is not taken */
    uint32_t publishes; /* of the source when it came: it has waited for later ones */
};

/* What a walk along the ring needs (viewer.c). */
uint64_t viewer_limit(const struct viewer *viewer);
void viewer_add(struct viewer_batch *batch, const void *data, size_t len);
void viewer_move(struct viewer *viewer, struct ring_block *block, uint32_t at);
void viewer_bridge(struct viewer *viewer);

/*
 * A viewer for whom there is no keyframe may have the sound until the next one comes. Puts it where
 * that begins: 0, or -1: it has to wait.
 */
int viewer_sound_begin(struct viewer *viewer);
/* True when the next keyframe is what comes next. */
int viewer_sound_is_over(const struct viewer *viewer);
/* Adds the sound that comes next to the batch, and sets where that ends. */
void viewer_sound_fill(struct viewer *viewer, size_t max, struct viewer_batch *batch);

/* What the configuration allows one of its rings. */
void source_ring_limits(const struct source *source, struct ring_limits *limits);
/* A frame was not taken. */
void source_count_drop(struct source *source);

/* The rendition of this format and these tracks, made and filled if there is none. NULL without
 * memory, or when there are too many of chosen tracks. */
struct rendition *source_rendition(struct source *source, const struct mux *mux,
                                   enum source_only only, const struct source_select *select,
                                   usec_t now);
/* A viewer has left it: it goes with its last. */
void source_rendition_left(struct source *source, struct rendition *rendition);

/* The events' on_data. */
void source_emit_data(struct source *source);

/* The same for on_viewers. */
void source_emit_viewers(struct source *source);

/* The events' on_facts, if anything has changed since it was last told. */
void source_tell_facts(struct source *source);

/* The events' on_watched. */
void source_emit_watched(struct source *source);

/* What opens the stream changes for those who begin from now on. */
void source_reopen(struct source *source);

/* One frame as published, for the formats that follow a stream by themselves (in_band). */
void source_spread(struct source *source, const struct frame *frame, int64_t ms, usec_t now);
/* One frame as FLV players bear it: into the native ring and those of one track alone. */
void source_feed(struct source *source, const struct frame *frame, int64_t ms, usec_t now);
/* One frame for RTMP players and relays alone, who get everything. */
void source_pass(struct source *source, const struct frame *frame, int64_t ms, usec_t now);
/* The tracks are known: renditions that waited for that are filled. */
void source_feed_all(struct source *source);
/* The stream begins anew: they wait again. */
void source_starve(struct source *source);
/* Renditions that were only kept go. */
void source_let_go(struct source *source);
/* The configuration's limits for all rings. */
void source_set_limits(struct source *source);

/* The first start of the publication that now comes is held, for those who wait for it. */
void source_hold_begin(struct source *source);
void source_drop_begin(struct source *source);
/* Who has not begun yet has not waited for what the ring has so far. */
void source_forget_places(struct source *source);

/* Nobody begins before the next keyframe. */
void source_drop_starts(struct source *source);

/* The same for FLV's alone. */
void source_drop_flv_starts(struct source *source);

enum source_cut {
    SOURCE_CUT_CHANGE, /* FLV viewers, and those whose format has no place for what comes now */
    SOURCE_CUT_ALL
};

/* Connected viewers end here. */
void source_cut(struct source *source, enum source_cut who);

/* Relays end here. 1 when there is any. */
int source_cut_relays(struct source *source);

/* Viewers that have taken bytes, of all formats. */
size_t source_started(const struct source *source);

/* What the FLV header promises: as given; or as soon as it can be known from what was seen. */
void source_decide(struct source *source, int has_audio, int has_video);
void source_guess(struct source *source, int64_t ms);

/* As if it had never been. */
void source_track_forget(struct source_track *track);

/*
 * The body of a keyframe of the native ring as it was published, without the parameter sets that
 * went in front of it; its length in *len, the caller frees it. NULL: there are none, or no memory.
 */
uint8_t *source_without_sets(const struct source *source, const struct frame *frame, size_t *len);

/* A message of a multitrack stream, track by track (source_side.c). */
void source_push_tracks(struct source *source, enum jitter_track which, const struct frame *frame,
                        usec_t now);
struct source_side *source_side_find(const struct source *source, enum jitter_track which,
                                     uint8_t id);
/* Another publisher begins; and: there are none. */
void source_sides_publish(struct source *source);
void source_sides_forget(struct source *source);

/* What of the choice makes a difference for this format and stream (source_select.c). */
void source_select_fit(const struct source *source, const struct mux *mux,
                       struct source_select *select);
/* Whether there may be no further rendition of chosen tracks. */
int source_select_is_full(const struct source *source, const struct source_select *select);
/* Which tracks the rendition gets, now; and all of them again: those that change are cut. */
void source_select_set(const struct source *source, struct rendition *rendition);
void source_select_again(struct source *source);
/* The id of the track that it gets. */
uint8_t source_select_track(const struct rendition *rendition, enum jitter_track which);
/* A frame of a side track as an ordinary one, for those that chose it; is_changed: its sequence
 * header is another than before. */
void source_select_push(struct source *source, enum jitter_track which, uint8_t id,
                        const struct frame *frame, int is_changed, int64_t ms, usec_t now);
/* What opens the stream, with the headers of the tracks that the rendition gets. */
void source_select_open(const struct source *source, const struct rendition *rendition,
                        struct rendition_opening *opening);
/* The rendition that holds all as published. */
void source_full_make(struct source *source, usec_t now);
void source_full_drop(struct source *source);
/* The one that another is filled from; and a frame of `full` into one of chosen tracks. */
const struct rendition *source_replayed(const struct source *source,
                                        const struct rendition *rendition);
void source_select_replay(struct rendition *rendition, const struct frame *frame, usec_t now);
/* Whether its viewers have this sequence header already. */
int rendition_has_had(const struct rendition *rendition, const struct frame *frame);
/* One message for those who get all as published. */
void source_pass_all(struct source *source, const struct frame *frame, int64_t ms, usec_t now);

/* A frame of the main track, as an ordinary message (source_push.c). */
void source_push_main(struct source *source, const struct frame *frame, usec_t now);

/* Pushes the frame as it should be, when it is malformed in a known way: 1, else 0
 * (source_repair.c). */
int source_repair(struct source *source, const struct frame *frame, usec_t now);

/* Reads what is known of a track from its sequence header, or its first frame
 * (source_describe.c). */
void source_describe(struct source *source, const struct frame *frame);
/* Metadata of a publisher that sends none, from what is known. */
void source_make_meta(struct source *source);

/* A sound frame, by way of the queue of mix_correct where that is on (source_push.c). */
void source_push_sound(struct source *source, const struct frame *frame, usec_t now);

/* A script tag's way into the rings (source_data.c). */
void source_push_script(struct source *source, const struct frame *frame, usec_t now);

/* A change that FLV players cannot follow: connected ones end, the header is decided again. */
void source_break(struct source *source, int has_audio, int has_video);
/* A frame has come at this time: how much of one track comes without the other. */
void source_note_silence(struct source *source, enum jitter_track which, int64_t ms);
/* A track that appears after the header was decided, that is missing for too long, or that a new
 * publisher no longer has. */
void source_check_tracks(struct source *source, const struct frame *frame, int64_t ms);
/* The same by the clock: a track that has not come by now is not waited for. */
void source_settle(struct source *source, usec_t now);

/* Whether who begins now has a keyframe to wait for that may be far. */
int source_lacks_key(const struct source *source);

/* The events' on_gop_lost, once for a publication. */
void source_tell_gop(struct source *source);

/* A frame of audio or video on its way into the rings (source_push.c). */
void source_push_tag(struct source *source, const struct frame *frame, usec_t now);

/* The same by way of the queue of mix_correct (source_mix.c). */
void source_mix(struct source *source, const struct frame *frame, usec_t now);
/* All that waits there goes on, in its order; or is forgotten. */
void source_mix_flush(struct source *source, usec_t now);
void source_mix_forget(struct source *source);

/* Made by the hub with one reference. */
struct source *source_new(const char *key, const struct source_config *config);

#endif
