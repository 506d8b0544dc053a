#ifndef BASE_SHARED_MAP_H
#define BASE_SHARED_MAP_H

/*
 * A table from names to small values in memory that a process shares with the ones it
 * forks. Bounded. A process may be killed at any instant, also while it holds the lock: the next
 * one repairs the table, and finds in it what had been put in wholly. Never yields; the lock is
 * held for microseconds, never over a wait.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct shared_map;

/* Bytes of a name, terminator included; what is longer is not taken. */
#define SHARED_MAP_KEY_MAX 768

/* What this process calls when it has waited for a lock for a second, and every tenth of a second
 * from then on: with the process that holds it, 0 if it is not known. NULL: nothing. */
void shared_map_on_stuck(void (*stuck)(pid_t holder));

/* Room for entries_max values of value_size bytes; memory is taken as it is used. Before the fork.
 * NULL without memory. */
struct shared_map *shared_map_new(size_t entries_max, size_t value_size);
/* This process's view of it. NULL is allowed. */
void shared_map_free(struct shared_map *map);

/* All below are called between these two. */
void shared_map_lock(struct shared_map *map);
void shared_map_unlock(struct shared_map *map);

/* The value of a name, or NULL. */
void *shared_map_find(struct shared_map *map, const char *key);
/* A new one, all zero, for a name that is not there; NULL when the table is full or the name too
 * long. */
void *shared_map_add(struct shared_map *map, const char *key);
void shared_map_remove(struct shared_map *map, void *value);

/* The value after this one (NULL: the first), in no order; NULL at the end. The one in hand may be
 * removed. */
void *shared_map_next(struct shared_map *map, const void *value);
const char *shared_map_key(const struct shared_map *map, const void *value);
size_t shared_map_count(const struct shared_map *map);

#endif
