#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash for tables whose keys come from peers. Without
 * the secret, nobody can construct keys that collide. Pure, except for siphash_secret().
 */
#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

/* A random key; if the kernel has no random numbers yet, one that is only hard to guess. */
void siphash_secret(struct siphash_key *out);

#endif
