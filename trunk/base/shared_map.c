/*
 * A hash table with chains in one shared mapping, linked by index rather than by pointer.
 *
 * An entry is valid while its mark `used` is set: it is set after the name is written and the value
 * is zero, and cleared before anything else; chains and the free list are rebuilt from the marks
 * after the holder of the lock was killed. Names and values are stored apart from the marks, so
 * that the pages of unused entries are never touched.
 */
#include "base/shared_map.h"

#include "base/shared_lock.h"
#include "base/siphash.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

/* A link is an entry's index plus one; 0 ends a chain. */
struct shared_mark {
    uint32_t next;
    _Atomic uint32_t used;
    uint32_t hash;
};

struct shared_map {
    struct shared_lock lock;
    struct siphash_key secret; /* of the hash: keys come from peers */
    size_t bytes;              /* of the mapping */
    size_t value_size;
    uint32_t entries_max;
    uint32_t bucket_mask;
    uint32_t touched; /* entries from here on were never used */
    uint32_t free;    /* chain of free entries before it */
    uint32_t count;
    /* Offsets from the beginning. */
    size_t buckets_at, marks_at, keys_at, values_at;
};

static uint32_t *bucket_of(struct shared_map *map, uint32_t hash)
{
    return (uint32_t *)((char *)map + map->buckets_at) + (hash & map->bucket_mask);
}

static struct shared_mark *mark_at(struct shared_map *map, uint32_t i)
{
    assert(i < map->entries_max);
    return (struct shared_mark *)((char *)map + map->marks_at) + i;
}

static char *key_at(const struct shared_map *map, uint32_t i)
{
    return (char *)(uintptr_t)map + map->keys_at + (size_t)i * SHARED_MAP_KEY_MAX;
}

static void *value_at(const struct shared_map *map, uint32_t i)
{
    return (char *)(uintptr_t)map + map->values_at + (size_t)i * map->value_size;
}

static uint32_t index_of(const struct shared_map *map, const void *value)
{
    size_t at = (size_t)((const char *)value - (const char *)map) - map->values_at;

    assert(at % map->value_size == 0 && at / map->value_size < map->entries_max);
    return (uint32_t)(at / map->value_size);
}

static uint32_t hash_of(const struct shared_map *map, const char *key)
{
    return (uint32_t)siphash(&map->secret, key, strlen(key));
}

static size_t align_up(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

struct shared_map *shared_map_new(struct shared_memory *memory, size_t entries_max,
                                  size_t value_size)
{
    struct shared_map layout = {.entries_max = (uint32_t)entries_max};
    struct shared_map *map;
    size_t buckets = 16;

    assert(entries_max > 0 && entries_max <= 1 << 24 && value_size > 0 && value_size <= 65536);
    while (buckets < entries_max)
        buckets *= 2;
    layout.bucket_mask = (uint32_t)(buckets - 1);
    layout.value_size = (value_size + 7) & ~(size_t)7;
    layout.buckets_at = align_up(sizeof(layout));
    layout.marks_at = align_up(layout.buckets_at + buckets * sizeof(uint32_t));
    layout.values_at = align_up(layout.marks_at + entries_max * sizeof(struct shared_mark));
    layout.keys_at = align_up(layout.values_at + entries_max * layout.value_size);
    layout.bytes = layout.keys_at + entries_max * SHARED_MAP_KEY_MAX;
    siphash_secret(&layout.secret);
    map = shared_memory_map(memory, shared_memory_kind(sizeof(*map), layout.value_size),
                            &layout.bytes);
    if (map == NULL || shared_memory_is_opened(memory))
        return map;
    memcpy(map, &layout, sizeof(layout));
    if (shared_lock_init(&map->lock) != 0) {
        shared_map_free(map);
        return NULL;
    }
    return map;
}

void shared_map_hide(struct shared_map *map)
{
    /* Only a convenience of the kernel: without it, the server works all the same. */
    (void)madvise(map, map->bytes, MADV_DONTDUMP);
}

void shared_map_free(struct shared_map *map)
{
    if (map != NULL)
        (void)munmap(map, map->bytes);
}

/* Rebuilds chains, free list and count from the marks. */
static void shared_map_repair(struct shared_map *map)
{
    uint32_t *bucket = (uint32_t *)((char *)map + map->buckets_at);

    memset(bucket, 0, ((size_t)map->bucket_mask + 1) * sizeof(*bucket));
    /* An entry may have been marked before it was counted as touched. */
    while (map->touched < map->entries_max && mark_at(map, map->touched)->used)
        map->touched++;
    map->free = 0;
    map->count = 0;
    for (uint32_t i = 0; i < map->touched; i++) {
        struct shared_mark *mark = mark_at(map, i);
        uint32_t *head;

        if (mark->used) {
            mark->hash = hash_of(map, key_at(map, i));
            head = bucket_of(map, mark->hash);
            map->count++;
        } else {
            head = &map->free;
        }
        mark->next = *head;
        *head = i + 1;
    }
}

void shared_map_lock(struct shared_map *map)
{
    if (shared_lock_take(&map->lock)) {
        shared_map_repair(map);
        shared_lock_repaired(&map->lock);
    }
}

void shared_map_unlock(struct shared_map *map)
{
    shared_lock_release(&map->lock);
}

void *shared_map_find(struct shared_map *map, const char *key)
{
    uint32_t hash = hash_of(map, key);
    uint32_t at = *bucket_of(map, hash);

    while (at != 0) {
        const struct shared_mark *mark = mark_at(map, at - 1);

        if (mark->hash == hash && strcmp(key_at(map, at - 1), key) == 0)
            return value_at(map, at - 1);
        at = mark->next;
    }
    return NULL;
}

void *shared_map_add(struct shared_map *map, const char *key)
{
    size_t len = strlen(key);
    struct shared_mark *mark;
    uint32_t *bucket;
    uint32_t i;

    if (len >= SHARED_MAP_KEY_MAX || (map->free == 0 && map->touched == map->entries_max))
        return NULL;
    i = map->free != 0 ? map->free - 1 : map->touched;
    mark = mark_at(map, i);
    memcpy(key_at(map, i), key, len + 1);
    memset(value_at(map, i), 0, map->value_size);
    mark->hash = hash_of(map, key);
    /* From here on the entry is valid, even if this process is killed. */
    atomic_store(&mark->used, 1);
    if (map->free != 0)
        map->free = mark->next;
    else
        map->touched++;
    bucket = bucket_of(map, mark->hash);
    mark->next = *bucket;
    *bucket = i + 1;
    map->count++;
    return value_at(map, i);
}

void shared_map_remove(struct shared_map *map, void *value)
{
    uint32_t i = index_of(map, value);
    struct shared_mark *mark = mark_at(map, i);
    uint32_t *link = bucket_of(map, mark->hash);

    assert(mark->used);
    atomic_store(&mark->used, 0);
    while (*link != i + 1) {
        assert(*link != 0);
        link = &mark_at(map, *link - 1)->next;
    }
    *link = mark->next;
    mark->next = map->free;
    map->free = i + 1;
    map->count--;
}

void *shared_map_next(struct shared_map *map, const void *value)
{
    uint32_t i = value != NULL ? index_of(map, value) + 1 : 0;

    for (; i < map->touched; i++)
        if (mark_at(map, i)->used)
            return value_at(map, i);
    return NULL;
}

const char *shared_map_key(const struct shared_map *map, const void *value)
{
    return key_at(map, index_of(map, value));
}

size_t shared_map_count(const struct shared_map *map)
{
    return map->count;
}
