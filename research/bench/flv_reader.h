#ifndef BENCH_FLV_READER_H
#define BENCH_FLV_READER_H

/*
 * Reads an HTTP answer that carries FLV, with any split of its bytes: status line and header,
 * chunked framing or none, FLV header, tags and the sizes between them. Any deviation is an error.
 */
#include <stddef.h>
#include <stdint.h>

enum flv_reader_state {
    FLV_READER_HEAD, /* in the HTTP header */
    FLV_READER_BODY,
    FLV_READER_ENDED, /* the last chunk came */
    FLV_READER_FAILED /* see error */
};

/* One tag; body holds its first `kept` bytes. */
struct flv_reader_tag {
    uint8_t type;
    uint32_t time_ms;
    const uint8_t *body;
    size_t kept, len;
};

#define FLV_READER_LINE_MAX 1024

struct flv_reader {
    enum flv_reader_state state;
    char error[96];
    int status;
    int chunked;
    uint8_t flags; /* of the FLV header */
    void (*on_tag)(void *arg, const struct flv_reader_tag *tag);
    void *arg;
    size_t keep; /* bytes of each body that are kept */

    /* The HTTP header, a line at a time; later the chunk's size line. */
    char line[FLV_READER_LINE_MAX];
    size_t line_len, lines;
    enum { CHUNK_SIZE_LINE, CHUNK_DATA, CHUNK_END, CHUNK_LAST } chunk;
    uint64_t chunk_left;

    /* FLV: a small field (header, tag header, size), else a body. */
    enum { FLV_HEADER, FLV_TAG_HEADER, FLV_TAG_BODY, FLV_TAG_SIZE } part;
    uint8_t field[16];
    size_t field_len;
    struct flv_reader_tag tag;
    size_t got;
    uint8_t *body;
    size_t capacity;
};

void flv_reader_init(struct flv_reader *reader);
void flv_reader_fini(struct flv_reader *reader);

/* Bytes of the answer; 0, or -1 and state is FLV_READER_FAILED. */
int flv_reader_feed(struct flv_reader *reader, const uint8_t *data, size_t len);

#endif
