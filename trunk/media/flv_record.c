/*
 * Recording FLV ("Video File Format Specification v10.1", annex E; E.5 for onMetaData). The index
 * is the `keyframes` object that players and on-demand modules have long agreed on: `times` in
 * seconds and `filepositions` in bytes, whose first entry is the video's sequence header. Its place
 * is reserved in the metadata tag; what is not needed of it is filled with AMF0 nulls after the
 * array, which are further arguments of the message that nobody reads.
 */
#include "media/flv_record.h"

#include "media/amf0.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define META_NAME   "onMetaData"
#define RECORD_NAME "recordedStream"
#define NULL_MARKER 5
/* Audio without video: places are at least so far apart (ms). */
#define AUDIO_STEP 1000
/* Segments: room for a keyframe every half second, and a few more. */
#define PLACES_PER_SECOND 2
#define PLACES_SPARE      16
/* Bytes of an index without places. */
#define INDEX_SIZE 64
#define PLACE_SIZE 18
/* The sequence header, and room for what remains when every second place is dropped. */
#define PLACES_MIN 4

struct place {
    uint32_t time;
    uint64_t offset;
};

struct flv_record {
    uint32_t segment_ms;
    uint8_t waits_key, keeps_time;
    uint8_t has_base;
    uint8_t has_video;         /* announced, or seen */
    uint8_t is_seen[2];        /* audio, video */
    uint32_t base;             /* timestamp of the first audio or video */
    uint32_t last[2], step[2]; /* the latest timestamp in the file, and the distance before it */
    uint64_t size;
    struct amf0 *meta;
    size_t meta_at, meta_len; /* the body of the metadata tag */
    uint32_t every;           /* this one of so many places is kept */
    uint32_t skipped;         /* places since the last one that was kept */
    size_t count, max;
    struct place place[FLV_RECORD_PLACES_MAX];
};

/* ---- metadata ---- */

/* The ECMA array or object of a metadata body; NULL: it is none. */
static struct amf0 *meta_parse(const uint8_t *body, size_t len)
{
    struct bytes in = bytes_of(body, len);
    struct amf0 *name = NULL;
    struct amf0 *value = NULL;

    if (amf0_read(&in, &name) == SCAN_DONE && name->type == AMF0_STRING &&
        strcmp(name->string, META_NAME) == 0 && amf0_read(&in, &value) == SCAN_DONE &&
        value->type != AMF0_ECMA_ARRAY && value->type != AMF0_OBJECT) {
        amf0_free(value);
        value = NULL;
    }
    amf0_free(name);
    return value;
}

static struct amf0 *index_of(const struct flv_record *record)
{
    struct amf0 *index = amf0_object();
    struct amf0 *times = amf0_strict_array();
    struct amf0 *offsets = amf0_strict_array();
    int rc = index == NULL || times == NULL || offsets == NULL ? -1 : 0;

    for (size_t i = 0; i < record->count && rc == 0; i++) {
        rc = amf0_set(times, NULL, amf0_number(record->place[i].time / 1000.0));
        if (rc == 0)
            rc = amf0_set(offsets, NULL, amf0_number((double)record->place[i].offset));
    }
    if (rc != 0) {
        amf0_free(index);
        amf0_free(times);
        amf0_free(offsets);
        return NULL;
    }
    rc = amf0_set(index, "times", times);
    rc |= amf0_set(index, "filepositions", offsets);
    if (rc == 0)
        return index;
    amf0_free(index);
    return NULL;
}

/* What is known of the file now. */
static int meta_set(const struct flv_record *record)
{
    uint32_t last = record->last[0] > record->last[1] ? record->last[0] : record->last[1];
    int rc = amf0_set(record->meta, "duration", amf0_number(flv_record_duration(record) / 1000.0));

    rc |= amf0_set(record->meta, "filesize", amf0_number((double)record->size));
    rc |= amf0_set(record->meta, "lasttimestamp", amf0_number(last / 1000.0));
    rc |= amf0_set(record->meta, "hasKeyframes", amf0_boolean(record->count > 0));
    rc |= amf0_set(record->meta, "keyframes", index_of(record));
    return rc;
}

static int meta_write(const struct flv_record *record, struct buf *out)
{
    return amf0_write_string(out, META_NAME) != 0 ? -1 : amf0_write(out, record->meta);
}

int flv_record_meta(const struct flv_record *record, struct buf *out, uint64_t *offset)
{
    size_t from = out->len;
    size_t used;
    uint8_t *room;

    if (meta_set(record) != 0 || meta_write(record, out) != 0)
        return -1;
    used = out->len - from;
    if (used > record->meta_len)
        return -1;
    room = buf_reserve(out, record->meta_len - used + 1);
    if (room == NULL)
        return -1;
    memset(room, NULL_MARKER, record->meta_len - used);
    buf_commit(out, record->meta_len - used);
    *offset = record->meta_at;
    return 0;
}

/* The metadata tag of a file that has just begun: without an index, but with its room. */
static int meta_begin(struct flv_record *record, struct buf *out)
{
    uint8_t head[FLV_TAG_HEADER_SIZE], tail[FLV_TAG_TRAILER_SIZE];
    uint8_t *room;
    size_t from;
    size_t used;

    record->meta_at = out->len + FLV_TAG_HEADER_SIZE;
    if (meta_set(record) != 0 || buf_append(out, head, sizeof(head)) != 0)
        return -1;
    from = out->len;
    if (meta_write(record, out) != 0)
        return -1;
    used = out->len - from;
    record->meta_len = used + INDEX_SIZE + record->max * PLACE_SIZE;
    room = buf_reserve(out, record->meta_len - used);
    if (record->meta_len > FLV_BODY_MAX || room == NULL)
        return -1;
    memset(room, NULL_MARKER, record->meta_len - used);
    buf_commit(out, record->meta_len - used);
    flv_tag_header_write(buf_data(out) + from - FLV_TAG_HEADER_SIZE, FRAME_SCRIPT, 0,
                         record->meta_len);
    flv_tag_trailer_write(tail, record->meta_len);
    return buf_append(out, tail, sizeof(tail));
}

/* ---- places ---- */

static void place_add(struct flv_record *record, uint32_t time)
{
    if (record->skipped > 0 || record->max < PLACES_MIN) {
        record->skipped -= record->skipped > 0;
        return;
    }
    if (record->count == record->max) {
        /* The first one is the sequence header and stays. */
        size_t kept = 1;

        for (size_t i = 1; i < record->count; i += 2)
            record->place[kept++] = record->place[i];
        record->count = kept;
        record->every *= 2;
    }
    record->place[record->count++] = (struct place){time, record->size};
    record->skipped = record->every - 1;
}

static int is_place(const struct flv_record *record, const struct frame *frame)
{
    if (frame->is_header || frame->is_meta || frame->type == FRAME_SCRIPT)
        return 0;
    if (frame->type == FRAME_VIDEO)
        return frame->is_key;
    return !record->has_video;
}

/* ---- tags ---- */

/* The timestamp in the file. */
static uint32_t time_of(const struct flv_record *record, uint32_t timestamp)
{
    if (record->keeps_time)
        return timestamp;
    if (!record->has_base || (int32_t)(timestamp - record->base) < 0)
        return 0;
    return timestamp - record->base;
}

static uint32_t elapsed(const struct flv_record *record, uint32_t timestamp)
{
    int32_t time = (int32_t)(timestamp - record->base);

    return !record->has_base || time < 0 ? 0 : (uint32_t)time;
}

static int is_media(const struct frame *frame)
{
    return frame->type != FRAME_SCRIPT && !frame->is_header && !frame->is_meta;
}

/* Whether the next file begins with this frame. */
static int is_cut(const struct flv_record *record, const struct frame *frame)
{
    int is_start = is_place(record, frame) ||
                   (frame->type == FRAME_AUDIO && is_media(frame) && !record->is_seen[1]);

    if (record->segment_ms == 0 || !is_media(frame) ||
        elapsed(record, frame->timestamp) < record->segment_ms)
        return 0;
    return is_start || !record->waits_key;
}

void flv_record_cut_next(struct flv_record *record)
{
    if (record->segment_ms > 0)
        record->segment_ms = 1;
}

static void take(struct flv_record *record, const struct frame *frame, size_t body_len)
{
    int i = frame->type == FRAME_VIDEO;
    uint32_t time;

    if (is_media(frame) && !record->has_base) {
        record->has_base = 1;
        record->base = frame->timestamp;
    }
    time = time_of(record, frame->timestamp);
    if (is_media(frame)) {
        record->has_video |= (uint8_t)i;
        if (is_place(record, frame) &&
            (i || record->count == 0 || time - record->place[record->count - 1].time >= AUDIO_STEP))
            place_add(record, time);
        if (record->is_seen[i] && time > record->last[i])
            record->step[i] = time - record->last[i];
        record->is_seen[i] = 1;
        if (time > record->last[i])
            record->last[i] = time;
    } else if (i && frame->is_header && record->count == 0) {
        place_add(record, time);
    }
    record->size += FLV_TAG_HEADER_SIZE + body_len + FLV_TAG_TRAILER_SIZE;
}

void flv_record_note(struct flv_record *record, const struct flv_tag *tag, size_t body_len)
{
    struct frame frame;

    flv_frame_parse(&frame, tag->type, tag->timestamp, tag->data, tag->len);
    take(record, &frame, body_len);
}

enum flv_record_step flv_record_tag(struct flv_record *record, const struct flv_tag *tag,
                                    struct buf *out)
{
    uint8_t *room;
    struct frame frame;

    flv_frame_parse(&frame, tag->type, tag->timestamp, tag->data, tag->len);
    if (is_cut(record, &frame))
        return FLV_RECORD_CUT;
    room = buf_reserve(out, FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE);
    if (room == NULL)
        return FLV_RECORD_FULL;
    take(record, &frame, tag->len);
    flv_tag_header_write(room, tag->type, time_of(record, tag->timestamp), tag->len);
    memcpy(room + FLV_TAG_HEADER_SIZE, tag->data, tag->len);
    flv_tag_trailer_write(room + FLV_TAG_HEADER_SIZE + tag->len, tag->len);
    buf_commit(out, FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE);
    return FLV_RECORD_TAKEN;
}

/* ---- begin and end ---- */

static int is_flv(const uint8_t *data, size_t len)
{
    return len >= FLV_HEADER_SIZE && memcmp(data, "FLV", 3) == 0;
}

/* 0, or -1. */
static int begin(struct flv_record *record, const uint8_t *init, size_t len, const char *name,
                 struct buf *out)
{
    const uint8_t *p = init + FLV_HEADER_SIZE;
    size_t left = len - FLV_HEADER_SIZE;
    struct flv_tag tag;
    size_t used;

    if (flv_tag_read(p, left, &tag, &used) == SCAN_DONE && tag.type == FRAME_SCRIPT) {
        record->meta = meta_parse(tag.data, tag.len);
        p += used;
        left -= used;
    }
    if (record->meta == NULL)
        record->meta = amf0_ecma_array();
    if (record->meta == NULL || amf0_set(record->meta, RECORD_NAME, amf0_string(name)) != 0 ||
        buf_append(out, init, FLV_HEADER_SIZE) != 0 || meta_begin(record, out) != 0)
        return -1;
    record->size = out->len;
    while (flv_tag_read(p, left, &tag, &used) == SCAN_DONE) {
        if (flv_record_tag(record, &tag, out) != FLV_RECORD_TAKEN)
            return -1;
        p += used;
        left -= used;
    }
    return 0;
}

struct flv_record *flv_record_new(const uint8_t *init, size_t len,
                                  const struct flv_record_options *options, struct buf *out)
{
    struct flv_record *record = is_flv(init, len) ? calloc(1, sizeof(*record)) : NULL;
    uint64_t places = (uint64_t)options->segment_ms * PLACES_PER_SECOND / 1000 + PLACES_SPARE;

    assert(out->len == 0);
    if (record == NULL)
        return NULL;
    record->segment_ms = options->segment_ms;
    record->waits_key = options->waits_key != 0;
    record->keeps_time = options->keeps_time != 0;
    record->has_video = init[4] & 1;
    record->every = 1;
    record->max = options->segment_ms == 0 || places > FLV_RECORD_PLACES_MAX ? FLV_RECORD_PLACES_MAX
                                                                             : (size_t)places;
    if (begin(record, init, len, options->name, out) == 0)
        return record;
    flv_record_free(record);
    return NULL;
}

void flv_record_free(struct flv_record *record)
{
    if (record == NULL)
        return;
    amf0_free(record->meta);
    free(record);
}

/* How many places fit into the tag. 0 or -1. */
static int room_find(struct flv_record *record)
{
    struct buf body;
    int rc;

    buf_init(&body, FLV_RECORD_HEAD_MAX);
    rc = meta_set(record) != 0 || meta_write(record, &body) != 0 || body.len > record->meta_len;
    if (rc == 0)
        record->max = (record->meta_len - body.len) / PLACE_SIZE;
    if (record->max > FLV_RECORD_PLACES_MAX)
        record->max = FLV_RECORD_PLACES_MAX;
    buf_fini(&body);
    return rc == 0 ? 0 : -1;
}

struct flv_record *flv_record_resume(const uint8_t *head, size_t len, size_t *used)
{
    struct flv_record *record;
    struct flv_tag tag;

    if (!is_flv(head, len) ||
        flv_tag_read(head + FLV_HEADER_SIZE, len - FLV_HEADER_SIZE, &tag, used) != SCAN_DONE ||
        tag.type != FRAME_SCRIPT)
        return NULL;
    record = calloc(1, sizeof(*record));
    if (record == NULL)
        return NULL;
    record->meta = meta_parse(tag.data, tag.len);
    record->meta_at = FLV_HEADER_SIZE + FLV_TAG_HEADER_SIZE;
    record->meta_len = tag.len;
    record->keeps_time = 1;
    record->has_video = head[4] & 1;
    record->every = 1;
    *used += FLV_HEADER_SIZE;
    record->size = *used;
    if (record->meta == NULL || amf0_get_string(record->meta, RECORD_NAME) == NULL) {
        flv_record_free(record);
        return NULL;
    }
    if (room_find(record) == 0)
        return record;
    flv_record_free(record);
    return NULL;
}

/* ---- facts ---- */

uint64_t flv_record_size(const struct flv_record *record)
{
    return record->size;
}

uint32_t flv_record_duration(const struct flv_record *record)
{
    uint32_t end = 0;

    for (int i = 0; i < 2; i++)
        if (record->is_seen[i] && record->last[i] + record->step[i] > end)
            end = record->last[i] + record->step[i];
    if (record->keeps_time && end >= record->base)
        end -= record->base;
    return end;
}

int flv_record_has_media(const struct flv_record *record)
{
    return record->is_seen[0] || record->is_seen[1];
}

const char *flv_record_name(const struct flv_record *record)
{
    const char *name = amf0_get_string(record->meta, RECORD_NAME);

    return name != NULL ? name : "";
}
