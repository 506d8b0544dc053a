/*
 * The publish lock across processes: a shared table (base/shared_map.h) with one entry for each
 * published stream. An entry without a worker was left by a process that was killed while it wrote
 * it: it counts as free, and the next claim takes it.
 */
#include "live/registry.h"

#include "base/shared_map.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct registry_entry {
    uint64_t number;
    usec_t since;
    _Atomic int32_t holder; /* worker + 1; written last; 0: free */
    uint32_t asked, answered;
    struct source_facts facts;
    uint8_t is_early;
    uint8_t has_fingerprint;
    uint8_t fingerprint[REGISTRY_FINGERPRINT_SIZE];
};

struct registry {
    struct shared_map *map;
    struct shared_map *numbers; /* one entry: the last number that was assigned */
};

static const char last_number[] = "last";

struct registry *registry_new(struct shared_memory *memory, size_t streams_max)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    void *number = NULL;

    if (registry == NULL)
        return NULL;
    registry->map = shared_map_new(memory, streams_max, sizeof(struct registry_entry));
    registry->numbers = shared_map_new(memory, 1, sizeof(uint64_t));
    if (registry->numbers != NULL && shared_memory_is_opened(memory))
        number = shared_map_next(registry->numbers, NULL);
    else if (registry->numbers != NULL)
        number = shared_map_add(registry->numbers, last_number);
    if (registry->map == NULL || number == NULL) {
        registry_free(registry);
        return NULL;
    }
    return registry;
}

void registry_free(struct registry *registry)
{
    if (registry == NULL)
        return;
    shared_map_free(registry->map);
    shared_map_free(registry->numbers);
    free(registry);
}

/* The caller has locked the map. */
static uint64_t next_number(struct registry *registry)
{
    uint64_t *last = shared_map_next(registry->numbers, NULL);

    assert(last != NULL);
    return ++*last;
}

/* Whether this claim may replace the holder. Takes the same time for every fingerprint. */
static int may_replace(const struct registry_entry *entry, const struct registry_claim *claim)
{
    uint8_t differ = 0;

    if (claim->takeover != REGISTRY_REPLACE_SAME)
        return claim->takeover == REGISTRY_REPLACE;
    if (!entry->has_fingerprint || claim->fingerprint == NULL)
        return 0;
    for (size_t i = 0; i < REGISTRY_FINGERPRINT_SIZE; i++)
        differ |= entry->fingerprint[i] ^ claim->fingerprint[i];
    return differ == 0;
}

enum registry_answer registry_claim(struct registry *registry, const struct registry_claim *claim,
                                    uint64_t *number)
{
    enum registry_answer answer = REGISTRY_FULL;
    struct registry_entry *entry;

    assert(claim->worker >= 0 && number != NULL);
    shared_map_lock(registry->map);
    entry = shared_map_find(registry->map, claim->key);
    if (entry == NULL)
        entry = shared_map_add(registry->map, claim->key);
    else if (entry->holder != 0 && !may_replace(entry, claim)) {
        answer = REGISTRY_BUSY;
        entry = NULL;
    }
    if (entry != NULL) {
        answer = REGISTRY_YOURS;
        entry->holder = 0;
        entry->number = *number = next_number(registry);
        entry->since = claim->now;
        entry->is_early = claim->is_early != 0;
        entry->asked = entry->answered = 0;
        memset(&entry->facts, 0, sizeof(entry->facts));
        entry->has_fingerprint = claim->fingerprint != NULL;
        if (claim->fingerprint != NULL)
            memcpy(entry->fingerprint, claim->fingerprint, REGISTRY_FINGERPRINT_SIZE);
        entry->holder = claim->worker + 1;
    }
    shared_map_unlock(registry->map);
    return answer;
}

int registry_would_replace(struct registry *registry, const struct registry_claim *claim)
{
    const struct registry_entry *entry;
    int would;

    shared_map_lock(registry->map);
    entry = shared_map_find(registry->map, claim->key);
    would = entry != NULL && entry->holder != 0 && may_replace(entry, claim);
    shared_map_unlock(registry->map);
    return would;
}

void registry_release(struct registry *registry, const char *key, uint64_t number)
{
    struct registry_entry *entry;

    shared_map_lock(registry->map);
    entry = shared_map_find(registry->map, key);
    if (entry != NULL && entry->number == number)
        shared_map_remove(registry->map, entry);
    shared_map_unlock(registry->map);
}

/* The entry of a running publication, or NULL. The caller has locked the map. */
static struct registry_entry *publication_of(struct registry *registry, const char *key,
                                             uint64_t number)
{
    struct registry_entry *entry = shared_map_find(registry->map, key);

    return entry != NULL && entry->holder != 0 && entry->number == number ? entry : NULL;
}

void registry_open(struct registry *registry, const char *key, uint64_t number, usec_t now)
{
    struct registry_entry *entry;

    shared_map_lock(registry->map);
    entry = publication_of(registry, key, number);
    if (entry != NULL) {
        entry->is_early = 0;
        entry->since = now;
    }
    shared_map_unlock(registry->map);
}

void registry_describe(struct registry *registry, const char *key, uint64_t number,
                       const struct source_facts *facts)
{
    struct registry_entry *entry;

    shared_map_lock(registry->map);
    entry = publication_of(registry, key, number);
    if (entry != NULL)
        entry->facts = *facts;
    shared_map_unlock(registry->map);
}

void registry_answer(struct registry *registry, const char *key, uint64_t number, uint32_t asked)
{
    struct registry_entry *entry;

    shared_map_lock(registry->map);
    entry = publication_of(registry, key, number);
    if (entry != NULL)
        entry->answered = asked;
    shared_map_unlock(registry->map);
}

/* Describes the holder, and adds this number of questions to its count. */
static int look(struct registry *registry, const char *key, uint32_t questions,
                struct registry_holder *holder)
{
    struct registry_entry *entry;
    int found;

    shared_map_lock(registry->map);
    entry = shared_map_find(registry->map, key);
    found = entry != NULL && entry->holder != 0;
    if (found) {
        entry->asked += questions;
        holder->worker = entry->holder - 1;
        holder->number = entry->number;
        holder->since = entry->since;
        holder->is_early = entry->is_early;
        holder->asked = entry->asked;
        holder->answered = entry->answered;
        holder->facts = entry->facts;
    }
    shared_map_unlock(registry->map);
    return found ? 0 : -1;
}

int registry_ask(struct registry *registry, const char *key, struct registry_holder *holder)
{
    return look(registry, key, 1, holder);
}

int registry_find(struct registry *registry, const char *key, struct registry_holder *holder)
{
    return look(registry, key, 0, holder);
}

size_t registry_reap(struct registry *registry, int worker)
{
    struct registry_entry *entry = NULL;
    size_t freed = 0;

    shared_map_lock(registry->map);
    while ((entry = shared_map_next(registry->map, entry)) != NULL) {
        if (entry->holder != worker + 1 && entry->holder != 0)
            continue;
        shared_map_remove(registry->map, entry);
        freed++;
    }
    shared_map_unlock(registry->map);
    return freed;
}

size_t registry_count(struct registry *registry)
{
    size_t count;

    shared_map_lock(registry->map);
    count = shared_map_count(registry->map);
    shared_map_unlock(registry->map);
    return count;
}
