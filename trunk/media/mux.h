#ifndef MEDIA_MUX_H
#define MEDIA_MUX_H

/*
 * What turns frames into the bytes of one format. A format is one row of a
 * table and one file. The state lives with a rendition; output goes through
 * `emit` into the rendition's ring, and a muxer never keeps a frame's bytes.
 */
#include "base/buf.h"
#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct mux_state;

#define MUX_BRIDGE_MAX 1024

/* The body of the script tag behind what a relay is sent of the past: the string "onLive", null. */
#define MUX_LIVE_MARK      "\x02\x00\x06onLive\x05"
#define MUX_LIVE_MARK_SIZE (sizeof(MUX_LIVE_MARK) - 1)

/* Takes the spans of one unit (a tag, a message, a group of packets) in order. */
typedef void (*mux_emit)(void *arg, const struct iovec *iov, int n);

/* A part of the output, for a viewer who has no keyframe yet. */
enum mux_piece {
    MUX_PIECE_SOUND,   /* goes to that viewer: sound, headers, data */
    MUX_PIECE_PICTURE, /* does not */
    MUX_PIECE_INIT     /* goes, and nothing may go before the first of these (tables of TS) */
};

struct mux {
    const char *name;         /* "flv", "ts", "rtmp" */
    const char *extension;    /* ".flv"; NULL: not by HTTP mount */
    const char *content_type; /* "video/x-flv" */
    size_t unit;              /* batches are whole multiples of it (TS: 188); else 1 */
    int in_band;              /* 1: sequence headers go through frame() as published (RTMP, TS);
                                 0: they are the viewer's preamble, changes go in-band (FLV) */
    int stands_alone; /* 1: one picture and one sound at the most, no further tracks; header() is
                         all that opens a viewer's stream; sequence headers tell the state, and give
                         no bytes (TS, MP3, AAC) */
    int audio_only;   /* 1: no picture: a viewer begins at any frame (MP3, AAC) */
    int is_original;  /* 1: for another server of ours: ends with its publisher, for that one has
                    viewers  who wait for the next by themselves */
    struct mux_state *(*open)(void); /* NULL without memory */
    /* The longest piece that a unit is cut into, before the first frame; NULL: it is not cut. */
    void (*chunk_size)(struct mux_state *state, uint32_t size);
    void (*close)(struct mux_state *state);
    /* What opens a stream before any frame (FLV's file header); NULL: nothing. */
    void (*header)(int has_audio, int has_video, mux_emit emit, void *arg);
    /* One frame at timestamp (ms, already on the stream's timeline). */
    void (*frame)(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                  mux_emit emit, void *arg);
    /* Whether this format has a place for the codec; NULL: for all. */
    int (*carries)(enum codec codec);
    /* What the stream is known to consist of. CODEC_NONE: no such track; CODEC_OTHER: one that is
       promised, of a codec not known yet. NULL: not asked for. */
    void (*tracks)(struct mux_state *state, enum codec audio, enum codec video);
    /* Whether what this frame will give opens a stream; NULL: video keyframes do. */
    int (*is_sync)(const struct mux_state *state, const struct frame *frame, uint32_t timestamp);
    /* What goes before the next frame's bytes for a viewer who has missed some: at most cap bytes
       into out; answers how many. NULL: nothing. */
    size_t (*bridge)(const struct mux_state *state, uint8_t *out, size_t cap);
    /* The length and kind of the piece at p, of len bytes of output. 0: not a whole piece. NULL:
       pictures cannot be left out. */
    size_t (*piece)(const struct mux_state *state, const uint8_t *p, size_t len,
                    enum mux_piece *kind);
};

extern const struct mux mux_flv;
extern const struct mux mux_flv_all; /* for ?track=all */
extern const struct mux mux_original;
extern const struct mux mux_ts;
extern const struct mux mux_mp3;
extern const struct mux mux_aac;

/* The format of this extension (".flv"); NULL: we have none. */
const struct mux *mux_find(const char *extension);

#endif
