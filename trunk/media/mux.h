#ifndef MEDIA_MUX_H
#define MEDIA_MUX_H

/*
 * A muxer turns frames into the bytes of one format. A format is one row of a table and one file.
 * The state belongs to a rendition; output goes through `emit` into the rendition's ring, and a
 * muxer never keeps a frame's bytes.
 */
#include "base/buf.h"
#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct mux_state;

#define MUX_BRIDGE_MAX 1024

/* Body of the script tag that another Millrace server receives after the cached part of a stream:
 * the string "onLive", null. */
#define MUX_LIVE_MARK      "\x02\x00\x06onLive\x05"
#define MUX_LIVE_MARK_SIZE (sizeof(MUX_LIVE_MARK) - 1)

/* Takes the spans of one unit (a tag, a message, a group of packets) in order. */
typedef void (*mux_emit)(void *arg, const struct iovec *iov, int n);

/* A part of the output, for a viewer that has no keyframe yet. */
enum mux_piece {
    MUX_PIECE_OTHER, /* sent to that viewer: audio, headers, data */
    MUX_PIECE_VIDEO, /* a video frame: not sent */
    MUX_PIECE_INIT   /* sent; nothing may precede the first of these (tables of TS) */
};

/* How a format treats the stream's configuration: sequence headers and metadata. */
enum mux_kind {
    /* They are in each viewer's preamble; only changes go through frame() (FLV). */
    MUX_PREAMBLE,
    /* They go through frame() as published, and are also in the preamble (RTMP). */
    MUX_AS_PUBLISHED,
    /* The same for another Millrace server: its viewers are closed when the publisher ends, and
     * that server's own viewers wait for the next one. */
    MUX_ORIGINAL,
    /* A container with one video and one audio track at most. They go through frame() and update
     * its state without output; header() writes the whole preamble (TS). */
    MUX_CONTAINER,
    /* A container like that whose header describes the tracks for good. It gets frames as players
     * of FLV accept them, and a change that the header cannot follow ends the responses (MP4). */
    MUX_FIXED,
    /* A container without video: a viewer can start at any frame (MP3, AAC). */
    MUX_AUDIO,
    /* No stream of bytes but a playlist of segments, which are those of another format (HLS). No
     * rendition is made of it. */
    MUX_PLAYLIST
};

/* A track of the stream, as a container's header needs it. */
struct mux_track {
    int is_announced;      /* the stream promises it */
    enum codec codec;      /* CODEC_NONE: no such track; CODEC_OTHER: promised, not known yet */
    const uint8_t *config; /* of its sequence header: AudioSpecificConfig, avcC, …; or NULL */
    size_t config_len;
};

struct mux_tracks {
    struct mux_track audio, video;
};

/* A row. A function may be NULL where its comment says what that means. */
struct mux {
    const char *name;         /* "flv", "ts", "rtmp" */
    const char *extension;    /* ".flv"; NULL: not available by HTTP mount */
    const char *content_type; /* "video/x-flv" */
    const char *unfit; /* answer for a stream that the format cannot carry; NULL: a general one */
    enum mux_kind kind;
    int is_one_frame;                /* a response is one unit, that of the newest keyframe */
    int has_stamps;                  /* it carries media/stamp.h's script tags */
    size_t unit;                     /* batches are whole multiples of it (TS: 188); else 1 */
    struct mux_state *(*open)(void); /* NULL without memory */
    /* The maximum size of the pieces that a unit is cut into; called before the first frame; NULL:
     * units are not cut. */
    void (*chunk_size)(struct mux_state *state, uint32_t size);
    void (*close)(struct mux_state *state);
    /* What a viewer gets before any frame (FLV's file header); called again whenever one of the
       tracks changes. NULL: nothing. MUX_FIXED: called before the first frame; without output
       (no memory, no track described) no viewer begins. */
    void (*header)(struct mux_state *state, const struct mux_tracks *tracks, mux_emit emit,
                   void *arg);
    /* One frame at timestamp (ms, already on the stream's timeline). */
    void (*frame)(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                  mux_emit emit, void *arg);
    /* Whether this format can carry the codec; NULL: all. */
    int (*carries)(enum codec codec);
    /* Whether this frame's output is a sync point; NULL: video keyframes are. */
    int (*is_sync)(const struct mux_state *state, const struct frame *frame, uint32_t timestamp);
    /* Whether frame() found no memory for the video's sequence header, which must then be passed
     * again before a keyframe. NULL: it needs none. */
    int (*lacks_header)(const struct mux_state *state);
    /* Writes the bytes that must precede the next frame for a viewer that has missed some frames:
     * at most cap bytes into out; returns their number. NULL: no such bytes are needed. */
    size_t (*bridge)(const struct mux_state *state, uint8_t *out, size_t cap);
    /* The length and kind of the piece at p, of len bytes of output. 0: not a whole piece. NULL:
     * video cannot be left out. */
    size_t (*piece)(const struct mux_state *state, const uint8_t *p, size_t len,
                    enum mux_piece *kind);
};

static inline int mux_is_in_band(const struct mux *mux)
{
    return mux->kind != MUX_PREAMBLE && mux->kind != MUX_FIXED;
}

static inline int mux_is_original(const struct mux *mux)
{
    return mux->kind == MUX_ORIGINAL;
}

static inline int mux_is_container(const struct mux *mux)
{
    return mux->kind == MUX_CONTAINER || mux->kind == MUX_AUDIO || mux->kind == MUX_FIXED;
}

static inline int mux_is_fixed(const struct mux *mux)
{
    return mux->kind == MUX_FIXED;
}

static inline int mux_is_playlist(const struct mux *mux)
{
    return mux->kind == MUX_PLAYLIST;
}

static inline int mux_is_audio_only(const struct mux *mux)
{
    return mux->kind == MUX_AUDIO;
}

extern const struct mux mux_flv;
extern const struct mux mux_flv_all; /* for ?track=all */
extern const struct mux mux_original;
extern const struct mux mux_ts;

/* The format of this extension (".flv"), or of a path that ends in one; NULL: none. */
const struct mux *mux_find(const char *extension);
const struct mux *mux_find_path(const char *path);

#endif
