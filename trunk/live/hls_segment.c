/*
 * Each part has a buffer of its own, so that what is complete never moves while it is being sent;
 * only the bytes after a cut are copied, a few packets of tables at most.
 */
#include "live/hls_segment.h"

#include <assert.h>
#include <stdlib.h>

static struct hls_part *part_new(size_t bytes_max)
{
    struct hls_part *part = calloc(1, sizeof(*part));

    if (part != NULL)
        buf_init(&part->data, bytes_max);
    return part;
}

static void part_free(struct hls_part *part)
{
    buf_fini(&part->data);
    free(part);
}

struct hls_segment *hls_segment_new(size_t bytes_max)
{
    struct hls_segment *segment = calloc(1, sizeof(*segment));
    struct hls_part *part = part_new(bytes_max);

    if (segment == NULL || part == NULL) {
        free(segment);
        free(part);
        return NULL;
    }
    segment->refs = 1;
    segment->bytes_max = bytes_max;
    segment->first = segment->last = part;
    return segment;
}

struct hls_segment *hls_segment_ref(struct hls_segment *segment)
{
    segment->refs++;
    return segment;
}

void hls_segment_unref(struct hls_segment *segment)
{
    struct hls_part *next;

    if (segment == NULL || --segment->refs > 0)
        return;
    for (struct hls_part *part = segment->first; part != NULL; part = next) {
        next = part->next;
        part_free(part);
    }
    free(segment);
}

int hls_segment_append(struct hls_segment *segment, const uint8_t *data, size_t len)
{
    if (len > segment->bytes_max - segment->bytes ||
        buf_append(&segment->last->data, data, len) != 0)
        return -1;
    segment->bytes += len;
    return 0;
}

int hls_segment_end_part(struct hls_segment *segment, size_t at, uint64_t ticks)
{
    struct hls_part *ended = segment->last;
    struct hls_part *part = part_new(segment->bytes_max);

    assert(at <= ended->data.len);
    if (part == NULL)
        return -1;
    if (at < ended->data.len &&
        buf_append(&part->data, buf_data(&ended->data) + at, ended->data.len - at) != 0) {
        part_free(part);
        return -1;
    }
    ended->data.len = at;
    ended->ticks = ticks;
    ended->next = part;
    segment->last = part;
    segment->ticks += ticks;
    segment->parts++;
    return 0;
}

/* The last part has nothing: the one before it is the last. */
static void drop_last(struct hls_segment *segment)
{
    struct hls_part *before = segment->first;

    if (before == segment->last)
        return;
    while (before->next != segment->last)
        before = before->next;
    part_free(segment->last);
    before->next = NULL;
    segment->last = before;
}

int hls_segment_end(struct hls_segment *segment, size_t at, uint64_t ticks,
                    struct hls_segment *next)
{
    struct buf *data = &segment->last->data;
    uint64_t left = ticks > segment->ticks ? ticks - segment->ticks : 0;
    int rc = 0;

    assert(at <= data->len);
    if (next != NULL && at < data->len)
        rc = hls_segment_append(next, buf_data(data) + at, data->len - at);
    segment->bytes -= data->len - at;
    data->len = at;
    segment->last->ticks = left;
    if (at > 0)
        segment->parts++;
    else
        drop_last(segment);
    segment->ticks = ticks;
    return rc;
}

struct hls_part *hls_segment_part(const struct hls_segment *segment, uint64_t index)
{
    struct hls_part *part = segment->first;

    if (index >= segment->parts)
        return NULL;
    while (index-- > 0)
        part = part->next;
    return part;
}
