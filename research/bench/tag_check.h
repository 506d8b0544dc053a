#ifndef BENCH_TAG_CHECK_H
#define BENCH_TAG_CHECK_H

/*
 * Checks whether a viewer receives a playable stream. Looks at one viewer's tags in order: the
 * first picture is a keyframe, the headers come before it, times never step back within a track,
 * NAL units fill their frame exactly, and by the stamps no frame is missing, duplicated or out of
 * order.
 */
#include <stddef.h>
#include <stdint.h>

struct tag_check {
    int may_skip; /* a slow viewer: frames may be missing, but only up to a keyframe */
    uint8_t has_video_header, has_audio_header, has_keyframe, has_number;
    uint8_t has_time[2];
    uint32_t time[2]; /* last time of the audio and of the video track */
    uint32_t next_number;
    uint64_t tags, frames, lost, skips, errors;
    int64_t sent_ns; /* of the last stamped frame; 0: the last tag was none */
    char first_error[96];
};

/* What one tag was. */
enum tag_kind { TAG_HEADER, TAG_AUDIO_FRAME, TAG_VIDEO_FRAME, TAG_KEYFRAME };

enum tag_kind tag_check_feed(struct tag_check *check, uint8_t type, uint32_t time_ms,
                             const uint8_t *body, size_t len);

/* Counts an error that the caller found in what stands around the tags. */
void tag_check_error(struct tag_check *check, const char *what, uint64_t detail);

/* The same answer from no more than a body's first two bytes. */
enum tag_kind tag_kind_of(uint8_t type, const uint8_t *body, size_t len);

#endif
