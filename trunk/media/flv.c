/*
 * FLV's file header, tag headers and trailers, and a parser for a whole FLV
 * byte stream ("Video File Format Specification v10.1", E.2 to E.4.1).
 *
 * The parser returns a tag as soon as its body is complete, without waiting for the trailer: on a
 * live pull that would be one frame later. A tag that is whole in the fed bytes is borrowed from
 * them; only a split tag is collected, in a buffer that grows with the received bytes.
 */
#include "media/flv.h"

#include "base/buf.h"
#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FLV_FILE_HEADER_SIZE 9
#define FLV_DATA_OFFSET_MAX  1024 /* always 9 in practice; limits what is skipped */
#define FLV_TAG_FILTER       0x20
#define FLV_TAG_TYPE         0x1f

static void put_be(uint8_t *out, uint32_t v, size_t n)
{
    for (size_t i = n; i > 0; i--) {
        out[i - 1] = (uint8_t)v;
        v >>= 8;
    }
}

void flv_header_write(uint8_t out[FLV_HEADER_SIZE], int has_audio, int has_video)
{
    static const uint8_t HEADER[FLV_HEADER_SIZE] = {'F', 'L', 'V', 1, 0, 0, 0, 0, 9, 0, 0, 0, 0};

    memcpy(out, HEADER, FLV_HEADER_SIZE);
    out[4] = (uint8_t)((has_audio ? 4 : 0) | (has_video ? 1 : 0));
}

void flv_tag_header_write(uint8_t out[FLV_TAG_HEADER_SIZE], enum frame_type type,
                          uint32_t timestamp, size_t body_len)
{
    assert(body_len <= FLV_BODY_MAX);
    out[0] = (uint8_t)type;
    put_be(out + 1, (uint32_t)body_len, 3);
    put_be(out + 4, timestamp, 3);
    out[7] = (uint8_t)(timestamp >> 24);
    put_be(out + 8, 0, 3);
}

void flv_tag_trailer_write(uint8_t out[FLV_TAG_TRAILER_SIZE], size_t body_len)
{
    assert(body_len <= FLV_BODY_MAX);
    put_be(out, (uint32_t)(FLV_TAG_HEADER_SIZE + body_len), 4);
}

enum scan flv_tag_read(const uint8_t *data, size_t len, struct flv_tag *tag, size_t *used)
{
    struct bytes b = bytes_of(data, len);
    uint8_t type = bytes_u8(&b);

    assert(tag != NULL && used != NULL && (data != NULL || len == 0));
    if (len == 0)
        return SCAN_MORE;
    tag->type = (enum frame_type)type;
    tag->len = bytes_u24(&b);
    tag->timestamp = bytes_u24(&b);
    tag->timestamp |= (uint32_t)bytes_u8(&b) << 24;
    (void)bytes_take(&b, 3); /* StreamID */
    tag->data = bytes_take(&b, tag->len);
    (void)bytes_take(&b, FLV_TAG_TRAILER_SIZE);
    if (b.bad)
        return SCAN_BAD;
    *used = FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE;
    return SCAN_DONE;
}

enum flv_state {
    FLV_FILE_HEADER,
    FLV_SKIP, /* the rest of a longer file header */
    FLV_TAG_HEADER,
    FLV_BODY,
    FLV_STRANGE_BODY, /* of a reserved tag type: skipped */
    FLV_TRAILER,
    FLV_FAILED
};

struct flv_in {
    enum flv_state state;
    int flags;      /* -1 until the file header was read */
    int is_strange; /* the last tag's type was a reserved one */
    size_t need;    /* bytes the state still waits for (SKIP, BODY, STRANGE_BODY) */
    size_t small_len;
    uint8_t small[FLV_TAG_HEADER_SIZE]; /* a header or trailer that arrived in pieces */
    size_t body_len;                    /* of the current tag */
    enum frame_type type;
    uint32_t timestamp;
    size_t body_max;
    struct buf body; /* a body that arrived in pieces */
};

struct flv_in *flv_in_new(size_t body_max)
{
    struct flv_in *in = calloc(1, sizeof(*in));

    assert(body_max > 0);
    if (in == NULL)
        return NULL;
    in->flags = -1;
    in->body_max = body_max;
    buf_init(&in->body, body_max);
    return in;
}

void flv_in_free(struct flv_in *in)
{
    if (in == NULL)
        return;
    buf_fini(&in->body);
    free(in);
}

int flv_in_flags(const struct flv_in *in)
{
    return in->flags;
}

size_t flv_in_pending(const struct flv_in *in)
{
    return in->body.len;
}

/* Collects size bytes in small; 1 once it has all of them. */
static int gather(struct flv_in *in, struct bytes *b, size_t size)
{
    size_t n = size - in->small_len;

    assert(size <= sizeof(in->small) && in->small_len <= size);
    if (n > bytes_left(b))
        n = bytes_left(b);
    if (n > 0)
        memcpy(in->small + in->small_len, bytes_take(b, n), n);
    in->small_len += n;
    if (in->small_len < size)
        return 0;
    in->small_len = 0;
    return 1;
}

/* Skips need bytes; 1 once they are skipped. */
static int skip(struct flv_in *in, struct bytes *b)
{
    size_t n = in->need < bytes_left(b) ? in->need : bytes_left(b);

    bytes_take(b, n);
    in->need -= n;
    return in->need == 0;
}

/* E.2, read from small; 0 or -1. */
static int take_file_header(struct flv_in *in)
{
    struct bytes h = bytes_of(in->small, FLV_FILE_HEADER_SIZE);
    const uint8_t *signature = bytes_take(&h, 3);
    uint8_t version = bytes_u8(&h);
    uint8_t flags = bytes_u8(&h);
    uint32_t offset = bytes_u32(&h);

    if (memcmp(signature, "FLV", 3) != 0 || version != 1)
        return -1;
    if (offset < FLV_FILE_HEADER_SIZE || offset > FLV_DATA_OFFSET_MAX)
        return -1;
    in->flags = flags & 5;
    /* PreviousTagSize0 is skipped, too: its value is useless. */
    in->need = offset - FLV_FILE_HEADER_SIZE + FLV_TAG_TRAILER_SIZE;
    in->state = FLV_SKIP;
    return 0;
}

/* E.4.1, read from small; 0 or -1. */
static int take_tag_header(struct flv_in *in)
{
    struct bytes h = bytes_of(in->small, FLV_TAG_HEADER_SIZE);
    uint8_t first = bytes_u8(&h);
    uint8_t type = first & FLV_TAG_TYPE;

    in->body_len = bytes_u24(&h);
    in->timestamp = bytes_u24(&h);
    in->timestamp |= (uint32_t)bytes_u8(&h) << 24;
    if (first & FLV_TAG_FILTER || in->body_len > in->body_max)
        return -1;
    in->is_strange = type != FRAME_AUDIO && type != FRAME_VIDEO && type != FRAME_SCRIPT;
    in->need = in->body_len;
    in->state = in->is_strange ? FLV_STRANGE_BODY : FLV_BODY;
    if (!in->is_strange)
        in->type = (enum frame_type)type;
    buf_consume(&in->body, in->body.len);
    return 0;
}

/*
 * PreviousTagSize is wrong in files of several writers, so it is ignored. After a tag of a reserved
 * type, however, it distinguishes a tag from bytes that are not FLV.
 */
static int take_trailer(struct flv_in *in)
{
    struct bytes t = bytes_of(in->small, FLV_TAG_TRAILER_SIZE);

    if (in->is_strange && bytes_u32(&t) != FLV_TAG_HEADER_SIZE + in->body_len)
        return -1;
    in->state = FLV_TAG_HEADER;
    return 0;
}

/* The body, borrowed from the fed bytes, or collected. DONE, MORE, or BAD without memory. */
static enum scan take_body(struct flv_in *in, struct bytes *b, struct flv_tag *tag)
{
    size_t n = in->need < bytes_left(b) ? in->need : bytes_left(b);
    const uint8_t *p = bytes_take(b, n);

    if (n == in->need && in->body.len == 0) {
        tag->data = p;
    } else {
        if (buf_append(&in->body, p, n) != 0)
            return SCAN_BAD;
        in->need -= n;
        if (in->need > 0)
            return SCAN_MORE;
        tag->data = buf_data(&in->body);
    }
    tag->type = in->type;
    tag->timestamp = in->timestamp;
    tag->len = in->body_len;
    in->state = FLV_TRAILER;
    return SCAN_DONE;
}

/* One step of the state; DONE: a tag; MORE: call again while bytes are left. */
static enum scan step(struct flv_in *in, struct bytes *b, struct flv_tag *tag)
{
    int failed = 0;

    switch (in->state) {
    case FLV_FILE_HEADER:
        if (gather(in, b, FLV_FILE_HEADER_SIZE))
            failed = take_file_header(in);
        break;
    case FLV_SKIP:
        if (skip(in, b))
            in->state = FLV_TAG_HEADER;
        break;
    case FLV_TAG_HEADER:
        if (gather(in, b, FLV_TAG_HEADER_SIZE))
            failed = take_tag_header(in);
        break;
    case FLV_BODY:
        return take_body(in, b, tag);
    case FLV_STRANGE_BODY:
        if (skip(in, b))
            in->state = FLV_TRAILER;
        break;
    case FLV_TRAILER:
        if (gather(in, b, FLV_TAG_TRAILER_SIZE))
            failed = take_trailer(in);
        break;
    case FLV_FAILED:
        failed = 1;
        break;
    }
    return failed ? SCAN_BAD : SCAN_MORE;
}

enum scan flv_in_feed(struct flv_in *in, const uint8_t *data, size_t len, size_t *used,
                      struct flv_tag *tag)
{
    struct bytes b = bytes_of(data, len);
    enum scan scan = SCAN_MORE;

    assert(in != NULL && used != NULL && tag != NULL);
    /* An empty body is complete without another byte, hence the second condition. */
    while (scan == SCAN_MORE &&
           (bytes_left(&b) > 0 || (in->state == FLV_BODY && in->need == 0) ||
            (in->state == FLV_STRANGE_BODY && in->need == 0) || in->state == FLV_FAILED))
        scan = step(in, &b, tag);
    if (scan == SCAN_BAD)
        in->state = FLV_FAILED;
    *used = len - bytes_left(&b);
    return scan;
}
