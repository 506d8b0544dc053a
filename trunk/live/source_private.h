#ifndef LIVE_SOURCE_PRIVATE_H
#define LIVE_SOURCE_PRIVATE_H

/*
 * The parts of a source, and the lowest floor of live: facts, events, properties from headers, the
 * list of tracks. The floors above it are renditions.h, source_push.h, source.c and
 * viewer_private.h, in this order; calls only point down. Private to live.
 */
#include "live/jitter.h"
#include "live/rendition.h"
#include "live/source.h"
#include "media/meta.h"
#include "media/nal_repair.h"

/* Limits of init data: bytes of metadata and of each track's sequence header; how many tracks a
 * publisher may send in addition to the main ones. */
#define SOURCE_HEADER_MAX      ((size_t)256 * 1024)
#define EXTRA_TRACKS_MAX       16
#define EXTRA_TRACK_HEADER_MAX ((size_t)32 * 1024)

struct source_track {
    enum codec codec;     /* in the ring; CODEC_NONE: no such track */
    int is_seen;          /* the current publisher has sent a message of it */
    int has_frames;       /* and a frame, not only its sequence header */
    int64_t last_ms;      /* of its newest frame; only if has_frames */
    int64_t silent_ms;    /* how much of the other track arrived after that frame */
    int64_t longest_ms;   /* the most between two of its frames, former publishers included */
    uint32_t frames;      /* of the current publisher; counted up to SOURCE_STEADY_FRAMES */
    int is_announced;     /* the FLV header announces it */
    uint8_t has_main;     /* multitrack: the id of the main track is known, */
    uint8_t main;         /* this one */
    struct blob *header;  /* the sequence header in force at the ring's end, a tag body; or NULL */
    struct blob *pending; /* a changed one, used from the next keyframe on; or NULL */
};

/* A track of a multitrack stream. Includes the main tracks if they came in multitrack messages. */
struct extra_track {
    struct extra_track *next;
    enum jitter_track which;
    uint8_t id;
    uint8_t is_seen; /* the current publisher has sent a message of it */
    enum codec codec;
    int64_t last_ms;       /* the timeline's position at its newest message */
    struct blob *header;   /* its sequence header as an ordinary tag body; or NULL */
    struct blob *original; /* the multitrack message whose first track it was; or NULL */
};

/* mix_correct: a queued frame */
struct source_mixed {
    struct source_mixed *prev, *next;
    enum frame_type type;
    uint32_t timestamp;
    size_t len;
    uint8_t data[];
};

struct source_mixing {
    struct source_mixed *first, *last; /* in the order of their timestamps */
    size_t count[JITTER_TRACKS];
    size_t bytes;
};

/* The measurement of the current publication (source_measure.c). */
struct source_measure {
    uint8_t is_on;
    int64_t key[SOURCE_TIME_KEYS]; /* as in struct source_time */
    int64_t from_ms;               /* of the piece that is being measured */
    uint64_t bytes, frames;        /* the counters at its beginning */
    uint32_t kbps, gop_ms;
    uint16_t frame_rate;
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
    uint8_t has_extra_tracks; /* multitrack messages were received */
    uint8_t is_repeat;        /* the sequence header being pushed is the same as before */
    uint8_t
        original_sent; /* `original` was already sent to those that get all tracks as published */
    const struct frame *original; /* the multitrack message being pushed, or NULL */
    struct rendition *full; /* all tracks as published, for multitrack; one of others; or NULL */
    struct source_mixing mixing;
    struct nal_repair repair;
    uint8_t has_lost_header; /* no memory for a sequence header of this publication */
    uint8_t has_repaired;    /* a message of this publication was repaired, and on_repair called */
    int repeats_sets;        /* connected FLV viewers began with other H.264 parameter sets */
    uint64_t sets_offset;    /* in the native ring: keyframes from here on contain them */
    int is_decided;          /* is_announced of both tracks is final */
    int64_t first_ms;        /* position of the current publisher's first frame on the timeline */
    int has_first;
    usec_t first_at;
    usec_t interrupted_at;
    uint8_t is_settled; /* a track that has not arrived is not waited for any more */
    uint8_t has_key;    /* the current publisher has sent a keyframe */
    uint8_t is_midway;  /* the current publisher has sent only video frames that need an earlier
                           keyframe */
    uint8_t has_reported_gop; /* on_gop_lost was called for this publication */
    usec_t first_key_at;      /* of the current publisher's first keyframe */
    usec_t key_at;            /* of the newest keyframe; before the first one, of the publish */
    uint8_t holds_start;      /* renditions hold the publication start */
    uint8_t news;             /* enum source_news */
    uint8_t is_filling;       /* the pull from another worker is still delivering the past */
    uint8_t has_promise;      /* source_promise() was called: */
    uint8_t promise[JITTER_TRACKS];
    usec_t stamp_at;      /* when the next time stamp is due (source_stamp.c) */
    struct blob *meta;    /* body of onMetaData for viewers */
    uint8_t meta_is_made; /* not sent by the current publisher: source_make_meta() may replace it */
    double frame_rate;    /* from the video's sequence header; 0: unknown */
    uint8_t aac_type;     /* struct source_facts */
    struct source_measure measure;
    struct source_facts reported; /* the facts at the last on_facts */
    struct rendition native;
    struct rendition *others;  /* list */
    struct rendition *leaving; /* list: without viewers, freed in steps */
    size_t uncounted;          /* viewers that stat.viewers does not include */
    size_t attending; /* those of stat.viewers that are no struct viewer: source_attend() */
    struct source_stat stat;
};

/* Counts a dropped frame. */
static inline void source_count_drop(struct source *source)
{
    source->stat.frames_dropped++;
}

/* Called by the hub, which owns the reference (source.c). NULL without memory. */
struct source *source_new(const char *key, const struct source_config *config);
/* One viewer more (1) or less (-1) in stat.viewers; tells it when it is the first or the last
 * (source.c). */
void source_count_viewer(struct source *source, int change);
/* Whether a viewer that connects now may have to wait long for a keyframe. */
int source_lacks_key(const struct source *source);

/* ---- events (source_report.c) ---- */

void source_report_data(struct source *source);
void source_report_viewers(struct source *source);
void source_report_watched(struct source *source);
void source_report_begin(struct source *source, struct viewer *viewer);
/* Only if they changed since the last call. */
void source_report_facts(struct source *source);
/* Once per publication, if the GOP is too long to be kept. */
void source_report_gop(struct source *source);
/* Once per publication. */
void source_report_repair(struct source *source, const char *what);
void source_report_evict(struct source *source, struct viewer *viewer);

/* ---- what headers say (source_describe.c) ---- */

/* Reads a track's properties from its sequence header or first frame. */
void source_describe(struct source *source, const struct frame *frame);
/* Makes metadata from what is known, for a publisher that sends none. */
void source_make_meta(struct source *source);

/* ---- the tracks of multitrack (extra_track.c) ---- */

/* NULL: no such track. */
struct extra_track *extra_track_find(const struct source *source, enum jitter_track which,
                                     uint8_t id);
/* The same, added if there is none; NULL beyond EXTRA_TRACKS_MAX or without memory. */
struct extra_track *extra_track_get(struct source *source, enum jitter_track which, uint8_t id);
/*
 * extra_track_publish_all(): a new publisher begins. extra_track_forget_all() forgets all tracks.
 */
void extra_track_publish_all(struct source *source);
void extra_track_forget_all(struct source *source);
/* Forgets tracks that have been silent for too long. 1 if there was any. */
int extra_track_drop_gone(struct source *source);

#endif
