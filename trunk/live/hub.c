/*
 * The table of live sources. A source is made by the first publisher or viewer, and released by the
 * sweep once it is idle. There are two limits: viewers can invent names at no cost, so names that
 * are only waited for are counted apart from published ones.
 */
#include "live/hub.h"

#include "base/hash.h"
#include "live/source_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct hub_entry {
    struct source *source;
    int is_lost;       /* set by base/hash.h */
    size_t publishers; /* hub_get_publish() calls without their hub_publish_end() */
    UT_hash_handle hh; /* keyed by the source's own key */
};

struct hub {
    struct hub_entry *table;
    size_t published_max, others_max;
    size_t published; /* entries with publishers */
    int (*on_new)(struct source *source, void *arg);
    void *on_new_arg;
    void (*on_free)(struct source *source, void *arg);
    void *on_free_arg;
};

struct hub *hub_new(size_t published_max, size_t others_max)
{
    struct hub *hub = calloc(1, sizeof(*hub));

    assert(published_max > 0 && others_max > 0);
    if (hub == NULL)
        return NULL;
    hub->published_max = published_max;
    hub->others_max = others_max;
    return hub;
}

void hub_set_limits(struct hub *hub, size_t published_max, size_t others_max)
{
    assert(published_max > 0 && others_max > 0);
    hub->published_max = published_max;
    hub->others_max = others_max;
}

static void hub_drop(struct hub *hub, struct hub_entry *entry)
{
    HASH_DEL(hub->table, entry);
    if (hub->on_free != NULL)
        hub->on_free(entry->source, hub->on_free_arg);
    source_unref(entry->source);
    free(entry);
}

void hub_free(struct hub *hub)
{
    struct hub_entry *entry;
    struct hub_entry *next;

    if (hub == NULL)
        return;
    HASH_ITER(hh, hub->table, entry, next)
    hub_drop(hub, entry);
    free(hub);
}

void hub_on_new(struct hub *hub, int (*fn)(struct source *source, void *arg), void *arg)
{
    hub->on_new = fn;
    hub->on_new_arg = arg;
}

void hub_on_free(struct hub *hub, void (*fn)(struct source *source, void *arg), void *arg)
{
    hub->on_free = fn;
    hub->on_free_arg = arg;
}

static struct hub_entry *hub_entry_find(struct hub *hub, const char *key)
{
    struct hub_entry *entry;

    HASH_FIND(hh, hub->table, key, strlen(key), entry);
    return entry;
}

struct source *hub_find(struct hub *hub, const char *key)
{
    struct hub_entry *entry = hub_entry_find(hub, key);

    return entry != NULL ? entry->source : NULL;
}

static struct hub_entry *hub_make(struct hub *hub, const char *key,
                                  const struct source_config *config)
{
    struct hub_entry *entry;

    if (strlen(key) >= SOURCE_KEY_MAX)
        return NULL;
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->source = source_new(key, config);
    if (entry->source == NULL)
        goto free_entry;
    if (HASH_TRY_ADD(hub->table, source_key(entry->source), strlen(key), entry) != 0)
        goto free_source;
    if (hub->on_new != NULL && hub->on_new(entry->source, hub->on_new_arg) != 0) {
        HASH_DEL(hub->table, entry);
        goto free_source;
    }
    return entry;
free_source:
    source_unref(entry->source);
free_entry:
    free(entry);
    return NULL;
}

/* Releases idle sources at once, not only at the next tick. */
static void hub_sweep(struct hub *hub)
{
    struct hub_entry *entry;
    struct hub_entry *next;

    HASH_ITER(hh, hub->table, entry, next)
    if (source_is_idle(entry->source))
        hub_drop(hub, entry);
}

struct source *hub_get(struct hub *hub, const char *key, const struct source_config *config)
{
    struct hub_entry *entry = hub_entry_find(hub, key);

    if (entry != NULL)
        return entry->source;
    if (hub_count(hub) - hub->published >= hub->others_max)
        hub_sweep(hub);
    if (hub_count(hub) - hub->published >= hub->others_max)
        return NULL;
    entry = hub_make(hub, key, config);
    return entry != NULL ? entry->source : NULL;
}

struct source *hub_get_publish(struct hub *hub, const char *key, const struct source_config *config)
{
    struct hub_entry *entry = hub_entry_find(hub, key);

    if ((entry == NULL || entry->publishers == 0) && hub->published >= hub->published_max)
        return NULL;
    if (entry == NULL)
        entry = hub_make(hub, key, config);
    if (entry == NULL)
        return NULL;
    if (entry->publishers++ == 0)
        hub->published++;
    return entry->source;
}

void hub_publish_end(struct hub *hub, const char *key)
{
    struct hub_entry *entry = hub_entry_find(hub, key);

    assert(entry != NULL && entry->publishers > 0);
    if (--entry->publishers == 0)
        hub->published--;
}

int hub_is_publishing(struct hub *hub, const char *key)
{
    struct hub_entry *entry = hub_entry_find(hub, key);

    return entry != NULL && entry->publishers > 0;
}

void hub_tick(struct hub *hub, usec_t now)
{
    struct hub_entry *entry;
    struct hub_entry *next;

    HASH_ITER(hh, hub->table, entry, next)
    {
        source_tick(entry->source, now);
        /* One with much memory is freed at a later tick, after hub_discard(). */
        if (source_is_idle(entry->source) && !source_discard(entry->source))
            hub_drop(hub, entry);
    }
}

int hub_discard(struct hub *hub)
{
    struct hub_entry *entry;
    struct hub_entry *next;

    HASH_ITER(hh, hub->table, entry, next)
    if (source_discard(entry->source))
        return 1;
    return 0;
}

size_t hub_count(const struct hub *hub)
{
    return HASH_COUNT(hub->table);
}

void hub_each(struct hub *hub, void (*fn)(struct source *source, void *arg), void *arg)
{
    struct hub_entry *entry;
    struct hub_entry *next;

    HASH_ITER(hh, hub->table, entry, next)
    fn(entry->source, arg);
}
