/*
 * The function as in its paper: two rounds for each word of eight bytes, the last one with the
 * length in its highest byte, and four rounds at the end. Words are little-endian.
 */
#include "base/siphash.h"

#include "base/clock.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static uint64_t rotated(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], int count)
{
    for (; count > 0; count--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotated(v[1], 13) ^ v[0];
        v[3] = rotated(v[3], 16) ^ v[2];
        v[0] = rotated(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotated(v[1], 17) ^ v[2];
        v[3] = rotated(v[3], 21) ^ v[0];
        v[2] = rotated(v[2], 32);
    }
}

static uint64_t word_at(const uint8_t *p, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t v[4] = {key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
                     key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)len << 56;

    assert(data != NULL || len == 0);
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word = word_at(p, 8);

        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
    }
    last |= word_at(p, len);
    v[3] ^= last;
    rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void siphash_secret(struct siphash_key *out)
{
    if (getrandom(out, sizeof(*out), GRND_NONBLOCK) == (ssize_t)sizeof(*out))
        return;
    out->k0 = (uint64_t)clock_wall() ^ (uint64_t)getpid() << 48;
    out->k1 = (uint64_t)clock_now() ^ (uint64_t)(uintptr_t)out << 16;
}
