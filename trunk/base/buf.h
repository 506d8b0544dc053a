#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * A growable buffer with a mandatory maximum. Bytes are appended at the end and consumed from the
 * front. The owner calls buf_fini(). Pure.
 */
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* NULL until something is appended */
    size_t start;  /* consumed bytes at the front */
    size_t len;    /* bytes held after start */
    size_t cap;
    size_t max; /* never holds more than this */
};

/* An empty buffer of at most max bytes; allocates nothing yet. buf_fini() frees the memory. */
void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);

static inline uint8_t *buf_data(const struct buf *buf)
{
    return buf->data + buf->start;
}

/* Room for n more bytes at the end, not yet counted in len; NULL beyond max or without memory. */
uint8_t *buf_reserve(struct buf *buf, size_t n) ERR_MUST_CHECK;

/* Counts n bytes that were written after buf_reserve(). */
void buf_commit(struct buf *buf, size_t n);

/* 0, or -1 beyond max or without memory; then nothing is appended. */
int buf_append(struct buf *buf, const void *src, size_t n) ERR_MUST_CHECK;
int buf_printf(struct buf *buf, const char *fmt, ...) ERR_MUST_CHECK
    __attribute__((format(printf, 2, 3)));

/* Drops n bytes (at most len) from the front. */
void buf_consume(struct buf *buf, size_t n);

/* Empties the buffer and frees its memory. */
void buf_reset(struct buf *buf);

#endif
