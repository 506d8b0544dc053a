#ifndef LIVE_SOURCE_H
#define LIVE_SOURCE_H

/*
 * A live stream: one publisher at most, one timeline, one native ring of FLV
 * tags, its renditions, its viewers. Reference counted; the hub holds one.
 * Time is an argument and waking is a callback; never yields.
 */
#include "base/clock.h"
#include "media/frame.h"
#include "media/mux.h"

#include <stddef.h>
#include <stdint.h>

enum time_jitter { TIME_JITTER_FULL, TIME_JITTER_ZERO, TIME_JITTER_OFF };

#define SOURCE_KEY_MAX 768 /* bytes of "vhost/app/stream", terminator included */

/* Copied when the source is made and again at each publish. */
struct source_config {
    int gop_cache;
    int gop_cache_max_frames;
    size_t gop_cache_max_bytes; /* bound of all bytes one ring holds */
    usec_t queue_length;        /* how far a viewer may lag */
    enum time_jitter time_jitter;
    int atc;
    int atc_auto;    /* atc as soon as the metadata asks for it */
    int mix_correct; /* audio and video in the order of their timestamps */
    int reduce_sequence_header;
    int makes_meta; /* onMetaData for a publisher that sends none */
    int repairs;    /* H.264 and HEVC messages that are malformed in known ways: see on_repair */
    int has_audio, has_video, guess_has_av, drop_if_not_match;
    usec_t republish_wait;
    usec_t fast_cache;   /* of sound that a new viewer of an audio-only format gets at once */
    uint32_t chunk_size; /* of RTMP's, bytes; for viewers of a format that has none yet */
    /* The publication's first keyframe is held for a moment, for relays that are about to come. */
    int keeps_start;
    /* The publisher is a relay of another worker's stream: its times are the stream's, and nobody
       begins before what it brings of the past is complete (source_filled()). */
    int is_worker_pull;
    int is_joined; /* and those who watch have come later than that: they are no listeners who wait
                    */
};

enum source_state {
    SOURCE_IDLE, /* nobody publishes; viewers wait for the first publisher (hstrs) */
    SOURCE_LIVE, /* published */
    SOURCE_AWAY  /* was published; viewers stay until republish_wait is over */
};

/* What a viewer asked for of the stream. */
enum source_only { SOURCE_BOTH, SOURCE_AUDIO_ONLY, SOURCE_VIDEO_ONLY };

/*
 * Which tracks of a multitrack stream, each pair of audio and video. All zero: the default ones,
 * those with the lowest ids, as ordinary messages.
 */
struct source_select {
    uint8_t is_all; /* as published, in the publisher's own messages */
    uint8_t wants[2];
    uint8_t id[2];
};

/* From "all", "N" (that track of each kind) or "aN,vN". 0, or -1 and the default ones. */
int source_select_parse(struct source_select *select, const char *text);

/* Whether a format has a place for the stream. */
enum source_fit {
    SOURCE_FIT_UNKNOWN, /* its codecs are not known yet */
    SOURCE_FITS,
    SOURCE_UNFIT /* nothing of it: another codec, or no such track */
};

/* What decides about that, each pair of audio and video: to be told to those who have not the
 * stream itself. All zero: nothing is known yet. */
struct source_facts {
    uint8_t is_decided; /* what the header promises */
    uint8_t is_settled; /* a track that has not come is not waited for */
    uint8_t is_announced[2];
    uint8_t codec[2]; /* enum codec */
};

/* Where a stream's timeline stands, in ms; each pair of audio and video. */
struct source_time {
    int64_t last;          /* the latest that was given out */
    int64_t track_last[2]; /* on each track; -1: none yet */
    int32_t duration[2];   /* of a frame, about */
    int32_t has_begun;     /* else nothing was put on it yet, and it begins at 0 */
};

struct source;
struct viewer;

/* The limit that a group of pictures has gone beyond. */
enum source_gop_loss { SOURCE_GOP_FRAMES, SOURCE_GOP_BYTES };

/* What happens at a source; each may be NULL. Called inline, must not yield. */
struct source_events {
    void (*on_publish)(struct source *source, void *arg);   /* IDLE or AWAY -> LIVE */
    void (*on_unpublish)(struct source *source, void *arg); /* the publisher went: LIVE -> AWAY */
    void (*on_gone)(struct source *source, void *arg); /* AWAY -> IDLE: republish_wait is over */
    void (*on_data)(struct source *source, void *arg); /* viewers have something to take */
    /* A viewer that holds too much dropped memory must be closed: viewer_owner() says whose. */
    void (*on_evict)(struct source *source, struct viewer *viewer, void *arg);
    /* The first viewer has come, or the last one has gone: see source_stat(). */
    void (*on_viewers)(struct source *source, void *arg);
    /* What is known of the stream has changed, or is another publication's: see source_facts(). */
    void (*on_facts)(struct source *source, void *arg);
    /* The publication's first message that was repaired; what was wrong with it, in words. */
    void (*on_repair)(struct source *source, const char *what, void *arg);
    /* A viewer has begun, or one has left: see source_is_watched() and source_is_waited_for(). */
    void (*on_watched)(struct source *source, void *arg);
    /* The group of pictures is too long to be kept: for the first time since it was published. */
    void (*on_gop_lost)(struct source *source, enum source_gop_loss why, void *arg);
    void *arg;
};

/* Gives the source back; the last unref frees it. */
struct source *source_ref(struct source *source);
void source_unref(struct source *source);

/* "vhost/app/stream"; lives as long as the source. */
const char *source_key(const struct source *source);
/* Whether somebody publishes. */
enum source_state source_state(const struct source *source);
/* Copied; takes the place of those before. */
void source_set_events(struct source *source, const struct source_events *events);

/* Memory of the owner of the events, per source (app's fan-out); borrowed. */
void source_set_data(struct source *source, void *data);
void *source_data(const struct source *source);

/* Takes the stream for a publisher. 0, or -1 while another holds it. */
int source_publish(struct source *source, const struct source_config *config, usec_t now);

/*
 * One frame of the publisher (script frames: the body of onMetaData, with or
 * without @setDataFrame). Copies what it keeps. A frame over the ring's bound
 * is dropped and counted.
 */
void source_push(struct source *source, const struct frame *frame, usec_t now);

/* What the FLV header of a stream promises that a relay brings: decided by its publisher's worker.
 */
void source_promise(struct source *source, int has_audio, int has_video);

/* A relay has brought all there was of the past. */
void source_filled(struct source *source);

/* Where its time stands; and that it goes on there, where that is no step back: behind
 * source_publish(), before the first frame. */
void source_time(const struct source *source, struct source_time *out);
void source_resume(struct source *source, const struct source_time *time, usec_t now);

/* Whether anybody has got something of the stream and is still there; relays do not count. */
int source_is_watched(const struct source *source);
/* Whether there is something of the publication, and a viewer who has not begun yet. */
int source_is_waited_for(const struct source *source);

/* When its last publication ended (us); 0: it has had none yet. */
usec_t source_absent_since(const struct source *source);

/* Its timers: the end of republish_wait, the wait for a second track. */
void source_tick(struct source *source, usec_t now);

/* Whether the stream, as far as it is known, has something that this format carries. */
enum source_fit source_fit(const struct source *source, const struct mux *mux,
                           enum source_only only);

/* What is known of the stream that is published; and the same answer from that alone. */
void source_facts(const struct source *source, struct source_facts *out);
enum source_fit source_facts_fit(const struct source_facts *facts, const struct mux *mux,
                                 enum source_only only);

/*
 * Keeps the rendition of an audio-only format with its last fast_cache of sound, whether it has
 * viewers or not, until the stream is gone. Nothing happens without fast_cache.
 */
void source_keep(struct source *source, const struct mux *mux);

/* Memory is short: forgets all that viewers may begin at, or are late with, before the newest
 * keyframe. They go on there. Answers how many bytes that was. */
size_t source_shrink(struct source *source);

/* True when nobody publishes, watches or waits, and only the hub holds it. */
int source_is_idle(const struct source *source);

/* The publisher goes. */
void source_unpublish(struct source *source, usec_t now);

struct source_stat {
    uint64_t frames_in, bytes_in, frames_dropped;
    uint64_t bytes_out; /* added by viewers as they close and by viewer_sent() */
    uint32_t viewers;
    uint32_t publishes; /* how often it was published */
    enum codec video, audio;
    uint32_t width, height;
    uint8_t avc_profile, avc_level;
    uint32_t sample_rate;
    uint8_t channels;
    const char *audio_profile; /* "LC", …; NULL: not known; constant */
    size_t ring_bytes;         /* memory of all its rings */
    usec_t published_at;
};

/* Counters and what is known of the tracks, as of now. */
void source_stat(const struct source *source, struct source_stat *stat);

#endif
