/*
 * The headers of FLV tag bodies: what a publisher's audio or video message is,
 * read from its first few bytes ("Video File Format Specification v10.1", E.4.2
 * and E.4.3; "Enhanced RTMP v2", ExAudioTagHeader and ExVideoTagHeader).
 *
 * Parsing never fails, since a server passes on what it does not know: a missing field leaves its
 * flag unset and does not end the stream. A flag is set only if the whole header that contains it
 * is present.
 */
#include "media/flv.h"

#include "media/flv_private.h"
#include "media/flv_tracks.h"

#include <assert.h>
#include <string.h>

#define VIDEO_FRAME_KEY 1
#define VIDEO_ID_HEVC   12

#define AUDIO_ID_MP3    2
#define AUDIO_ID_AAC    10
#define AUDIO_ID_MP3_8K 14

/* AVCPacketType, and AACPacketType for the first two. */
#define LEGACY_PACKET_HEADER 0
#define LEGACY_PACKET_FRAMES 1
#define LEGACY_PACKET_END    2

#define MULTITRACK_TRACKS_MAX 256 /* a track's id is one byte */

static const struct {
    uint32_t fourcc;
    enum frame_type type;
    enum codec codec;
} FOURCCS[] = {
    {FLV_FOURCC('a', 'v', 'c', '1'), FRAME_VIDEO, CODEC_H264},
    {FLV_FOURCC('h', 'v', 'c', '1'), FRAME_VIDEO, CODEC_HEVC},
    {FLV_FOURCC('v', 'v', 'c', '1'), FRAME_VIDEO, CODEC_VVC},
    {FLV_FOURCC('a', 'v', '0', '1'), FRAME_VIDEO, CODEC_AV1},
    {FLV_FOURCC('v', 'p', '0', '8'), FRAME_VIDEO, CODEC_VP8},
    {FLV_FOURCC('v', 'p', '0', '9'), FRAME_VIDEO, CODEC_VP9},
    {FLV_FOURCC('m', 'p', '4', 'a'), FRAME_AUDIO, CODEC_AAC},
    {FLV_FOURCC('.', 'm', 'p', '3'), FRAME_AUDIO, CODEC_MP3},
    {FLV_FOURCC('O', 'p', 'u', 's'), FRAME_AUDIO, CODEC_OPUS},
    {FLV_FOURCC('a', 'c', '-', '3'), FRAME_AUDIO, CODEC_AC3},
    {FLV_FOURCC('e', 'c', '-', '3'), FRAME_AUDIO, CODEC_EAC3},
    {FLV_FOURCC('f', 'L', 'a', 'C'), FRAME_AUDIO, CODEC_FLAC},
};

static enum codec fourcc_codec(enum frame_type type, uint32_t fourcc)
{
    for (size_t i = 0; i < sizeof(FOURCCS) / sizeof(FOURCCS[0]); i++) {
        if (FOURCCS[i].fourcc == fourcc && FOURCCS[i].type == type)
            return FOURCCS[i].codec;
    }
    return CODEC_OTHER;
}

static void set_payload(struct frame *frame, const struct bytes *b)
{
    frame->payload = b->p;
    frame->payload_len = bytes_left(b);
}

/* SI24, as composition times are written. */
static int32_t read_cts(struct bytes *b)
{
    uint32_t v = bytes_u24(b);

    return v & 0x800000 ? (int32_t)v - 0x1000000 : (int32_t)v;
}

/* E.4.3.1: AVCVIDEOPACKET, and the same form under the unofficial id of HEVC. */
static void parse_avc_packet(struct frame *frame, struct bytes *b, int frame_type)
{
    uint8_t packet_type = bytes_u8(b);
    int32_t cts = read_cts(b);

    if (b->bad)
        return;
    set_payload(frame, b);
    if (packet_type == LEGACY_PACKET_HEADER) {
        frame->is_header = 1;
    } else if (packet_type == LEGACY_PACKET_FRAMES) {
        frame->cts = cts;
        frame->is_key = frame_type == VIDEO_FRAME_KEY && frame->payload_len > 0;
    } else if (packet_type == LEGACY_PACKET_END) {
        frame->is_meta = 1;
    }
}

static void parse_legacy_video(struct frame *frame, struct bytes *b)
{
    uint8_t first = bytes_u8(b);
    int frame_type = first >> 4;
    int id = first & 0x0f;

    if (id == VIDEO_ID_AVC)
        frame->codec = CODEC_H264;
    else if (id == VIDEO_ID_HEVC)
        frame->codec = CODEC_HEVC;
    if (frame_type == VIDEO_FRAME_COMMAND) {
        /* One byte tells a player that a seek begins or ends; it is no frame. */
        set_payload(frame, b);
        frame->is_meta = 1;
    } else if (frame->codec != CODEC_OTHER) {
        parse_avc_packet(frame, b, frame_type);
    } else {
        /* Older codecs have no packet type, yet their keyframes are marked the same way. */
        set_payload(frame, b);
        frame->is_key = frame_type == VIDEO_FRAME_KEY && frame->payload_len > 0;
    }
}

static void parse_legacy_audio(struct frame *frame, struct bytes *b)
{
    int id = bytes_u8(b) >> 4;
    uint8_t packet_type;

    if (id == AUDIO_ID_AAC) {
        frame->codec = CODEC_AAC;
        packet_type = bytes_u8(b);
        if (b->bad)
            return;
        frame->is_header = packet_type == LEGACY_PACKET_HEADER;
    } else if (id == AUDIO_ID_MP3 || id == AUDIO_ID_MP3_8K) {
        frame->codec = CODEC_MP3;
    }
    set_payload(frame, b);
}

/*
 * The first track of a multitrack message. Walks over all of them to detect a truncated message. 0,
 * or -1 when it is truncated or of an unknown kind.
 */
static int read_multitrack(const struct frame *frame, struct flv_tracks *tracks,
                           struct flv_track *first)
{
    struct flv_track track;
    int count = 0;
    int more;

    memset(first, 0, sizeof(*first));
    if (flv_tracks_open(tracks, frame) != 0)
        return -1;
    while ((more = flv_tracks_next(tracks, &track)) == 1) {
        if (count == 0)
            *first = track;
        if (++count > MULTITRACK_TRACKS_MAX)
            return -1;
    }
    return more == 0 && count > 0 ? 0 : -1;
}

/* Sets the flags of one enhanced packet whose body is b. */
static void parse_ex_body(struct frame *frame, struct bytes *b, uint8_t packet_type, int frame_type)
{
    int is_video = frame->type == FRAME_VIDEO;
    int is_coded = packet_type == EX_CODED_FRAMES || (is_video && packet_type == EX_CODED_FRAMES_X);

    if (is_video && packet_type == EX_CODED_FRAMES &&
        (frame->codec == CODEC_H264 || frame->codec == CODEC_HEVC || frame->codec == CODEC_VVC)) {
        int32_t cts = read_cts(b);

        if (b->bad)
            return;
        frame->cts = cts;
    }
    set_payload(frame, b);
    if (is_coded)
        frame->is_key = is_video && frame_type == VIDEO_FRAME_KEY && frame->payload_len > 0;
    else if (packet_type == EX_SEQUENCE_START)
        frame->is_header = 1;
    else if (is_video && packet_type == EX_TS_SEQUENCE_START)
        frame->is_header = 1;
    else if (packet_type == EX_SEQUENCE_END || packet_type == EX_METADATA)
        frame->is_meta = 1;
}

static void parse_enhanced(struct frame *frame, struct bytes *b)
{
    uint8_t first = bytes_u8(b);
    int is_video = frame->type == FRAME_VIDEO;
    int frame_type = is_video ? first >> 4 & 7 : 0;
    uint8_t packet_type = flv_skip_mod_ex(b, first & 0x0f);
    struct flv_tracks tracks;
    struct flv_track track;
    struct bytes body;
    uint32_t fourcc;

    frame->is_enhanced = 1;
    if (b->bad)
        return;
    if (frame_type == VIDEO_FRAME_COMMAND && packet_type != EX_METADATA) {
        /* A command replaces FourCC and body. */
        set_payload(frame, b);
        frame->is_meta = 1;
        return;
    }
    if (packet_type == (is_video ? EX_VIDEO_MULTITRACK : EX_AUDIO_MULTITRACK)) {
        frame->is_multi = 1;
        if (read_multitrack(frame, &tracks, &track) != 0)
            return;
        frame->track = track.id;
        frame->codec = fourcc_codec(frame->type, track.fourcc);
        body = bytes_of(track.body, track.len);
        parse_ex_body(frame, &body, tracks.packet_type, frame_type);
        return;
    }
    fourcc = bytes_u32(b);
    if (b->bad)
        return;
    frame->codec = fourcc_codec(frame->type, fourcc);
    parse_ex_body(frame, b, packet_type, frame_type);
}

void flv_frame_parse(struct frame *frame, enum frame_type type, uint32_t timestamp,
                     const uint8_t *data, size_t len)
{
    struct bytes b;

    assert(frame != NULL && (data != NULL || len == 0));
    memset(frame, 0, sizeof(*frame));
    frame->type = type;
    frame->codec = type == FRAME_SCRIPT ? CODEC_NONE : CODEC_OTHER;
    frame->timestamp = timestamp;
    frame->data = frame->payload = data;
    frame->len = len;
    if (type == FRAME_SCRIPT) {
        frame->payload_len = len;
        return;
    }
    if (len == 0)
        return;
    b = bytes_of(data, len);
    if (type == FRAME_VIDEO && data[0] & VIDEO_EX_HEADER)
        parse_enhanced(frame, &b);
    else if (type == FRAME_VIDEO)
        parse_legacy_video(frame, &b);
    else if (data[0] >> 4 == AUDIO_ID_EX_HEADER)
        parse_enhanced(frame, &b);
    else
        parse_legacy_audio(frame, &b);
    assert(frame->payload >= data && frame->payload_len <= len);
}
