#ifndef MEDIA_FRAME_H
#define MEDIA_FRAME_H

/*
 * A frame: one audio, video or script message as it came from a publisher,
 * which is also the body of one FLV tag. Passed between proto, live and app. It borrows its bytes,
 * which are valid only during the call.
 */
#include <stddef.h>
#include <stdint.h>

enum frame_type { FRAME_AUDIO = 8, FRAME_VIDEO = 9, FRAME_SCRIPT = 18 };

enum codec {
    CODEC_NONE = 0, /* no such track */
    CODEC_OTHER,    /* passed on unchanged, not parsed */
    CODEC_H264,
    CODEC_HEVC,
    CODEC_VVC,
    CODEC_AV1,
    CODEC_VP8,
    CODEC_VP9,
    CODEC_AAC,
    CODEC_MP3,
    CODEC_OPUS,
    CODEC_AC3,
    CODEC_EAC3,
    CODEC_FLAC,
    CODEC_MAX
};

/* "H264", "AAC", … as in SRS's API; never NULL. */
const char *frame_codec_name(enum codec codec);

struct frame {
    enum frame_type type;
    enum codec codec;   /* CODEC_NONE for script */
    uint32_t timestamp; /* milliseconds modulo 2^32, decoding time, as published */
    int32_t cts;        /* composition offset in ms; 0 for audio */
    uint8_t is_key;     /* video: a decoder may start here */
    uint8_t is_header;  /* a sequence header (decoder configuration), no video or audio frame */
    uint8_t is_meta;    /* enhanced RTMP Metadata or an end-of-sequence: no video or audio frame */
    uint8_t is_enhanced;
    uint8_t track;       /* enhanced multitrack: the first track's id; else 0 */
    uint8_t is_multi;    /* enhanced multitrack */
    const uint8_t *data; /* the whole tag body */
    size_t len;
    const uint8_t *payload; /* inside data: AVCC NAL units, raw AAC, the configuration record, … */
    size_t payload_len;
};

#endif
