/*
 * The secret of this process's tables. A child that is forked has the same one: its tables may have
 * been made before.
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
