/*
 * A byte buffer with a maximum size. It doubles as it fills, and moves its bytes to the front
 * before it grows, so a long-lived buffer is never larger than its peak required.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_CAP_MIN 256

void buf_init(struct buf *buf, size_t max)
{
    assert(buf != NULL && max > 0);
    memset(buf, 0, sizeof(*buf));
    buf->max = max;
}

void buf_fini(struct buf *buf)
{
    assert(buf != NULL);
    free(buf->data);
    buf->data = NULL;
    buf->start = buf->len = buf->cap = 0;
}

uint8_t *buf_reserve(struct buf *buf, size_t n)
{
    size_t cap;
    uint8_t *data;

    assert(buf != NULL && buf->max > 0);
    if (n > buf->max - buf->len)
        return NULL;
    if (n == 0 && buf->data == NULL)
        n = 1;
    if (n <= buf->cap - buf->start - buf->len)
        return buf->data + buf->start + buf->len;
    if (buf->start > 0) {
        memmove(buf->data, buf->data + buf->start, buf->len);
        buf->start = 0;
        if (n <= buf->cap - buf->len)
            return buf->data + buf->len;
    }
    cap = buf->cap > 0 ? buf->cap : BUF_CAP_MIN;
    while (cap - buf->len < n)
        cap *= 2;
    if (cap > buf->max && buf->len + n <= buf->max)
        cap = buf->max;
    data = realloc(buf->data, cap);
    if (data == NULL)
        return NULL;
    buf->data = data;
    buf->cap = cap;
    return buf->data + buf->len;
}

void buf_commit(struct buf *buf, size_t n)
{
    assert(n <= buf->cap - buf->start - buf->len);
    buf->len += n;
}

int buf_append(struct buf *buf, const void *src, size_t n)
{
    uint8_t *room = buf_reserve(buf, n);

    if (room == NULL)
        return -1;
    if (n > 0)
        memcpy(room, src, n);
    buf_commit(buf, n);
    return 0;
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;
    uint8_t *room;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return -1;
    /* One more byte for the terminator, which is not counted. */
    room = buf_reserve(buf, (size_t)n + 1);
    if (room == NULL)
        return -1;
    va_start(ap, fmt);
    vsnprintf((char *)room, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf_commit(buf, (size_t)n);
    return 0;
}

void buf_consume(struct buf *buf, size_t n)
{
    assert(n <= buf->len);
    buf->start += n;
    buf->len -= n;
    if (buf->len == 0)
        buf->start = 0;
}

void buf_reset(struct buf *buf)
{
    buf_fini(buf);
}
