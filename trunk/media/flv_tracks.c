/*
 * Splits multitrack messages ("Enhanced RTMP v2", multitrack). Players that support one track of
 * each kind misread a message of several as broken audio or as another codec; they need the
 * single-track form, and for H.264, AAC and MP3 the form of the first FLV specification (E.4.2 and
 * E.4.3), which all of them support.
 */
#include "media/flv_tracks.h"

#include "media/flv.h"
#include "media/flv_private.h"

#include <assert.h>
#include <string.h>

#define MULTITRACK_ONE         0
#define MULTITRACK_MANY_CODECS 2

#define FOURCC_AVC FLV_FOURCC('a', 'v', 'c', '1')
#define FOURCC_AAC FLV_FOURCC('m', 'p', '4', 'a')
#define FOURCC_MP3 FLV_FOURCC('.', 'm', 'p', '3')

/* The longest header of an ordinary message: codec, packet type and composition time. */
#define ORDINARY_HEAD_MAX 5

/* SoundFormat with the rate, size and channels that E.4.2.1 requires for AAC; MP3 has its own. */
#define AUDIO_AAC_HEAD 0xaf
#define AUDIO_MP3_HEAD 0x2f

int flv_tracks_open(struct flv_tracks *tracks, const struct frame *frame)
{
    struct bytes b = bytes_of(frame->data, frame->len);
    uint8_t first = bytes_u8(&b);
    int is_video = frame->type == FRAME_VIDEO;
    uint8_t packet_type;

    memset(tracks, 0, sizeof(*tracks));
    if (is_video ? !(first & VIDEO_EX_HEADER)
                 : frame->type != FRAME_AUDIO || first >> 4 != AUDIO_ID_EX_HEADER)
        return -1;
    tracks->type = frame->type;
    tracks->timestamp = frame->timestamp;
    tracks->frame_type = is_video ? first >> 4 & 7 : 0;
    packet_type = flv_skip_mod_ex(&b, first & 0x0f);
    if (packet_type != (is_video ? EX_VIDEO_MULTITRACK : EX_AUDIO_MULTITRACK) ||
        (is_video && tracks->frame_type == VIDEO_FRAME_COMMAND))
        return -1;
    first = bytes_u8(&b);
    tracks->kind = first >> 4;
    tracks->packet_type = first & 0x0f;
    if (tracks->kind > MULTITRACK_MANY_CODECS)
        return -1;
    if (tracks->kind != MULTITRACK_MANY_CODECS)
        tracks->fourcc = bytes_u32(&b);
    tracks->rest = b;
    return b.bad ? -1 : 0;
}

int flv_tracks_next(struct flv_tracks *tracks, struct flv_track *track)
{
    struct bytes *b = &tracks->rest;

    if (bytes_left(b) == 0)
        return 0;
    track->fourcc = tracks->kind == MULTITRACK_MANY_CODECS ? bytes_u32(b) : tracks->fourcc;
    track->id = bytes_u8(b);
    track->len = tracks->kind == MULTITRACK_ONE ? bytes_left(b) : bytes_u24(b);
    track->body = bytes_take(b, track->len);
    return track->body != NULL ? 1 : -1;
}

int flv_tracks_have(const struct frame *frame, uint8_t id)
{
    struct flv_tracks tracks;
    struct flv_track track;

    if (flv_tracks_open(&tracks, frame) != 0)
        return 0;
    while (flv_tracks_next(&tracks, &track) == 1)
        if (track.id == id)
            return 1;
    return 0;
}

/* The header of an H.264 message, whose body may contain its composition time. 0: it has none. */
static size_t avc_head(const struct flv_tracks *tracks, uint8_t out[ORDINARY_HEAD_MAX])
{
    memset(out, 0, ORDINARY_HEAD_MAX);
    out[0] = (uint8_t)(tracks->frame_type << 4 | VIDEO_ID_AVC);
    switch (tracks->packet_type) {
    case EX_SEQUENCE_START:
        return 5;
    case EX_CODED_FRAMES:
        out[1] = 1;
        return 2;
    case EX_CODED_FRAMES_X:
        out[1] = 1;
        return 5;
    case EX_SEQUENCE_END:
        out[1] = 2;
        return 5;
    default:
        return 0;
    }
}

static size_t ordinary_head(const struct flv_tracks *tracks, uint32_t fourcc,
                            uint8_t out[ORDINARY_HEAD_MAX])
{
    int is_video = tracks->type == FRAME_VIDEO;

    if (is_video && fourcc == FOURCC_AVC)
        return avc_head(tracks, out);
    if (!is_video && fourcc == FOURCC_AAC) {
        out[0] = AUDIO_AAC_HEAD;
        out[1] = tracks->packet_type;
        return tracks->packet_type <= EX_CODED_FRAMES ? 2 : 0;
    }
    if (!is_video && fourcc == FOURCC_MP3) {
        out[0] = AUDIO_MP3_HEAD;
        return tracks->packet_type == EX_CODED_FRAMES ? 1 : 0;
    }
    out[0] =
        (uint8_t)((is_video ? VIDEO_EX_HEADER | tracks->frame_type << 4 : AUDIO_ID_EX_HEADER << 4) |
                  tracks->packet_type);
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(fourcc >> (24 - 8 * i));
    return 5;
}

int flv_tracks_unwrap(const struct flv_tracks *tracks, const struct flv_track *track,
                      struct buf *out, struct frame *frame)
{
    uint8_t head[ORDINARY_HEAD_MAX];
    size_t len = ordinary_head(tracks, track->fourcc, head);

    assert(out->len == 0);
    /* A message within a message cannot be played. */
    if (len == 0 || tracks->packet_type >=
                        (tracks->type == FRAME_VIDEO ? EX_VIDEO_MULTITRACK : EX_AUDIO_MULTITRACK))
        return -1;
    if (buf_append(out, head, len) != 0 || buf_append(out, track->body, track->len) != 0)
        return -1;
    flv_frame_parse(frame, tracks->type, tracks->timestamp, buf_data(out), out->len);
    return 0;
}
