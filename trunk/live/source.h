#ifndef LIVE_SOURCE_H
#define LIVE_SOURCE_H

/*
 * A live stream: at most one publisher, one timeline, its renditions and their viewers:
 *
 *   publisher
 *      | source_push(frame)
 *      v
 *   repair, mix_correct, tracks, timeline (jitter)
 *      |
 *      +--> native rendition: FLV      +---ring--------------------+
 *      |    (as long as the source)    | tags ... [sync] ... tags  |
 *      |                               +-----^-----------^---------+
 *      |                                     |           |
 *      |                                  viewer      viewer, viewer
 *      |
 *      +--> rendition: TS (others)     +---ring--------------------+
 *      |    (as long as its viewers)   | packets . [sync] . packets|
 *      |                               +-----------------^---------+
 *      +--> rendition: RTMP, ...                       viewer
 *
 * A rendition that is made later is filled from the native ring. Reference counted; the hub holds
 * one reference, each viewer another. Time is an argument and waking is a callback; never yields.
 */
#include "base/clock.h"
#include "media/frame.h"
#include "media/mux.h"

#include <stddef.h>
#include <stdint.h>

enum time_jitter { TIME_JITTER_FULL, TIME_JITTER_ZERO, TIME_JITTER_OFF };

/* Bytes of a body of onMetaData; a longer one is not kept. */
#define SOURCE_META_MAX ((size_t)256 * 1024)

#define SOURCE_KEY_MAX 768 /* bytes of "vhost/app/stream", including the terminator */

/* Copied when the source is made, and again at each publish. */
struct source_config {
    int gop_cache;
    int gop_cache_max_frames;
    size_t gop_cache_max_bytes; /* limit of all bytes that one ring holds */
    usec_t queue_length;        /* how far a viewer may lag */
    enum time_jitter time_jitter;
    int atc;
    int atc_auto;    /* switch to atc when the metadata asks for it */
    int mix_correct; /* order audio and video by timestamp */
    int reduce_sequence_header;
    int makes_meta; /* make onMetaData for a publisher that sends none */
    int repairs; /* repair H.264 and HEVC messages that are malformed in known ways: see on_repair
                  */
    int has_audio, has_video, guess_has_av, drop_if_not_match;
    usec_t republish_wait;
    usec_t fast_cache;       /* how much past audio a new viewer of an audio-only format gets */
    usec_t rewind;           /* how much of the past the ring keeps for viewers that begin there */
    size_t rewind_max_bytes; /* of each ring */
    uint32_t chunk_size; /* RTMP chunk size in bytes, for renditions that are made from now on */
    /* Hold the publication start for a moment, for pulls of other workers that will connect
     * soon. */
    int keeps_start;
    /* The publisher pulls the stream from another worker: its timestamps are the stream's, and no
     * viewer begins before the past that it sends first is complete (source_filled()). */
    int is_worker_pull;
    /* The publisher is another server, whose timestamps are kept if they fit; it sends the past
     * first, as above. */
    int keeps_time;
    int sends_past;
    int is_joined; /* the stream was published before its viewers connected: they have not waited
                    * for it
                    */
};

enum source_state {
    SOURCE_IDLE,       /* no publisher; viewers wait for the first one (hstrs) */
    SOURCE_LIVE,       /* published */
    SOURCE_INTERRUPTED /* was published; viewers stay until republish_wait is over */
};

/* Which tracks a viewer asked for. */
enum source_only { SOURCE_BOTH, SOURCE_AUDIO_ONLY, SOURCE_VIDEO_ONLY };

/*
 * Which tracks of a multitrack stream; arrays are indexed by audio, video. All zero: the default
 * tracks, those with the lowest ids, as ordinary messages.
 */
struct source_select {
    uint8_t is_all; /* as published, in the publisher's own messages */
    uint8_t wants[2];
    uint8_t id[2];
};

/* Parses "all", "N" (that track of each kind) or "aN,vN". 0; -1 selects the default tracks. */
int source_select_parse(struct source_select *select, const char *text);

/* Where a viewer begins. All zero: at the newest sync point, as gop_cache says. */
enum source_start_kind {
    SOURCE_START_DEFAULT,
    SOURCE_START_NEWEST, /* at the newest sync point, whatever gop_cache says */
    SOURCE_START_AT,     /* at the greatest sync point at `ms` or before it, else at the next one */
    SOURCE_START_BACK    /* at the sync point nearest to `ms` before the newest frame */
};

struct source_start {
    uint8_t kind; /* enum source_start_kind */
    int64_t ms;   /* >= 0. AT: presentation time on the stream's timeline */
};

/* As startPts means it: 0: newest; > 0: at that time; < 0: so many ms back. */
struct source_start source_start_pts(int64_t pts);

/* Whether a format can carry the stream. */
enum source_fit {
    SOURCE_FIT_UNKNOWN, /* the codecs are not known yet */
    SOURCE_FITS,
    SOURCE_UNFIT /* no part of it: other codecs, or no such track */
};

/* What decides that, for processes that do not have the stream itself; arrays are indexed by audio,
 * video. All zero: nothing is known yet. */
struct source_facts {
    uint8_t is_decided; /* is_announced is final */
    uint8_t is_settled; /* a track that has not arrived is not waited for any more */
    uint8_t is_announced[2];
    uint8_t codec[2]; /* enum codec */

    /* For descriptions; 0: unknown. */
    uint16_t width, height;
    uint16_t frame_rate;
    uint8_t profile, compat, level; /* of H.264 or HEVC, as in the configuration record */
    uint8_t aac_type;               /* MPEG-4 audio object type: 2, 5 (SBR), 29 (PS) */
    uint32_t gop_ms;                /* between the last two keyframes */
    uint32_t kbps;                  /* of the GOP with the most bytes per second, rounded up */
};

/* What is new when on_data is called. */
enum source_news {
    SOURCE_NEWS_OTHER, /* metadata, a sequence header, frames in a new order, an end */
    SOURCE_NEWS_AUDIO, /* an audio frame */
    SOURCE_NEWS_VIDEO
};

#define SOURCE_TIME_KEYS 4
/* The position of a stream's timeline, in ms; arrays are indexed by audio, video. */
struct source_time {
    int64_t last;          /* the latest output timestamp */
    int64_t track_last[2]; /* on each track; -1: none yet */
    int32_t duration[2];   /* estimated, of a frame */
    int32_t has_begun;     /* 0: no frame yet; the timeline begins at 0 */
    int32_t is_read;       /* by the current publisher: `offset` is set */
    int64_t offset;        /* the publisher's timestamp plus this is the timeline's */
    usec_t at;             /* when `last` was placed */
    /* Presentation times of the newest keyframes, the newest one first; -1: none. */
    int64_t key[SOURCE_TIME_KEYS];
};

/* Another stream of the same encoder, whose timeline this one should share. */
#define SOURCE_PEERS_MAX 8
struct source_peer {
    struct source_time time;
    int is_live;    /* it is published: `time.offset` is its encoder's */
    int is_watched; /* its timeline continues at the next publication */
    int is_before;  /* of two that begin at the same time, this one's offset counts */
};

struct source;
struct viewer;

/* The limit that a GOP exceeded. */
enum source_gop_loss { SOURCE_GOP_FRAMES, SOURCE_GOP_BYTES };

/* Callbacks; each may be NULL. Called inline, must not yield. */
struct source_events {
    void (*on_publish)(struct source *source, void *arg);   /* IDLE or INTERRUPTED -> LIVE */
    void (*on_unpublish)(struct source *source, void *arg); /* LIVE -> INTERRUPTED */
    void (*on_gone)(struct source *source, void *arg);      /* INTERRUPTED -> IDLE */
    void (*on_data)(struct source *source, void *arg);      /* new bytes, or an end, for viewers */
    /* The viewer holds too much detached memory and must be closed; see viewer_owner(). */
    void (*on_evict)(struct source *source, struct viewer *viewer, void *arg);
    /* The first viewer has connected, or the last one has left: see source_stat(). */
    void (*on_viewers)(struct source *source, void *arg);
    /* source_facts() changed, or a new publication began. */
    void (*on_facts)(struct source *source, void *arg);
    /* The first repaired message of a publication; `what` describes the fault. */
    void (*on_repair)(struct source *source, const char *what, void *arg);
    /* A viewer began or left: see source_has_timeline() and source_is_waited_for(). */
    void (*on_watched)(struct source *source, void *arg);
    /* This viewer is about to receive its first bytes. */
    void (*on_begin)(struct source *source, struct viewer *viewer, void *arg);
    /* Fills `out` with the streams that share the timeline; returns how many. Asked for the frames
     * of a publication's first second, and when its clock jumps. */
    size_t (*on_peers)(struct source *source, struct source_peer out[SOURCE_PEERS_MAX], void *arg);
    /* A GOP was too long to be kept, for the first time in this publication. */
    void (*on_gop_lost)(struct source *source, enum source_gop_loss why, void *arg);
    /* The wall clock, in ms since 1970, for a time stamp of the frame being pushed; 0: it gets
     * none. Called once a second at most. */
    int64_t (*on_stamp)(struct source *source, void *arg);
    void *arg;
};

/* source_ref() returns its argument; the last source_unref() frees the source. */
struct source *source_ref(struct source *source);
void source_unref(struct source *source);

/* "vhost/app/stream"; lives as long as the source. */
const char *source_key(const struct source *source);
/* Whether it is published. */
enum source_state source_state(const struct source *source);
/* Copies the events; they replace the previous ones. */
void source_set_events(struct source *source, const struct source_events *events);

/* A pointer of the owner of the events (app's stream); borrowed. */
void source_set_data(struct source *source, void *data);
void *source_data(const struct source *source);

/* Begins a publication. 0, or -1 when there is one. */
int source_publish(struct source *source, const struct source_config *config, usec_t now);

/*
 * One frame of the publisher (script frames: the body of onMetaData, with or
 * without @setDataFrame). Copies what it keeps. A frame over the ring's bound
 * is dropped and counted.
 */
void source_push(struct source *source, const struct frame *frame, usec_t now);

/* From the next keyframe on, H.264 parameter sets are also in-band, for players that ignore a
 * second sequence header: viewers may arrive from another stream (viewer_switch.h). Until the next
 * cut. */
void source_repeat_sets(struct source *source);

/* Whether there was no memory for a sequence header of this publication: nobody can decode what
 * follows, and its publisher must end. */
int source_has_lost_header(const struct source *source);

/* Which tracks the FLV header announces for a stream pulled from another worker: that worker
 * decided it. */
void source_promise(struct source *source, int has_audio, int has_video);

/* For use in on_data. */
enum source_news source_news(const struct source *source);

/* The pull from another worker or server has delivered the stream's past. */
void source_filled(struct source *source);

/*
 * What follows continues the former publication without a gap: viewers may begin at its newest sync
 * point. After source_publish(), before the first frame.
 */
void source_continue(struct source *source, usec_t now);

/* source_time() returns the timeline's position. source_resume() continues there, unless that is a
 * step back; call it after source_publish(), before the first frame. */
void source_time(const struct source *source, struct source_time *out);
void source_resume(struct source *source, const struct source_time *time, usec_t now);

/*
 * A viewer that gets the stream in another way than as a struct viewer, such as its segments: it
 * counts from source_attend() to source_depart(). It does not keep the stream from ending, or its
 * timeline from beginning again.
 */
void source_attend(struct source *source);
void source_depart(struct source *source);

/* Whether a later publication has to continue the timeline: for a viewer that has received bytes
 * and is still connected (other servers do not count), or may come back to what rewind keeps. */
int source_has_timeline(const struct source *source);
/* Whether the publication has frames and a viewer that has not begun yet. */
int source_is_waited_for(const struct source *source);

/* When its last publication ended (us); 0: none did yet. */
usec_t source_absent_since(const struct source *source);

/* Runs its timers: republish_wait, the wait for a second track. */
void source_tick(struct source *source, usec_t now);

/* Whether a viewer has received a part of the stream and is still connected. */
int source_has_begun(const struct source *source);
/* Where a pull of this stream should begin: with the past, if that is kept; else at the live end.
 */
struct source_start source_pull_start(const struct source *source);
/* How much of the past a viewer of FLV can ask for now, ms; 0 without rewind. */
int64_t source_rewind_ms(const struct source *source);

/* Whether the format carries a part of the stream, as far as that is known. */
enum source_fit source_fit(const struct source *source, const struct mux *mux,
                           enum source_only only);

/* The facts of the current publication; and source_fit() computed from facts alone. */
void source_facts(const struct source *source, struct source_facts *out);
enum source_fit source_facts_fit(const struct source_facts *facts, const struct mux *mux,
                                 enum source_only only);

/*
 * Keeps the rendition of an audio-only format, with its last fast_cache of audio, even without
 * viewers, until the stream is gone. Does nothing without fast_cache.
 */
void source_keep(struct source *source, const struct mux *mux);

/* Frees memory: drops everything before the newest sync point, where viewers then continue. Returns
 * the number of bytes. */
size_t source_shrink(struct source *source);

/* Frees a part of what it does not need any more, so much as takes about a millisecond. 1 if it did
 * and there may be more. */
int source_discard(struct source *source);

/* True without publisher and viewers, when only the hub holds a reference. */
int source_is_idle(const struct source *source);

/*
 * A reload: applies what can change while the stream is published, for viewers and renditions from
 * now on. The timeline's rules and the tracks stay until the next publication.
 */
void source_reconfigure(struct source *source, const struct source_config *config);

/* No publisher will come back: ends republish_wait at once, and so the responses of viewers. */
void source_end_wait(struct source *source);

/* Ends the publication. */
void source_unpublish(struct source *source, usec_t now);

struct source_stat {
    uint64_t frames_in, bytes_in, frames_dropped;
    uint64_t video_frames_in; /* without sequence headers */
    uint64_t bytes_out;       /* added by viewers as they close and by viewer_sent() */
    uint32_t viewers;
    uint32_t publishes; /* publications so far */
    enum codec video, audio;
    uint32_t width, height;
    uint8_t avc_profile, avc_compat, avc_level;
    uint8_t hevc_profile, hevc_level;
    uint32_t sample_rate;
    uint8_t channels;
    const char *audio_profile; /* "LC", …; NULL: unknown; a constant */
    size_t ring_bytes;         /* memory of all its rings */
    usec_t published_at;
    uint64_t gaps;    /* how often a publisher returned while viewers waited */
    usec_t gap_time;  /* how long they waited, in all */
    uint64_t jumps;   /* of viewers that lost their place, to the newest sync point */
    uint64_t repairs; /* timestamps that did not fit the timeline */
};

/* Current counters and properties of the tracks. */
void source_stat(const struct source *source, struct source_stat *stat);

#endif
