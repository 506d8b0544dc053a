/*
 * The table of live addresses, a hash of exact patterns: a request costs two look-ups for any
 * number of streams, and mounting at publish is O(1).
 */
#include "app/http/serve_mux.h"

#include "base/hash.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct mux_entry {
    struct http_handler *handler;
    int is_lost; /* base/hash.h's */
    UT_hash_handle hh;
    char pattern[]; /* the key */
};

struct serve_mux {
    struct mux_entry *entries;
    size_t mounts_max;
};

struct serve_mux *serve_mux_new(size_t mounts_max)
{
    struct serve_mux *mux = calloc(1, sizeof(*mux));

    assert(mounts_max > 0);
    if (mux != NULL)
        mux->mounts_max = mounts_max;
    return mux;
}

static void entry_free(struct serve_mux *mux, struct mux_entry *entry)
{
    HASH_DEL(mux->entries, entry);
    free(entry);
}

void serve_mux_set_limit(struct serve_mux *mux, size_t mounts_max)
{
    assert(mounts_max > 0);
    mux->mounts_max = mounts_max;
}

void serve_mux_free(struct serve_mux *mux)
{
    struct mux_entry *entry;
    struct mux_entry *next;

    if (mux == NULL)
        return;
    HASH_ITER(hh, mux->entries, entry, next)
    entry_free(mux, entry);
    free(mux);
}

static struct mux_entry *entry_find(const struct serve_mux *mux, const char *pattern)
{
    struct mux_entry *entry = NULL;

    HASH_FIND_STR(mux->entries, pattern, entry);
    return entry;
}

int serve_mux_add(struct serve_mux *mux, const char *pattern, struct http_handler *handler)
{
    size_t size = strlen(pattern) + 1;
    struct mux_entry *entry;

    assert(mux != NULL && handler != NULL);
    if (size > SERVE_MUX_PATTERN_MAX || HASH_COUNT(mux->entries) >= mux->mounts_max ||
        entry_find(mux, pattern) != NULL)
        return -1;
    entry = calloc(1, sizeof(*entry) + size);
    if (entry == NULL)
        return -1;
    memcpy(entry->pattern, pattern, size);
    entry->handler = handler;
    if (HASH_TRY_ADD(mux->entries, entry->pattern, (unsigned)(size - 1), entry) != 0) {
        free(entry);
        return -1;
    }
    return 0;
}

void serve_mux_remove(struct serve_mux *mux, const char *pattern)
{
    struct mux_entry *entry = entry_find(mux, pattern);

    if (entry != NULL)
        entry_free(mux, entry);
}

struct http_handler *serve_mux_find(struct serve_mux *mux, const char *host, const char *path)
{
    char key[SERVE_MUX_PATTERN_MAX];
    struct mux_entry *entry = NULL;

    assert(mux != NULL && host != NULL && path != NULL);
    if (host[0] != '\0' && str_format(key, sizeof(key), "%s%s", host, path) == 0) {
        /* Patterns hold the host in lower case. */
        for (char *p = key; *p != '/' && *p != '\0'; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p - 'A' + 'a');
        entry = entry_find(mux, key);
    }
    if (entry == NULL)
        entry = entry_find(mux, path);
    return entry != NULL ? entry->handler : NULL;
}

size_t serve_mux_count(const struct serve_mux *mux)
{
    return HASH_COUNT(mux->entries);
}
