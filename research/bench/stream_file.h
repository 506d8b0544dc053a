#ifndef BENCH_STREAM_FILE_H
#define BENCH_STREAM_FILE_H

/*
 * An FLV file in memory, ready to be sent repeatedly: its tags in order, each H.264 frame with a
 * placeholder for a stamp, and the duration of one round. Publisher and bare loop read the file
 * through this, so that both send the same bytes.
 */
#include <stddef.h>
#include <stdint.h>

#define FLV_TAG_AUDIO  8
#define FLV_TAG_VIDEO  9
#define FLV_TAG_SCRIPT 18

struct stream_tag {
    uint8_t type;
    uint8_t is_keyframe;
    uint32_t time_ms; /* from the first frame on; 0 for those that open the stream */
    size_t len;
    uint8_t *body;
    uint8_t *stamp; /* STAMP_NAL_SIZE bytes within body, or NULL */
};

#define STREAM_HEAD_MAX 3

struct stream_file {
    /* Metadata and sequence headers, sent once. */
    struct stream_tag head[STREAM_HEAD_MAX];
    size_t head_count;
    /* The frames, by time; the first video frame is a keyframe. */
    struct stream_tag *tag;
    size_t tag_count;
    uint32_t round_ms; /* what one round adds to the time */
    uint64_t round_bytes;
};

/* Loads it, or the program ends with the reason. */
struct stream_file *stream_file_load(const char *path);
void stream_file_free(struct stream_file *file);

/* Frame number `index` of an endless run through the file. */
static inline const struct stream_tag *stream_file_at(const struct stream_file *file,
                                                      uint64_t index)
{
    return &file->tag[index % file->tag_count];
}

static inline uint64_t stream_file_time_ms(const struct stream_file *file, uint64_t index)
{
    return index / file->tag_count * file->round_ms + file->tag[index % file->tag_count].time_ms;
}

#endif
