#ifndef MEDIA_META_H
#define MEDIA_META_H

/*
 * onMetaData, the script tag that describes a stream ("Video File Format
 * Specification v10.1", E.5): rewritten or made by a live server. Pure.
 */
#include "base/buf.h"
#include "base/scan.h"
#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>

/* The publisher's claims; anything may be missing or wrong. */
struct meta_facts {
    uint8_t has_video;   /* names a video codec, or a size without one */
    uint8_t has_audio;   /* names an audio codec, or a sample rate without one */
    uint8_t is_absolute; /* bravo_atc: timestamps are the encoder's clock and must not be changed */
    uint8_t has_tracks;  /* describes tracks at all: a 0 above means "none", not "unknown" */
    enum codec video, audio; /* CODEC_NONE unless named; CODEC_OTHER if unknown to us */
    uint32_t width, height;  /* 0 if missing, as below */
    uint32_t sample_rate;    /* Hz */
    double frame_rate;
};

/*
 * Appends the body for viewers, made from a script tag's body (AMF0, with or without
 * "@setDataFrame"): "onMetaData" and an ECMA array without the properties that are wrong for a live
 * stream (duration, filesize, keyframes, …), and with `server`. facts may be NULL. SCAN_BAD when it
 * is not onMetaData or does not fit; then nothing is appended and *facts is all zero.
 */
enum scan meta_rewrite(const uint8_t *data, size_t len, const char *server, struct buf *out,
                       struct meta_facts *facts) ERR_MUST_CHECK;

/* The known properties of a stream without onMetaData; 0 and CODEC_NONE: unknown. */
struct meta_made {
    enum codec video, audio;
    uint32_t width, height, sample_rate;
    uint8_t channels;
    double frame_rate;
};

/* Appends onMetaData made of these, and `server`. 0, or -1 when it does not fit. */
int meta_make(const struct meta_made *made, const char *server, struct buf *out);

/*
 * A script tag's body that is a data message for viewers (onTextData, onCuePoint, …): the part for
 * them, without a leading "@setDataFrame", its length in *out_len; points into data. NULL for
 * metadata, for messages between encoder and server only, and for messages without a name.
 */
const uint8_t *meta_data_message(const uint8_t *data, size_t len, size_t *out_len);

#endif
