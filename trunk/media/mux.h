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

/* Takes the spans of one unit (a tag, a message, a group of packets) in order. */
typedef void (*mux_emit)(void *arg, const struct iovec *iov, int n);

struct mux {
    const char *name;         /* "flv", "ts", "rtmp" */
    const char *extension;    /* ".flv"; NULL: not by HTTP mount */
    const char *content_type; /* "video/x-flv" */
    size_t unit;              /* batches are whole multiples of it (TS: 188); else 1 */
    int in_band;              /* 1: sequence headers go through frame() as published (RTMP, TS);
                                 0: they are the viewer's preamble, changes go in-band (FLV) */
    struct mux_state *(*open)(void); /* NULL without memory */
    void (*close)(struct mux_state *state);
    /* What opens a stream before any frame (FLV's file header); NULL: nothing. */
    void (*header)(int has_audio, int has_video, mux_emit emit, void *arg);
    /* One frame at timestamp (ms, already on the stream's timeline). */
    void (*frame)(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                  mux_emit emit, void *arg);
};

extern const struct mux mux_flv;

#endif
