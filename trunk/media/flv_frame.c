/*
 * The headers of FLV tag bodies: what a publisher's audio or video message is,
 * read from its first few bytes ("Video File Format Specification v10.1", E.4.2
 * and E.4.3; "Enhanced RTMP v2", ExAudioTagHeader and ExVideoTagHeader).
 *
 * It answers in every case, since a server passes on what it does not know:
 * a field that is missing leaves its flag unset rather than failing the stream.
 * A flag is only set when the whole header it stands in is there.
 */
#include "media/flv.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

#define VIDEO_EX_HEADER     0x80
#define VIDEO_FRAME_KEY     1
#define VIDEO_FRAME_COMMAND 5
#define VIDEO_ID_AVC        7
#define VIDEO_ID_HEVC       12

#define AUDIO_ID_MP3       2
#define AUDIO_ID_EX_HEADER 9
#define AUDIO_ID_AAC       10
#define AUDIO_ID_MP3_8K    14

/* AVCPacketType, and AACPacketType for the first two. */
#define LEGACY_PACKET_HEADER 0
#define LEGACY_PACKET_FRAMES 1
#define LEGACY_PACKET_END    2

/* VideoPacketType and AudioPacketType; the values below 3 and above 4 are shared. */
#define EX_SEQUENCE_START    0
#define EX_CODED_FRAMES      1
#define EX_SEQUENCE_END      2
#define EX_CODED_FRAMES_X    3 /* video */
#define EX_METADATA          4 /* video; in audio the MultichannelConfig */
#define EX_TS_SEQUENCE_START 5 /* video; in audio Multitrack */
#define EX_VIDEO_MULTITRACK  6
#define EX_AUDIO_MULTITRACK  5
#define EX_MOD_EX            7

#define MULTITRACK_ONE         0
#define MULTITRACK_MANY        1
#define MULTITRACK_MANY_CODECS 2
#define MULTITRACK_TRACKS_MAX  256 /* a track's id is one byte */

#define FOURCC(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct {
    uint32_t fourcc;
    enum frame_type type;
    enum codec codec;
} FOURCCS[] = {
    {FOURCC('a', 'v', 'c', '1'), FRAME_VIDEO, CODEC_H264},
    {FOURCC('h', 'v', 'c', '1'), FRAME_VIDEO, CODEC_HEVC},
    {FOURCC('v', 'v', 'c', '1'), FRAME_VIDEO, CODEC_VVC},
    {FOURCC('a', 'v', '0', '1'), FRAME_VIDEO, CODEC_AV1},
    {FOURCC('v', 'p', '0', '8'), FRAME_VIDEO, CODEC_VP8},
    {FOURCC('v', 'p', '0', '9'), FRAME_VIDEO, CODEC_VP9},
    {FOURCC('m', 'p', '4', 'a'), FRAME_AUDIO, CODEC_AAC},
    {FOURCC('.', 'm', 'p', '3'), FRAME_AUDIO, CODEC_MP3},
    {FOURCC('O', 'p', 'u', 's'), FRAME_AUDIO, CODEC_OPUS},
    {FOURCC('a', 'c', '-', '3'), FRAME_AUDIO, CODEC_AC3},
    {FOURCC('e', 'c', '-', '3'), FRAME_AUDIO, CODEC_EAC3},
    {FOURCC('f', 'L', 'a', 'C'), FRAME_AUDIO, CODEC_FLAC},
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
        /* One byte tells a player that a seek begins or ends: no picture. */
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
 * Passes over a chain of ModEx and answers the packet type behind it. Each link
 * is a size (one byte, or an escape and two), that many bytes, and a byte with
 * its own kind and the next packet type. It ends: every link takes 3 bytes.
 */
static uint8_t skip_mod_ex(struct bytes *b, uint8_t packet_type)
{
    while (packet_type == EX_MOD_EX && !b->bad) {
        size_t size = (size_t)bytes_u8(b) + 1;

        if (size == 256)
            size = (size_t)bytes_u16(b) + 1;
        bytes_take(b, size);
        packet_type = bytes_u8(b) & 0x0f;
    }
    return packet_type;
}

struct multitrack {
    uint8_t kind;
    uint8_t packet_type; /* of every track */
    uint32_t fourcc;     /* of the first track */
    uint8_t track;       /* the first track's id */
    struct bytes body;   /* the first track's */
};

/*
 * Walks over all tracks, so that a message cut in any of them is not taken for
 * whole. 0, or -1 when it is cut or of an unknown kind.
 */
static int read_multitrack(struct bytes *b, struct multitrack *multi)
{
    uint8_t first = bytes_u8(b);
    size_t tracks = 0;

    memset(multi, 0, sizeof(*multi));
    multi->kind = first >> 4;
    multi->packet_type = first & 0x0f;
    if (multi->kind > MULTITRACK_MANY_CODECS)
        return -1;
    if (multi->kind != MULTITRACK_MANY_CODECS)
        multi->fourcc = bytes_u32(b);
    do {
        uint32_t fourcc = multi->kind == MULTITRACK_MANY_CODECS ? bytes_u32(b) : multi->fourcc;
        uint8_t track = bytes_u8(b);
        size_t size = multi->kind == MULTITRACK_ONE ? bytes_left(b) : bytes_u24(b);
        const uint8_t *body = bytes_take(b, size);

        if (body == NULL)
            return -1;
        if (tracks == 0) {
            multi->fourcc = fourcc;
            multi->track = track;
            multi->body = bytes_of(body, size);
        }
        if (++tracks > MULTITRACK_TRACKS_MAX)
            return -1;
    } while (bytes_left(b) > 0);
    return 0;
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
    uint8_t packet_type = skip_mod_ex(b, first & 0x0f);
    struct multitrack multi;
    uint32_t fourcc;

    frame->is_enhanced = 1;
    if (b->bad)
        return;
    if (frame_type == VIDEO_FRAME_COMMAND && packet_type != EX_METADATA) {
        /* A command takes the place of FourCC and body. */
        set_payload(frame, b);
        frame->is_meta = 1;
        return;
    }
    if (packet_type == (is_video ? EX_VIDEO_MULTITRACK : EX_AUDIO_MULTITRACK)) {
        frame->is_multi = 1;
        if (read_multitrack(b, &multi) != 0)
            return;
        frame->track = multi.track;
        frame->codec = fourcc_codec(frame->type, multi.fourcc);
        parse_ex_body(frame, &multi.body, multi.packet_type, frame_type);
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
