/*
 * A bit reader for codec headers, a few dozen bytes that are read once per stream: byte by byte is
 * fast enough, and drops emulation prevention bytes (ITU-T H.264, 7.4.1) on the way, so no NAL unit
 * has to be copied.
 */
#include "media/bits.h"

#include <assert.h>
#include <string.h>

void bits_init(struct bits *b, const uint8_t *p, size_t len)
{
    assert(b != NULL && (p != NULL || len == 0));
    memset(b, 0, sizeof(*b));
    b->p = p;
    b->end = len > 0 ? p + len : p;
}

void bits_init_nal(struct bits *b, const uint8_t *p, size_t len)
{
    bits_init(b, p, len);
    b->is_nal = 1;
}

static void next_byte(struct bits *b)
{
    if (b->is_nal && b->zeros >= 2 && b->p < b->end && *b->p == 3) {
        b->p++;
        b->zeros = 0;
    }
    if (b->p == b->end) {
        b->bad = 1;
        return;
    }
    b->byte = *b->p++;
    b->left = 8;
    if (b->byte != 0)
        b->zeros = 0;
    else if (b->zeros < 2)
        b->zeros++;
}

uint32_t bits_u(struct bits *b, unsigned n)
{
    uint32_t v = 0;

    assert(n <= 32);
    while (n > 0 && !b->bad) {
        unsigned take;

        if (b->left == 0)
            next_byte(b);
        take = n < b->left ? n : b->left;
        if (take == 0)
            break;
        v = v << take | (b->byte >> (b->left - take) & ((1u << take) - 1));
        b->left -= take;
        n -= take;
    }
    if (b->bad) {
        b->left = 0;
        return 0;
    }
    return v;
}

void bits_skip(struct bits *b, unsigned n)
{
    while (n > 32 && !b->bad) {
        bits_u(b, 32);
        n -= 32;
    }
    if (!b->bad)
        bits_u(b, n);
}

uint32_t bits_ue(struct bits *b)
{
    unsigned zeros = 0;

    while (!b->bad && bits_u(b, 1) == 0) {
        if (++zeros > 31) {
            b->bad = 1;
            b->left = 0;
        }
    }
    if (b->bad)
        return 0;
    return ((uint32_t)1 << zeros) - 1 + bits_u(b, zeros);
}

int32_t bits_se(struct bits *b)
{
    uint32_t v = bits_ue(b);

    return v & 1 ? (int32_t)((v >> 1) + 1) : -(int32_t)(v >> 1);
}

size_t bits_left(const struct bits *b)
{
    return b->bad ? 0 : (size_t)(b->end - b->p) * 8 + b->left;
}
