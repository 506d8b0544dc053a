/*
 * Seeking in FLV files ("Video File Format Specification v10.1", annex E). Tags have no start
 * marker, but the size of each tag follows it: a position is the start of a tag if the tag's
 * header, the size after it and the next tag's header agree. The requested position is tried first
 * (players with the file's index ask for the exact one), then the following bytes, one by one.
 *
 * A time is found by bisection: the first keyframe after the middle decides which half to search.
 * This takes a few dozen short reads in a file of any length and needs no index, which could be
 * wrong. One budget limits all reads, so that a crafted file cannot make the search endless.
 */
#include "media/flv_seek.h"

#include "base/bytes.h"
#include "media/flv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SEEK_SCAN_SIZE  ((size_t)32 * 1024) /* read in one call to search byte by byte */
#define SEEK_PROBE_SIZE ((size_t)4 * 1024)  /* read in one call to go from tag to tag */
#define SEEK_BUDGET     ((uint64_t)256 * 1024 * 1024)
#define SEEK_RESYNC_MAX ((uint64_t)2 * FLV_BODY_MAX) /* a tag begins at least this often */
#define SEEK_BODY_PEEK  ((size_t)256)                /* enough of a body for its headers */
#define SEEK_INIT_MAX   512                          /* tags at the beginning that are examined */
#define SEEK_HEADER_MAX ((size_t)64 * 1024)          /* a sequence header's body */
#define SEEK_NEAR       ((uint64_t)64 * 1024) /* shorter distances are walked, not bisected */

struct window {
    uint8_t *data;
    size_t cap, len;
    uint64_t offset;
};

struct tag {
    uint64_t offset, next;
    enum frame_type type;
    uint32_t time;
    size_t len;
};

struct flv_seek {
    const struct flv_file *file;
    struct window scan;
    struct window probe[2]; /* a tag's header, and what follows it */
    int last;               /* used of the two */
    uint64_t budget;
    int has_failed;
    uint64_t first; /* where the tags begin */
    uint32_t base;  /* the first audio or video tag's time */
    int has_video;  /* seen at the beginning */
    uint8_t buffer[];
};

struct flv_seek *flv_seek_new(const struct flv_file *file)
{
    struct flv_seek *seek = malloc(sizeof(*seek) + SEEK_SCAN_SIZE + 2 * SEEK_PROBE_SIZE);

    assert(file != NULL && file->read != NULL);
    if (seek == NULL)
        return NULL;
    memset(seek, 0, sizeof(*seek));
    seek->file = file;
    seek->budget = SEEK_BUDGET;
    seek->scan.data = seek->buffer;
    seek->scan.cap = SEEK_SCAN_SIZE;
    for (int i = 0; i < 2; i++) {
        seek->probe[i].data = seek->buffer + SEEK_SCAN_SIZE + (size_t)i * SEEK_PROBE_SIZE;
        seek->probe[i].cap = SEEK_PROBE_SIZE;
    }
    return seek;
}

void flv_seek_free(struct flv_seek *seek)
{
    free(seek);
}

/* ---- reading ---- */

static MAY_YIELD int window_fill(struct flv_seek *seek, struct window *window, uint64_t offset)
{
    window->offset = offset;
    window->len = 0;
    while (window->len < window->cap) {
        size_t got = 0;

        if (seek->budget < SEEK_PROBE_SIZE ||
            seek->file->read(seek->file->arg, offset + window->len, window->data + window->len,
                             window->cap - window->len, &got) != 0) {
            seek->has_failed = 1;
            return -1;
        }
        assert(got <= window->cap - window->len);
        if (got == 0)
            break;
        window->len += got;
        seek->budget -= got < SEEK_PROBE_SIZE ? SEEK_PROBE_SIZE : got;
    }
    return 0;
}

static int is_within(const struct flv_seek *seek, uint64_t offset, size_t len)
{
    return !seek->has_failed && offset <= seek->file->size && len <= seek->file->size - offset;
}

static int window_has(const struct window *window, uint64_t offset, size_t len)
{
    return offset >= window->offset && offset - window->offset <= window->len &&
           len <= window->len - (size_t)(offset - window->offset);
}

/* `len` bytes of the file; NULL beyond its end, or when it cannot be read. */
static MAY_YIELD const uint8_t *peek_in(struct flv_seek *seek, struct window *window,
                                        uint64_t offset, size_t len)
{
    assert(len <= window->cap);
    if (!is_within(seek, offset, len))
        return NULL;
    if (!window_has(window, offset, len) && window_fill(seek, window, offset) != 0)
        return NULL;
    /* The file may have become shorter. */
    return window_has(window, offset, len) ? window->data + (offset - window->offset) : NULL;
}

/* The same with the two windows that walk from tag to tag; the one used last is kept. */
static MAY_YIELD const uint8_t *peek(struct flv_seek *seek, uint64_t offset, size_t len)
{
    for (int i = 0; i < 2; i++) {
        if (window_has(&seek->probe[i], offset, len)) {
            seek->last = i;
            return peek_in(seek, &seek->probe[i], offset, len);
        }
    }
    seek->last = !seek->last;
    return peek_in(seek, &seek->probe[seek->last], offset, len);
}

/* ---- tags ---- */

/* Could a tag begin with these 11 bytes? E.4.1. */
static int is_tag_header(const uint8_t *p)
{
    return (p[0] == FRAME_AUDIO || p[0] == FRAME_VIDEO || p[0] == FRAME_SCRIPT) && p[8] == 0 &&
           p[9] == 0 && p[10] == 0;
}

/* Is there a whole tag at offset, followed by its size and by another tag or the end? */
static MAY_YIELD int tag_at(struct flv_seek *seek, uint64_t offset, struct tag *tag)
{
    const uint8_t *p = peek(seek, offset, FLV_TAG_HEADER_SIZE);
    struct bytes in;
    uint64_t rest;

    if (p == NULL || !is_tag_header(p))
        return 0;
    in = bytes_of(p, FLV_TAG_HEADER_SIZE);
    tag->offset = offset;
    tag->type = (enum frame_type)bytes_u8(&in);
    tag->len = bytes_u24(&in);
    tag->time = bytes_u24(&in);
    tag->time |= (uint32_t)bytes_u8(&in) << 24;
    tag->next = offset + FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE;
    if (tag->next > seek->file->size)
        return 0;
    rest = seek->file->size - tag->next;
    p = peek(seek, tag->next - FLV_TAG_TRAILER_SIZE,
             FLV_TAG_TRAILER_SIZE + (rest >= FLV_TAG_HEADER_SIZE ? FLV_TAG_HEADER_SIZE : 0));
    if (p == NULL)
        return 0;
    in = bytes_of(p, FLV_TAG_TRAILER_SIZE);
    if (bytes_u32(&in) != FLV_TAG_HEADER_SIZE + tag->len)
        return 0;
    return rest < FLV_TAG_HEADER_SIZE || is_tag_header(p + FLV_TAG_TRAILER_SIZE);
}

/*
 * The number of bytes from p on that cannot be the beginning of a tag, by a quick test; p has `len`
 * bytes, at least a tag header. In a damaged file this skips most bytes, so it is fast for zeros
 * (no tag begins with a zero) and for all other bytes (the last three bytes of each tag header are
 * zero).
 */
static size_t scan_skip(const uint8_t *p, size_t len)
{
    size_t last = len - FLV_TAG_HEADER_SIZE;
    size_t i = 0;

    while (i <= last) {
        uint64_t word = 1;

        if (i + sizeof(word) <= last)
            memcpy(&word, p + i, sizeof(word));
        if (word == 0)
            i += sizeof(word);
        else if (p[i + 10] != 0)
            i += 3;
        else if (is_tag_header(p + i))
            return i;
        else
            i++;
    }
    return last + 1;
}

/* The first tag at or after offset. */
static MAY_YIELD int tag_find(struct flv_seek *seek, uint64_t offset, struct tag *tag)
{
    uint64_t end = seek->file->size;

    if (offset >= end)
        return 0;
    if (tag_at(seek, offset, tag))
        return 1;
    if (end - offset > SEEK_RESYNC_MAX)
        end = offset + SEEK_RESYNC_MAX;
    for (offset++; offset < end && !seek->has_failed; offset++) {
        const uint8_t *p = peek_in(seek, &seek->scan, offset, FLV_TAG_HEADER_SIZE);
        size_t left;

        if (p == NULL)
            return 0;
        left = seek->scan.len - (size_t)(offset - seek->scan.offset);
        offset += scan_skip(p, left);
        p = peek_in(seek, &seek->scan, offset, FLV_TAG_HEADER_SIZE);
        if (p == NULL)
            return 0;
        if (offset < end && is_tag_header(p) && tag_at(seek, offset, tag))
            return 1;
    }
    return 0;
}

/* Parses the beginning of the tag's body. */
static MAY_YIELD int tag_parse(struct flv_seek *seek, const struct tag *tag, struct frame *frame)
{
    size_t len = tag->len < SEEK_BODY_PEEK ? tag->len : SEEK_BODY_PEEK;
    const uint8_t *p = peek(seek, tag->offset + FLV_TAG_HEADER_SIZE, len);

    if (p == NULL)
        return -1;
    flv_frame_parse(frame, tag->type, tag->time, p, len);
    return 0;
}

/* The first place at or after offset that a player can begin with. */
static MAY_YIELD int place_find(struct flv_seek *seek, uint64_t offset, struct tag *tag)
{
    struct frame frame;

    while (tag_find(seek, offset, tag) && tag_parse(seek, tag, &frame) == 0) {
        if (frame.is_key || (tag->type == FRAME_AUDIO && !seek->has_video && !frame.is_header))
            return 1;
        offset = tag->next;
    }
    return 0;
}

/* ---- the beginning ---- */

struct init_data {
    struct tag header[2]; /* sequence headers: audio, video; offset 0: none */
    int is_settled[2];    /* no other is expected */
    int is_seen[2];
    int has_base;
};

static void init_data_take(struct flv_seek *seek, struct init_data *init, const struct tag *tag,
                           const struct frame *frame)
{
    int i = tag->type == FRAME_VIDEO;

    if (tag->type == FRAME_SCRIPT)
        return;
    if (!init->has_base)
        seek->base = tag->time;
    init->has_base = 1;
    init->is_seen[i] = 1;
    if (init->is_settled[i] || frame->is_meta)
        return;
    init->is_settled[i] = 1;
    if (frame->is_header && tag->len <= SEEK_HEADER_MAX)
        init->header[i] = *tag;
}

/* A sequence header's whole tag, at time 0. */
static MAY_YIELD int header_append(struct flv_seek *seek, const struct tag *tag, struct buf *out)
{
    uint8_t *room = buf_reserve(out, FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE);
    size_t at = 0;

    if (room == NULL)
        return -1;
    flv_tag_header_write(room, tag->type, 0, tag->len);
    while (at < tag->len) {
        size_t len = tag->len - at < SEEK_PROBE_SIZE ? tag->len - at : SEEK_PROBE_SIZE;
        const uint8_t *p = peek(seek, tag->offset + FLV_TAG_HEADER_SIZE + at, len);

        if (p == NULL)
            return -1;
        memcpy(room + FLV_TAG_HEADER_SIZE + at, p, len);
        at += len;
    }
    flv_tag_trailer_write(room + FLV_TAG_HEADER_SIZE + tag->len, tag->len);
    buf_commit(out, FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE);
    return 0;
}

static MAY_YIELD enum flv_seek_status init_data_write(struct flv_seek *seek,
                                                      const struct init_data *init,
                                                      const int has_track[2], struct buf *out)
{
    uint8_t head[FLV_HEADER_SIZE];

    flv_header_write(head, has_track[0], has_track[1]);
    if (buf_append(out, head, sizeof(head)) != 0)
        return FLV_SEEK_FAILED;
    for (int i = 1; i >= 0; i--)
        if (init->header[i].offset != 0 && header_append(seek, &init->header[i], out) != 0)
            return FLV_SEEK_FAILED;
    return FLV_SEEK_DONE;
}

enum flv_seek_status flv_seek_open(struct flv_seek *seek, struct buf *out)
{
    const uint8_t *p = peek(seek, 0, FLV_HEADER_SIZE);
    struct init_data init;
    struct frame frame;
    struct tag tag;
    int has_track[2];
    int count = 0;
    uint8_t flags;

    memset(&init, 0, sizeof(init));
    if (p == NULL || memcmp(p, "FLV", 3) != 0)
        return seek->has_failed ? FLV_SEEK_FAILED : FLV_SEEK_BAD;
    flags = p[4];
    seek->first = ((uint64_t)p[5] << 24 | (uint64_t)p[6] << 16 | (uint64_t)p[7] << 8 | p[8]) + 4;
    if (seek->first < FLV_HEADER_SIZE || seek->first > seek->file->size)
        return FLV_SEEK_BAD;
    for (uint64_t at = seek->first; count < SEEK_INIT_MAX; count++, at = tag.next) {
        if ((init.is_settled[0] && init.is_settled[1]) || !tag_find(seek, at, &tag) ||
            tag_parse(seek, &tag, &frame) != 0)
            break;
        init_data_take(seek, &init, &tag, &frame);
    }
    if (seek->has_failed)
        return FLV_SEEK_FAILED;
    seek->has_video = init.is_seen[1];
    /* After too many tags, the file's own flags decide. */
    has_track[0] = init.is_seen[0] || (count == SEEK_INIT_MAX && (flags & 4) != 0);
    has_track[1] = init.is_seen[1] || (count == SEEK_INIT_MAX && (flags & 1) != 0);
    return init_data_write(seek, &init, has_track, out);
}

/* ---- seeking ---- */

static enum flv_seek_status found(const struct flv_seek *seek, int is_found, const struct tag *tag,
                                  uint64_t *offset)
{
    if (seek->has_failed)
        return FLV_SEEK_FAILED;
    if (!is_found)
        return FLV_SEEK_BEYOND;
    *offset = tag->offset;
    return FLV_SEEK_DONE;
}

enum flv_seek_status flv_seek_byte(struct flv_seek *seek, uint64_t start, uint64_t *offset)
{
    struct tag tag;
    int is_found;

    assert(seek->first != 0);
    is_found = place_find(seek, start > seek->first ? start : seek->first, &tag);
    return found(seek, is_found, &tag, offset);
}

/* Is there a later tag whose time is not before target? */
static MAY_YIELD int reaches(struct flv_seek *seek, struct tag tag, uint64_t target)
{
    while (tag.time < target)
        if (!tag_find(seek, tag.next, &tag))
            return 0;
    return 1;
}

enum flv_seek_status flv_seek_time(struct flv_seek *seek, uint64_t ms, uint64_t *offset)
{
    uint64_t target = ms <= UINT32_MAX ? seek->base + ms : UINT64_MAX;
    uint64_t high = seek->file->size;
    struct tag low;
    struct tag tag;
    int is_found;

    assert(seek->first != 0);
    is_found = place_find(seek, seek->first, &low);
    if (!is_found || low.time >= target)
        return found(seek, is_found, &low, offset);
    /* low is a place that is early enough; no later one before `high` is known yet. */
    while (high > low.next && high - low.next > SEEK_NEAR) {
        uint64_t middle = low.next + (high - low.next) / 2;

        if (place_find(seek, middle, &tag) && tag.time <= target && tag.offset < high)
            low = tag;
        else
            high = middle;
        if (seek->has_failed)
            return FLV_SEEK_FAILED;
    }
    while (place_find(seek, low.next, &tag)) {
        if (tag.time > target)
            return found(seek, 1, &low, offset);
        low = tag;
    }
    is_found = reaches(seek, low, target);
    return found(seek, is_found, &low, offset);
}
