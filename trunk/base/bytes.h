#ifndef BASE_BYTES_H
#define BASE_BYTES_H

/*
 * Bounds-checked reading and writing of wire fields. A reader or writer that runs over its end sets
 * `bad` and from then on reads zeros or writes nothing: parse a whole header, then check `bad`
 * once. Pure, never yields.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *p;
    const uint8_t *end;
    int bad;
};

static inline struct bytes bytes_of(const void *p, size_t len)
{
    /* NULL + 0 is undefined in C. */
    struct bytes b = {(const uint8_t *)p, p != NULL ? (const uint8_t *)p + len : NULL, 0};

    return b;
}

static inline size_t bytes_left(const struct bytes *b)
{
    return (size_t)(b->end - b->p);
}

/* The next n bytes, consumed; NULL (and bad) if there are fewer. */
static inline const uint8_t *bytes_take(struct bytes *b, size_t n)
{
    const uint8_t *p = b->p;

    if (b->bad || n > bytes_left(b)) {
        b->bad = 1;
        b->p = b->end;
        return NULL;
    }
    b->p += n;
    return p;
}

static inline uint64_t bytes_be(struct bytes *b, size_t n)
{
    const uint8_t *p = bytes_take(b, n);
    uint64_t v = 0;

    if (p == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static inline uint8_t bytes_u8(struct bytes *b)
{
    return (uint8_t)bytes_be(b, 1);
}

static inline uint16_t bytes_u16(struct bytes *b)
{
    return (uint16_t)bytes_be(b, 2);
}

static inline uint32_t bytes_u24(struct bytes *b)
{
    return (uint32_t)bytes_be(b, 3);
}

static inline uint32_t bytes_u32(struct bytes *b)
{
    return (uint32_t)bytes_be(b, 4);
}

static inline uint64_t bytes_u64(struct bytes *b)
{
    return bytes_be(b, 8);
}

/* Little endian: RTMP's message stream id. */
static inline uint32_t bytes_u32le(struct bytes *b)
{
    uint32_t v = bytes_u32(b);

    return __builtin_bswap32(v);
}

struct bytes_out {
    uint8_t *p;
    uint8_t *end;
    int bad;
};

static inline struct bytes_out bytes_out_of(void *p, size_t cap)
{
    struct bytes_out o = {(uint8_t *)p, (uint8_t *)p + cap, 0};

    return o;
}

/* Room for n bytes, consumed; NULL (and bad) if there is less. */
static inline uint8_t *bytes_room(struct bytes_out *o, size_t n)
{
    uint8_t *p = o->p;

    if (o->bad || n > (size_t)(o->end - o->p)) {
        o->bad = 1;
        return NULL;
    }
    o->p += n;
    return p;
}

static inline void bytes_put(struct bytes_out *o, const void *src, size_t n)
{
    uint8_t *p = bytes_room(o, n);

    if (p != NULL && n > 0)
        memcpy(p, src, n);
}

static inline void bytes_put_be(struct bytes_out *o, uint64_t v, size_t n)
{
    uint8_t *p = bytes_room(o, n);

    if (p == NULL)
        return;
    for (size_t i = n; i > 0; i--) {
        p[i - 1] = (uint8_t)v;
        v >>= 8;
    }
}

static inline void bytes_put_u8(struct bytes_out *o, uint8_t v)
{
    bytes_put_be(o, v, 1);
}

static inline void bytes_put_u16(struct bytes_out *o, uint16_t v)
{
    bytes_put_be(o, v, 2);
}

static inline void bytes_put_u24(struct bytes_out *o, uint32_t v)
{
    bytes_put_be(o, v, 3);
}

static inline void bytes_put_u32(struct bytes_out *o, uint32_t v)
{
    bytes_put_be(o, v, 4);
}

static inline void bytes_put_u32le(struct bytes_out *o, uint32_t v)
{
    bytes_put_be(o, __builtin_bswap32(v), 4);
}

#endif
