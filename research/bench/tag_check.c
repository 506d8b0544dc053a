/*
 * Checks one viewer's tags. Its rules come from Adobe's FLV 10.1, annex E, and ISO/IEC 14496-15,
 * not from the server under test.
 */
#include "tag_check.h"

#include "base/bytes.h"
#include "stamp.h"
#include "stream_file.h"

#include <inttypes.h>
#include <stdio.h>

#define AVC_BODY_HEADER 5

void tag_check_error(struct tag_check *check, const char *what, uint64_t detail)
{
    if (check->errors++ == 0)
        snprintf(check->first_error, sizeof(check->first_error), "%s (%" PRIu64 ")", what, detail);
}

enum tag_kind tag_kind_of(uint8_t type, const uint8_t *body, size_t len)
{
    if (type == FLV_TAG_AUDIO) {
        if (len >= 2 && body[0] >> 4 == 10 && body[1] == 0)
            return TAG_HEADER;
        return TAG_AUDIO_FRAME;
    }
    if (type != FLV_TAG_VIDEO || len < 2)
        return TAG_HEADER;
    if ((body[0] & 15) == 7 && body[1] != 1)
        return TAG_HEADER;
    return body[0] >> 4 == 1 ? TAG_KEYFRAME : TAG_VIDEO_FRAME;
}

static void number_check(struct tag_check *check, uint32_t number, int is_keyframe)
{
    uint32_t missing = number - check->next_number;

    if (check->has_number && missing != 0) {
        if (missing > INT32_MAX)
            tag_check_error(check, "a frame came twice or out of turn", number);
        else
            check->lost += missing;
        check->skips++;
        if (!check->may_skip)
            tag_check_error(check, "frames are missing", missing);
        else if (!is_keyframe)
            tag_check_error(check, "a skip not to a keyframe", number);
    }
    check->has_number = 1;
    check->next_number = number + 1;
}

static void nal_units_check(struct tag_check *check, const uint8_t *body, size_t len,
                            int is_keyframe)
{
    struct bytes in = bytes_of(body + AVC_BODY_HEADER, len - AVC_BODY_HEADER);
    struct stamp stamp;
    int slices = 0;

    while (bytes_left(&in) > 0) {
        uint32_t nal_len = bytes_u32(&in);
        const uint8_t *nal = bytes_take(&in, nal_len);

        if (nal == NULL || nal_len == 0) {
            tag_check_error(check, "a NAL unit beyond its frame", nal_len);
            return;
        }
        if ((nal[0] & 31) >= 1 && (nal[0] & 31) <= 5)
            slices++;
        if (stamp_read(nal, nal_len, &stamp)) {
            check->sent_ns = stamp.sent_ns;
            number_check(check, stamp.number, is_keyframe);
        }
    }
    if (slices == 0)
        tag_check_error(check, "a frame without a slice", len);
}

static void time_check(struct tag_check *check, uint8_t type, uint32_t time_ms)
{
    int track = type == FLV_TAG_VIDEO;

    if (check->has_time[track] && time_ms < check->time[track])
        tag_check_error(check, "a time steps back", time_ms);
    check->has_time[track] = 1;
    check->time[track] = time_ms;
}

static void video_check(struct tag_check *check, enum tag_kind kind, const uint8_t *body,
                        size_t len)
{
    if (!check->has_video_header)
        tag_check_error(check, "a frame before the video header", len);
    if (!check->has_keyframe && kind != TAG_KEYFRAME)
        tag_check_error(check, "the first video frame is no keyframe", len);
    check->has_keyframe = 1;
    check->frames++;
    if ((body[0] & 15) == 7 && len > AVC_BODY_HEADER)
        nal_units_check(check, body, len, kind == TAG_KEYFRAME);
    else
        tag_check_error(check, "a video frame that is not H.264", body[0]);
}

enum tag_kind tag_check_feed(struct tag_check *check, uint8_t type, uint32_t time_ms,
                             const uint8_t *body, size_t len)
{
    enum tag_kind kind = tag_kind_of(type, body, len);

    check->sent_ns = 0;
    check->tags++;
    if (type != FLV_TAG_AUDIO && type != FLV_TAG_VIDEO && type != FLV_TAG_SCRIPT)
        tag_check_error(check, "a tag of unknown type", type);
    if (kind == TAG_HEADER) {
        if (type == FLV_TAG_VIDEO)
            check->has_video_header = 1;
        else if (type == FLV_TAG_AUDIO)
            check->has_audio_header = 1;
        return kind;
    }
    time_check(check, type, time_ms);
    if (kind == TAG_AUDIO_FRAME) {
        if (len > 0 && body[0] >> 4 == 10 && !check->has_audio_header)
            tag_check_error(check, "a frame before the audio header", len);
    } else {
        video_check(check, kind, body, len);
    }
    return kind;
}
