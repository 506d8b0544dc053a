#ifndef BASE_SHARED_MAP_H
#define BASE_SHARED_MAP_H

/*
 * A table from names to small values in memory shared by a process and its forked children. Limited
 * in size. A process may be killed at any instant, also while it holds the lock
 * (base/shared_lock.h): the next one repairs the table, and finds every completely added entry.
 * Never yields; the lock is held for microseconds, never across a wait.
 */
#include "base/shared_memory.h"

#include <stddef.h>
#include <stdint.h>

struct shared_map;

/* Bytes of a name, terminator included; longer names are refused. */
#define SHARED_MAP_KEY_MAX 768

/*
 * A table for entries_max values of value_size bytes; memory is used on demand. Call it before the
 * fork. If the memory was opened: the table in it, with its own number of entries. NULL without
 * memory, or if that table has another layout.
 */
struct shared_map *shared_map_new(struct shared_memory *memory, size_t entries_max,
                                  size_t value_size);
/* Leaves the table out of core files of this process and of those that it forks. */
void shared_map_hide(struct shared_map *map);
/* Unmaps the table in this process. NULL is allowed. */
void shared_map_free(struct shared_map *map);

/* Call all functions below between these two. */
void shared_map_lock(struct shared_map *map);
void shared_map_unlock(struct shared_map *map);

/* The value of a name, or NULL. */
void *shared_map_find(struct shared_map *map, const char *key);
/* Adds a zeroed value for a name that must not be present; NULL when the table is full or the name
 * too long. */
void *shared_map_add(struct shared_map *map, const char *key);
void shared_map_remove(struct shared_map *map, void *value);

/* The value after this one (NULL: the first), in no particular order; NULL at the end. The current
 * one may be removed. */
void *shared_map_next(struct shared_map *map, const void *value);
const char *shared_map_key(const struct shared_map *map, const void *value);
size_t shared_map_count(const struct shared_map *map);

#endif
