/*
 * The secret of this process's hash tables. A forked child keeps its parent's secret, because its
 * tables may have been made before the fork.
 */
#include "base/hash.h"

#include "base/siphash.h"

unsigned hash_bytes(const void *data, size_t len)
{
    static struct siphash_key secret;
    static int has_secret;

    if (!has_secret)
        siphash_secret(&secret);
    has_secret = 1;
    return (unsigned)siphash(&secret, data, len);
}
