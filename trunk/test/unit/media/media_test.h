#ifndef TEST_MEDIA_TEST_H
#define TEST_MEDIA_TEST_H

/*
 * What the tests of the media layer share: a block of exactly as many bytes as
 * there are, so that the sanitizer sees one byte too far, hexadecimal text to
 * bytes, and a writer of bits for headers that no encoder at hand would make.
 */
#include "base/scan.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The caller frees it. */
static inline uint8_t *exact_copy(const void *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    assert(copy != NULL);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

/* A parser as the tests call it: on a block of exactly the bytes that it is given. */
#define EXACT_PARSER(name, type, parse)                               \
    static enum scan name(type *out, const uint8_t *data, size_t len) \
    {                                                                 \
        uint8_t *copy = exact_copy(data, len);                        \
        enum scan scan = parse(out, copy, len);                       \
                                                                      \
        free(copy);                                                   \
        return scan;                                                  \
    }

static inline uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* "00ff" in lower case; answers the number of bytes. */
static inline size_t from_hex(uint8_t *out, size_t cap, const char *hex)
{
    size_t len = strlen(hex) / 2;

    assert(len <= cap);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return len;
}

struct bit_sink {
    uint8_t data[1024];
    size_t bits;
};

static inline void sink_u(struct bit_sink *sink, uint32_t v, unsigned n)
{
    while (n-- > 0) {
        assert(sink->bits < sizeof(sink->data) * 8);
        if (v >> n & 1)
            sink->data[sink->bits / 8] |= (uint8_t)(0x80 >> sink->bits % 8);
        sink->bits++;
    }
}

static inline void sink_ue(struct bit_sink *sink, uint32_t v)
{
    unsigned n = 0;

    while ((((uint64_t)v + 1) >> (n + 1)) != 0)
        n++;
    sink_u(sink, 0, n);
    sink_u(sink, 1, 1);
    sink_u(sink, (uint32_t)(v + 1 - ((uint32_t)1 << n)), n);
}

static inline void sink_se(struct bit_sink *sink, int32_t v)
{
    sink_ue(sink, v > 0 ? 2 * (uint32_t)v - 1 : 2 * (uint32_t)-v);
}

static inline size_t sink_bytes(const struct bit_sink *sink)
{
    return (sink->bits + 7) / 8;
}

/* The bytes as they stand in a NAL unit, emulation prevention put in. */
static inline size_t sink_nal(const struct bit_sink *sink, uint8_t *out, size_t cap)
{
    size_t len = 0, zeros = 0;

    for (size_t i = 0; i < sink_bytes(sink); i++) {
        if (zeros == 2 && sink->data[i] <= 3) {
            assert(len < cap);
            out[len++] = 3;
            zeros = 0;
        }
        assert(len < cap);
        out[len++] = sink->data[i];
        zeros = sink->data[i] == 0 ? zeros + 1 : 0;
    }
    return len;
}

#endif
