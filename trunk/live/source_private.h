#ifndef LIVE_SOURCE_PRIVATE_H
#define LIVE_SOURCE_PRIVATE_H

/*
 * What a source consists of, and the floor of live that only reads and notes: facts, events, what
 * headers say, the list of tracks. Above it stand renditions.h, source_push.h, source.c and
 * viewer_private.h, in this order; each calls only those below it. Private to live.
 */
#include "live/jitter.h"
#include "live/rendition.h"
#include "live/source.h"
#include "media/meta.h"
#include "media/nal_repair.h"

/* What opens a stream: bodies of its metadata and of each track's sequence header, and how many
 * tracks a publisher may add to the main ones. */
#define SOURCE_META_MAX        ((size_t)256 * 1024)
#define SOURCE_HEADER_MAX      ((size_t)256 * 1024)
#define EXTRA_TRACKS_MAX       16
#define EXTRA_TRACK_HEADER_MAX ((size_t)32 * 1024)

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
struct extra_track {
    struct extra_track *next;
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
    struct extra_track *extra_tracks;
    uint8_t has_extra_tracks;     /* multitrack messages have come */
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
    uint8_t holds_start;  /* renditions hold the publication's first start */
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

/* Counts a frame that was not taken. */
static inline void source_count_drop(struct source *source)
{
    source->stat.frames_dropped++;
}

/* Made by the hub with one reference (source.c). */
struct source *source_new(const char *key, const struct source_config *config);
/* Whether the next keyframe may be far from a viewer that comes now. */
int source_lacks_key(const struct source *source);

/* ---- events (source_tell.c) ---- */

void source_tell_data(struct source *source);
void source_tell_viewers(struct source *source);
void source_tell_watched(struct source *source);
/* If anything has changed since they were last told. */
void source_tell_facts(struct source *source);
/* Once per publication, if the group of pictures is too long to be kept. */
void source_tell_gop(struct source *source);
/* Once per publication. */
void source_tell_repair(struct source *source, const char *what);
void source_tell_evict(struct source *source, struct viewer *viewer);

/* ---- what headers say (source_describe.c) ---- */

/* Reads what is known of a track from its sequence header, or its first frame. */
void source_describe(struct source *source, const struct frame *frame);
/* Metadata of a publisher that sends none, from what is known. */
void source_make_meta(struct source *source);

/* ---- the tracks of multitrack (extra_track.c) ---- */

/* NULL: there is none. */
struct extra_track *extra_track_find(const struct source *source, enum jitter_track which,
                                     uint8_t id);
/* The same, made if there is none; NULL beyond the bound or without memory. */
struct extra_track *extra_track_get(struct source *source, enum jitter_track which, uint8_t id);
/* Another publisher begins; and: there are none. */
void extra_track_publish_all(struct source *source);
void extra_track_forget_all(struct source *source);
/* Forgets those that have not been heard of for too long. 1 when there was any. */
int extra_track_drop_gone(struct source *source);

#endif
