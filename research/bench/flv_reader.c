/*
 * A reader of HTTP-FLV answers (RFC 9112; Adobe FLV 10.1, annex E), strict on purpose: it must find
 * a server's errors. It is fed bytes as they arrive and processes one state after another, so any
 * split gives the same result.
 */
#include "flv_reader.h"

#include "base/bytes.h"
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FLV_HEADER_SIZE 13 /* with the first PreviousTagSize */
#define TAG_HEADER_SIZE 11
#define HEADER_LINES    100

static int fail(struct flv_reader *reader, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct flv_reader *reader, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(reader->error, sizeof(reader->error), fmt, args);
    va_end(args);
    reader->state = FLV_READER_FAILED;
    return -1;
}

void flv_reader_init(struct flv_reader *reader)
{
    memset(reader, 0, sizeof(*reader));
}

void flv_reader_fini(struct flv_reader *reader)
{
    free(reader->body);
    reader->body = NULL;
}

/* ---- FLV ---- */

static size_t field_size(const struct flv_reader *reader)
{
    if (reader->part == FLV_HEADER)
        return FLV_HEADER_SIZE;
    return reader->part == FLV_TAG_HEADER ? TAG_HEADER_SIZE : 4;
}

static int flv_header_done(struct flv_reader *reader, struct bytes *in)
{
    uint32_t magic = bytes_u24(in);
    uint8_t version = bytes_u8(in);

    reader->flags = bytes_u8(in);
    if (magic != 0x464c56 || version != 1 || bytes_u32(in) != 9)
        return fail(reader, "no FLV header");
    if (bytes_u32(in) != 0)
        return fail(reader, "the first PreviousTagSize is not 0");
    reader->part = FLV_TAG_HEADER;
    return 0;
}

static int tag_header_done(struct flv_reader *reader, struct bytes *in)
{
    struct flv_reader_tag *tag = &reader->tag;

    tag->type = bytes_u8(in);
    tag->len = bytes_u24(in);
    tag->time_ms = bytes_u24(in);
    tag->time_ms |= (uint32_t)bytes_u8(in) << 24;
    if (bytes_u24(in) != 0)
        return fail(reader, "a tag's stream id is not 0");
    tag->kept = tag->len < reader->keep ? tag->len : reader->keep;
    if (tag->kept > reader->capacity) {
        uint8_t *grown = realloc(reader->body, tag->kept);

        if (grown == NULL)
            bench_die("out of memory");
        reader->body = grown;
        reader->capacity = tag->kept;
    }
    tag->body = reader->body;
    reader->got = 0;
    reader->part = tag->len > 0 ? FLV_TAG_BODY : FLV_TAG_SIZE;
    return 0;
}

static int tag_size_done(struct flv_reader *reader, struct bytes *in)
{
    uint32_t size = bytes_u32(in);

    if (size != reader->tag.len + TAG_HEADER_SIZE)
        return fail(reader, "PreviousTagSize is %u after a tag of %zu", size,
                    reader->tag.len + TAG_HEADER_SIZE);
    reader->part = FLV_TAG_HEADER;
    if (reader->on_tag != NULL)
        reader->on_tag(reader->arg, &reader->tag);
    return 0;
}

static int field_feed(struct flv_reader *reader, struct bytes *in)
{
    size_t need = field_size(reader) - reader->field_len;
    size_t take = bytes_left(in) < need ? bytes_left(in) : need;
    struct bytes field;

    memcpy(reader->field + reader->field_len, bytes_take(in, take), take);
    reader->field_len += take;
    if (take < need)
        return 0;
    field = bytes_of(reader->field, reader->field_len);
    reader->field_len = 0;
    if (reader->part == FLV_HEADER)
        return flv_header_done(reader, &field);
    if (reader->part == FLV_TAG_HEADER)
        return tag_header_done(reader, &field);
    return tag_size_done(reader, &field);
}

static int flv_feed(struct flv_reader *reader, struct bytes *in)
{
    while (bytes_left(in) > 0) {
        struct flv_reader_tag *tag = &reader->tag;
        size_t take;
        const uint8_t *p;

        if (reader->part != FLV_TAG_BODY) {
            if (field_feed(reader, in) != 0)
                return -1;
            continue;
        }
        take = tag->len - reader->got;
        if (take > bytes_left(in))
            take = bytes_left(in);
        p = bytes_take(in, take);
        if (reader->got < tag->kept) {
            size_t room = tag->kept - reader->got;

            memcpy(reader->body + reader->got, p, take < room ? take : room);
        }
        reader->got += take;
        if (reader->got == tag->len)
            reader->part = FLV_TAG_SIZE;
    }
    return 0;
}

/* ---- HTTP ---- */

/* One line without its end; 1 when a line is complete, 0 for more, -1. */
static int line_feed(struct flv_reader *reader, struct bytes *in)
{
    while (bytes_left(in) > 0) {
        char c = (char)bytes_u8(in);

        if (c == '\n') {
            if (reader->line_len == 0 || reader->line[reader->line_len - 1] != '\r')
                return fail(reader, "a line ends without CR");
            reader->line[reader->line_len - 1] = '\0';
            reader->line_len = 0;
            return 1;
        }
        if (c == '\0')
            return fail(reader, "a zero byte in a header or chunk size line");
        if (reader->line_len == sizeof(reader->line) - 1)
            return fail(reader, "a line without end");
        reader->line[reader->line_len++] = c;
    }
    return 0;
}

static int head_line(struct flv_reader *reader)
{
    const char *line = reader->line;

    if (reader->lines++ == 0) {
        if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12)
            return fail(reader, "no HTTP status line");
        reader->status = (int)strtol(line + 9, NULL, 10);
        if (reader->status != 200)
            return fail(reader, "status %d", reader->status);
        return 0;
    }
    if (reader->lines > HEADER_LINES)
        return fail(reader, "a header without end");
    if (line[0] == '\0')
        reader->state = FLV_READER_BODY;
    else if (strncasecmp(line, "Content-Length:", 15) == 0)
        return fail(reader, "a live answer with a Content-Length");
    else if (strncasecmp(line, "Transfer-Encoding:", 18) == 0)
        reader->chunked = strcasestr(line, "chunked") != NULL;
    return 0;
}

static int chunk_size_line(struct flv_reader *reader)
{
    char *end = NULL;

    reader->chunk_left = strtoull(reader->line, &end, 16);
    if (end == reader->line || (*end != '\0' && *end != ';') || reader->chunk_left > UINT32_MAX)
        return fail(reader, "no chunk size: '%.20s'", reader->line);
    reader->chunk = reader->chunk_left == 0 ? CHUNK_LAST : CHUNK_DATA;
    return 0;
}

static int chunk_data(struct flv_reader *reader, struct bytes *in)
{
    size_t take = bytes_left(in);
    struct bytes part;

    if (take > reader->chunk_left)
        take = (size_t)reader->chunk_left;
    part = bytes_of(bytes_take(in, take), take);
    reader->chunk_left -= take;
    if (reader->chunk_left == 0)
        reader->chunk = CHUNK_END;
    return flv_feed(reader, &part);
}

static int chunked_feed(struct flv_reader *reader, struct bytes *in)
{
    int got;

    if (reader->chunk == CHUNK_DATA)
        return chunk_data(reader, in);
    got = line_feed(reader, in);
    if (got <= 0)
        return got;
    if (reader->chunk == CHUNK_SIZE_LINE)
        return chunk_size_line(reader);
    if (reader->line[0] != '\0')
        return fail(reader, "no line end after a chunk");
    if (reader->chunk == CHUNK_LAST)
        reader->state = FLV_READER_ENDED;
    reader->chunk = CHUNK_SIZE_LINE;
    return 0;
}

int flv_reader_feed(struct flv_reader *reader, const uint8_t *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    int got = 0;

    while (bytes_left(&in) > 0 && got >= 0) {
        if (reader->state == FLV_READER_FAILED)
            return -1;
        if (reader->state == FLV_READER_ENDED)
            return fail(reader, "bytes after the last chunk");
        if (reader->state == FLV_READER_HEAD) {
            got = line_feed(reader, &in);
            if (got > 0)
                got = head_line(reader);
        } else if (reader->chunked) {
            got = chunked_feed(reader, &in);
        } else {
            got = flv_feed(reader, &in);
        }
    }
    return got < 0 ? -1 : 0;
}
