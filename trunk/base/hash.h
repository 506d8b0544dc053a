#ifndef BASE_HASH_H
#define BASE_HASH_H

/*
 * uthash that reports failures: by default a failed allocation of its table ends the process. The
 * hash uses a secret of the process, because most keys come from peers. All files include this one
 * in place of <uthash.h>; a gate checks that. Items need a field `int is_lost` next to their
 * UT_hash_handle.
 */
#include "base/err.h"

#include <stddef.h>

/* Keyed with the process's secret: the result differs between processes. */
unsigned hash_bytes(const void *data, size_t len);

#define HASH_FUNCTION(key, len, hash) ((hash) = hash_bytes(key, len))
#define HASH_NONFATAL_OOM             1
#define uthash_nonfatal_oom(item)     ((item)->is_lost = 1)
#include <uthash.h>

static inline int hash_checked(int rc) ERR_MUST_CHECK;
static inline int hash_checked(int rc)
{
    return rc;
}

/*
 * Adds an item under a key of len bytes that lives as long as the item. 0, or -1 without memory:
 * then the table is unchanged.
 */
#define HASH_TRY_ADD(head, key, len, item)         \
    hash_checked(__extension__({                   \
        (item)->is_lost = 0;                       \
        HASH_ADD_KEYPTR(hh, head, key, len, item); \
        (item)->is_lost ? -1 : 0;                  \
    }))

#endif
