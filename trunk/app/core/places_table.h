#ifndef APP_CORE_PLACES_TABLE_H
#define APP_CORE_PLACES_TABLE_H

/*
 * The table of places, for places.c only: one array of places; for each process and class a list of
 * its places in the order of arrival, and for each process a list of those evicted that it has not
 * noticed. Hold the lock (places_table_lock()) for all functions; places are named by links.
 */
#include "app/core/places.h"
#include "base/shared_lock.h"

#include <stdatomic.h>

/* The maximum of max_connections, and evicted connections of all processes. Memory is used on
 * demand. */
#define PLACES_MAX (1u << 20)

enum place_state {
    PLACE_FREE,
    PLACE_HELD,
    PLACE_EVICTED, /* its process has not noticed */
    PLACE_ENDING   /* evicted, and its process has noticed */
};

/* A link is a place's index plus one; 0 ends a list. */
struct place {
    usec_t since; /* of this class, or when it last did something */
    void *owner;  /* only for the process that holds it */
    uint32_t next, prev;
    _Atomic uint8_t state; /* enum place_state */
    uint8_t process, class;
    uint8_t limit; /* evicted: why */
    uint8_t is_seen;
};

struct places_list {
    uint32_t first, last; /* oldest first */
};

struct places_process {
    struct places_list held[QUOTA_CLASSES];
    uint32_t held_count[QUOTA_CLASSES];
    struct places_list evicted;   /* the oldest eviction first */
    uint32_t evicted_count;       /* noticed or not */
    uint32_t more[QUOTA_CLASSES]; /* without places */
    _Atomic uint32_t count;       /* of places that it holds */
    _Atomic uint32_t unnoticed;   /* of evicted */
};

struct places {
    struct shared_lock lock;
    int processes;
    enum places_kind kind;
    uint32_t touched; /* places from here on were never used */
    uint32_t free;    /* list of free places before it */
    _Atomic uint64_t total;
    uint64_t count[QUOTA_CLASSES]; /* includes `more` of all processes */
    struct places_process process[CONFIG_PROCESSES_MAX];
    struct place place[PLACES_MAX];
};

/* Locks the table, and repairs it if the last holder of the lock was killed. */
void places_table_lock(struct places *places);
void places_table_unlock(struct places *places);

struct place *places_table_at(struct places *places, uint32_t link);

/* A free place; 0: none. */
uint32_t places_table_take(struct places *places);
void places_table_free(struct places *places, uint32_t link);

/* Enters a held place in the list of its class, as the newest, and counts it; the reverse. */
void places_table_hold(struct places *places, uint32_t link);
void places_table_drop(struct places *places, uint32_t link);
/* The same for the list of the evicted ones of its process. */
void places_table_evicted(struct places *places, uint32_t link);
void places_table_noticed(struct places *places, uint32_t link);

/* Rebuilds lists and counts from the places. */
void places_table_repair(struct places *places);

#endif
