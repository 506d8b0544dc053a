/*
 * An FLV file as a source of an endless stream (Adobe FLV 10.1, annex E). Only what the benches
 * send is supported: H.264 with length-prefixed NAL units and any audio; other files are refused
 * with the reason.
 */
#include "stream_file.h"

#include "base/bytes.h"
#include "bench.h"
#include "stamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES   (256L * 1024 * 1024)
#define FRAME_MS_ASSUMED 40
#define TAG_HEADER_SIZE  11
#define NAL_LENGTH_SIZE  4
#define AVC_BODY_HEADER  5

static uint8_t *file_read(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (in == NULL)
        bench_die("%s: %s", path, strerror(errno));
    if (fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) < 0 || size > FILE_MAX_BYTES)
        bench_die("%s: not a file of up to %ld bytes", path, FILE_MAX_BYTES);
    rewind(in);
    data = malloc((size_t)size + 1);
    if (data == NULL || fread(data, 1, (size_t)size, in) != (size_t)size)
        bench_die("%s: cannot read it", path);
    fclose(in);
    *len = (size_t)size;
    return data;
}

/* Where the first slice begins: a stamp has to stand before it and after any delimiter. */
static size_t slice_offset(const struct stream_tag *tag)
{
    struct bytes in = bytes_of(tag->body + AVC_BODY_HEADER, tag->len - AVC_BODY_HEADER);

    while (bytes_left(&in) > 0) {
        size_t at = (size_t)(in.p - tag->body);
        uint32_t len = bytes_u32(&in);
        const uint8_t *nal = bytes_take(&in, len);

        if (nal == NULL || len == 0)
            return 0;
        if ((nal[0] & 31) >= 1 && (nal[0] & 31) <= 5)
            return at;
    }
    return 0;
}

static void stamp_insert(struct stream_tag *tag)
{
    const struct stamp nothing = {0, 0};
    size_t at = slice_offset(tag);
    size_t added = NAL_LENGTH_SIZE + STAMP_NAL_SIZE;
    uint8_t *body;
    struct bytes_out out;

    if (at == 0)
        bench_die("a video frame of the file holds no slice");
    body = malloc(tag->len + added);
    if (body == NULL)
        bench_die("out of memory");
    out = bytes_out_of(body, tag->len + added);
    bytes_put(&out, tag->body, at);
    bytes_put_u32(&out, STAMP_NAL_SIZE);
    tag->stamp = bytes_room(&out, STAMP_NAL_SIZE);
    bytes_put(&out, tag->body + at, tag->len - at);
    stamp_write(tag->stamp, &nothing);
    free(tag->body);
    tag->body = body;
    tag->len += added;
}

static void head_add(struct stream_file *file, struct stream_tag *tag)
{
    if (file->head_count == STREAM_HEAD_MAX)
        bench_die("the file has more than %d headers", STREAM_HEAD_MAX);
    tag->time_ms = 0;
    file->head[file->head_count++] = *tag;
}

static void tag_add(struct stream_file *file, const struct stream_tag *tag)
{
    /* Grown in powers of two. */
    if ((file->tag_count & (file->tag_count - 1)) == 0) {
        size_t capacity = file->tag_count > 0 ? file->tag_count * 2 : 1;

        file->tag = realloc(file->tag, capacity * sizeof(*file->tag));
        if (file->tag == NULL)
            bench_die("out of memory");
    }
    file->tag[file->tag_count++] = *tag;
    file->round_bytes += TAG_HEADER_SIZE + tag->len + 4;
}

/* Takes over the tag's body. */
static void tag_sort_in(struct stream_file *file, struct stream_tag *tag)
{
    if (tag->type == FLV_TAG_SCRIPT) {
        head_add(file, tag);
        return;
    }
    if (tag->type == FLV_TAG_AUDIO) {
        if (tag->len >= 2 && tag->body[0] >> 4 == 10 && tag->body[1] == 0)
            head_add(file, tag);
        else
            tag_add(file, tag);
        return;
    }
    if (tag->type != FLV_TAG_VIDEO || tag->len < AVC_BODY_HEADER || (tag->body[0] & 15) != 7)
        bench_die("the file holds something other than H.264, audio and metadata");
    if (tag->body[1] == 0) {
        if (tag->len < 10 || (tag->body[9] & 3) != NAL_LENGTH_SIZE - 1)
            bench_die("the file's NAL units have no length of four bytes");
        head_add(file, tag);
    } else if (tag->body[1] == 1) {
        tag->is_keyframe = tag->body[0] >> 4 == 1;
        stamp_insert(tag);
        tag_add(file, tag);
    } else {
        free(tag->body); /* end of sequence: ours has none */
    }
}

static void tags_read(struct stream_file *file, struct bytes *in)
{
    while (bytes_left(in) >= TAG_HEADER_SIZE + 4) {
        struct stream_tag tag = {0};
        const uint8_t *body;

        tag.type = bytes_u8(in);
        tag.len = bytes_u24(in);
        tag.time_ms = bytes_u24(in);
        tag.time_ms |= (uint32_t)bytes_u8(in) << 24;
        bytes_u24(in);
        body = bytes_take(in, tag.len);
        bytes_u32(in);
        if (in->bad)
            return; /* a cut last tag */
        tag.body = malloc(tag.len + 1);
        if (tag.body == NULL)
            bench_die("out of memory");
        memcpy(tag.body, body, tag.len);
        tag_sort_in(file, &tag);
    }
}

static void times_from_zero(struct stream_file *file)
{
    uint32_t first = UINT32_MAX;

    for (size_t i = 0; i < file->tag_count; i++) {
        if (file->tag[i].time_ms < first)
            first = file->tag[i].time_ms;
    }
    for (size_t i = 0; i < file->tag_count; i++)
        file->tag[i].time_ms -= first;
}

static int begins_with_keyframe(const struct stream_file *file)
{
    for (size_t i = 0; i < file->tag_count; i++) {
        if (file->tag[i].type == FLV_TAG_VIDEO)
            return file->tag[i].is_keyframe;
    }
    return 1;
}

/* The length of a round: each track continues one frame after its last. */
static uint32_t round_length(const struct stream_file *file)
{
    uint32_t round = 0;

    for (int type = FLV_TAG_AUDIO; type <= FLV_TAG_VIDEO; type++) {
        uint32_t last = 0;
        uint32_t step = FRAME_MS_ASSUMED;
        int seen = 0;

        for (size_t i = 0; i < file->tag_count; i++) {
            if (file->tag[i].type != type)
                continue;
            if (seen)
                step = file->tag[i].time_ms - last;
            last = file->tag[i].time_ms;
            seen = 1;
        }
        if (seen && last + step > round)
            round = last + step;
    }
    return round;
}

struct stream_file *stream_file_load(const char *path)
{
    struct stream_file *file = calloc(1, sizeof(*file));
    size_t len;
    uint8_t *data = file_read(path, &len);
    struct bytes in = bytes_of(data, len);

    if (file == NULL)
        bench_die("out of memory");
    if (bytes_u24(&in) != 0x464c56)
        bench_die("%s: not an FLV file", path);
    bytes_take(&in, 2);
    bytes_take(&in, bytes_u32(&in) - 9 + 4);
    if (in.bad)
        bench_die("%s: not an FLV file", path);
    tags_read(file, &in);
    free(data);
    if (file->tag_count < 2)
        bench_die("%s: no frames", path);
    times_from_zero(file);
    if (!begins_with_keyframe(file))
        bench_die("%s: its first video frame is no keyframe", path);
    file->round_ms = round_length(file);
    return file;
}

void stream_file_free(struct stream_file *file)
{
    for (size_t i = 0; i < file->head_count; i++)
        free(file->head[i].body);
    for (size_t i = 0; i < file->tag_count; i++)
        free(file->tag[i].body);
    free(file->tag);
    free(file);
}
