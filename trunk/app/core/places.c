/*
 * The rules: which connection gets a place, and which one gives way. The oldest of a class is the
 * oldest of the first places of all processes' lists (places_table.h), so no operation depends on
 * the number of connections.
 */
#include "app/core/places_table.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

/* Fresh places to pass over at most, in the list of each process. */
#define FRESH_MAX 16

struct places *places_new(struct shared_memory *memory, int processes, enum places_kind kind)
{
    size_t bytes = sizeof(struct places);
    struct places *places =
        shared_memory_map(memory, shared_memory_kind(bytes, sizeof(struct place)), &bytes);

    assert(processes > 0 && processes <= CONFIG_PROCESSES_MAX);
    if (places == NULL || shared_memory_is_opened(memory))
        return places;
    places->processes = processes;
    places->kind = kind;
    if (shared_lock_init(&places->lock) != 0) {
        places_free(places);
        return NULL;
    }
    return places;
}

void places_free(struct places *places)
{
    if (places != NULL)
        (void)munmap(places, sizeof(*places));
}

/* ---- eviction ---- */

/* The first place of a class of a process that can still evict; 0: none. */
static uint32_t places_first(const struct places *places, int process, enum quota_class class)
{
    const struct places_process *one = &places->process[process];

    return one->evicted_count < PLACES_EVICTED_MAX ? one->held[class].first : 0;
}

/* The oldest place of a class, entered at `before` or earlier; 0: none. */
static uint32_t places_oldest(struct places *places, enum quota_class class, usec_t before)
{
    uint32_t found = 0;

    for (int i = 0; i < places->processes; i++) {
        uint32_t first = places_first(places, i, class);

        if (first == 0 || places_table_at(places, first)->since > before)
            continue;
        found = first;
        before = places_table_at(places, first)->since;
    }
    return found;
}

static int is_fresh(const struct place *place, usec_t now)
{
    return !place->is_seen && now - place->since < PLACES_REST;
}

/* The oldest place of a class of this process that is not fresh; 0: none. */
static uint32_t places_seen_of(struct places *places, int process, enum quota_class class,
                               usec_t now)
{
    uint32_t link = places_first(places, process, class);

    for (int n = 0; link != 0 && is_fresh(places_table_at(places, link), now); n++)
        link = n < FRESH_MAX ? places_table_at(places, link)->next : 0;
    return link;
}

/* The oldest place of a class that is not fresh; 0: none. */
static uint32_t places_oldest_seen(struct places *places, enum quota_class class, usec_t now)
{
    usec_t before = now;
    uint32_t found = 0;

    for (int i = 0; i < places->processes; i++) {
        uint32_t link = places_seen_of(places, i, class, now);

        if (link == 0 || places_table_at(places, link)->since > before)
            continue;
        found = link;
        before = places_table_at(places, link)->since;
    }
    return found;
}

/* All are young: one of the process that has the most, which may be `process` itself. */
static uint32_t places_young(struct places *places, int process, usec_t now)
{
    uint32_t found = places_seen_of(places, process, QUOTA_NEW, now);
    uint32_t most = found != 0 ? places->process[process].held_count[QUOTA_NEW] : 0;

    for (int i = 0; i < places->processes; i++) {
        uint32_t link = places_seen_of(places, i, QUOTA_NEW, now);

        if (link == 0 || places->process[i].held_count[QUOTA_NEW] <= most)
            continue;
        found = link;
        most = places->process[i].held_count[QUOTA_NEW];
    }
    return found;
}

/*
 * The place that a full server gives to a new connection of this process. The order of arrival says
 * little about young connections: a process that could not run for a moment accepts late what came
 * early. So a burst of slow connections at one process does not push a request aside that has just
 * arrived at another one.
 */
static uint32_t places_least(struct places *places, int process, usec_t now)
{
    uint32_t found = places_oldest(places, QUOTA_NEW, now - ADMISSION_GRACE);

    if (found == 0)
        found = places_oldest(places, QUOTA_WAITER, now);
    if (found == 0)
        found = places_oldest_seen(places, QUOTA_NEW, now);
    if (found == 0)
        return places_oldest(places, QUOTA_NEW, now);
    if (places->kind == PLACES_CONNECTIONS && places_table_at(places, found)->class == QUOTA_NEW &&
        now - places_table_at(places, found)->since < PLACES_REST)
        found = places_young(places, process, now);
    return found;
}

/* The place that an API connection gives to a new one. */
static uint32_t places_least_api(struct places *places, usec_t now)
{
    uint32_t found = places_oldest_seen(places, QUOTA_API, now);

    return found != 0 ? found : places_oldest(places, QUOTA_API, now);
}

/* Takes this place (0: none) for another connection, whose answer then is that it is granted. */
static void places_evict(struct places *places, uint32_t link, struct places_answer *answer)
{
    struct place *place;

    if (link == 0)
        return;
    place = places_table_at(places, link);
    places_table_drop(places, link);
    place->limit = (uint8_t)answer->limit;
    place->state = PLACE_EVICTED;
    places_table_evicted(places, link);
    places->process[place->process].evicted_count++;
    answer->evicted_at = place->process;
    answer->limit = QUOTA_CLASSES;
}

/* ---- taking and leaving ---- */

static uint64_t places_max(const struct places *places, const struct config *config)
{
    return (uint64_t)(places->kind == PLACES_PULLS ? config->max_pulls : config->max_connections);
}

/* Whether one more of a class fits. QUOTA_CLASSES: it does. Else the limit, and in *victim the
 * place that can be had; 0: none. */
static enum quota_class places_check(struct places *places, int process,
                                     const struct config *config, enum quota_class class,
                                     usec_t now, uint32_t *victim)
{
    enum quota_class limit = quota_check(config, places->count, class);

    *victim = 0;
    if (limit == QUOTA_API) {
        *victim = places_least_api(places, now);
    } else if (limit == QUOTA_CLASSES && places->total >= places_max(places, config)) {
        limit = QUOTA_NEW;
        *victim = places_least(places, process, now);
    }
    return limit;
}

struct places_answer places_enter(struct places *places, int process, const struct config *config,
                                  enum quota_class class, void *owner, usec_t now, uint32_t *out)
{
    struct places_answer answer = {.evicted_at = -1};
    uint32_t victim;
    uint32_t link = 0;

    assert(process >= 0 && process < places->processes && owner != NULL);
    places_table_lock(places);
    answer.limit = places_check(places, process, config, class, now, &victim);
    if (answer.limit == QUOTA_CLASSES || victim != 0)
        link = places_table_take(places);
    if (link != 0) {
        struct place *place = places_table_at(places, link);

        places_evict(places, victim, &answer);
        place->since = now;
        place->owner = owner;
        place->process = (uint8_t)process;
        place->class = (uint8_t) class;
        place->state = PLACE_HELD;
        places_table_hold(places, link);
        answer.is_full = places->total >= places_max(places, config) ||
                         quota_check(config, places->count, class) != QUOTA_CLASSES;
        place->is_seen = !answer.is_full;
    } else if (answer.limit == QUOTA_CLASSES) {
        answer.limit = QUOTA_NEW;
    }
    places_table_unlock(places);
    *out = link;
    return answer;
}

struct places_answer places_become(struct places *places, uint32_t link,
                                   const struct config *config, enum quota_class class, usec_t now)
{
    struct places_answer answer = {.limit = QUOTA_NEW, .evicted_at = -1};
    struct place *place = places_table_at(places, link);

    places_table_lock(places);
    answer.is_lost = place->state != PLACE_HELD;
    if (!answer.is_lost) {
        uint32_t victim = 0;

        places_table_drop(places, link);
        answer.limit = quota_check(config, places->count, class);
        if (answer.limit == QUOTA_WAITER || answer.limit == QUOTA_VIEWER)
            victim = places_oldest(places, QUOTA_WAITER, now);
        places_evict(places, victim, &answer);
        if (answer.limit == QUOTA_CLASSES)
            place->class = (uint8_t) class;
        place->since = now;
        places_table_hold(places, link);
    }
    places_table_unlock(places);
    return answer;
}

int places_move(struct places *places, uint32_t link, enum quota_class class, usec_t now)
{
    struct place *place = places_table_at(places, link);
    int is_lost;

    places_table_lock(places);
    is_lost = place->state != PLACE_HELD;
    if (!is_lost) {
        places_table_drop(places, link);
        place->class = (uint8_t) class;
        place->since = now;
        places_table_hold(places, link);
    }
    places_table_unlock(places);
    return is_lost ? -1 : 0;
}

void places_leave(struct places *places, uint32_t link)
{
    struct place *place = places_table_at(places, link);

    places_table_lock(places);
    assert(place->state != PLACE_FREE);
    if (place->state == PLACE_HELD)
        places_table_drop(places, link);
    if (place->state == PLACE_EVICTED)
        places_table_noticed(places, link);
    if (place->state != PLACE_HELD)
        places->process[place->process].evicted_count--;
    place->state = PLACE_FREE;
    places_table_free(places, link);
    places_table_unlock(places);
}

usec_t places_wait(struct places *places, const struct config *config, enum quota_class class,
                   usec_t now)
{
    uint32_t victim;
    usec_t wait = 0;

    if (class != QUOTA_API && places->total < places_max(places, config))
        return 0;
    places_table_lock(places);
    (void)places_check(places, 0, config, class, now, &victim);
    if (victim != 0 && places_table_at(places, victim)->class != QUOTA_WAITER &&
        is_fresh(places_table_at(places, victim), now))
        wait = places_table_at(places, victim)->since + PLACES_REST - now;
    places_table_unlock(places);
    return wait;
}

void places_seen(struct places *places, uint32_t link, const void *owner)
{
    struct place *place = places_table_at(places, link);

    places_table_lock(places);
    if (place->owner == owner)
        place->is_seen = 1;
    places_table_unlock(places);
}

int places_has_room(struct places *places, const struct config *config, enum quota_class class,
                    usec_t now)
{
    enum quota_class limit;
    uint32_t victim;

    places_table_lock(places);
    limit = places_check(places, 0, config, class, now, &victim);
    places_table_unlock(places);
    return limit == QUOTA_CLASSES || victim != 0;
}

void *places_next_evicted(struct places *places, int process, enum quota_class *limit)
{
    uint32_t link;
    void *owner = NULL;

    if (places->process[process].unnoticed == 0)
        return NULL;
    places_table_lock(places);
    link = places->process[process].evicted.first;
    if (link != 0) {
        struct place *place = places_table_at(places, link);

        places_table_noticed(places, link);
        place->state = PLACE_ENDING;
        owner = place->owner;
        *limit = (enum quota_class)place->limit;
    }
    places_table_unlock(places);
    return owner;
}

/* ---- counts ---- */

enum quota_class places_enter_more(struct places *places, int process, const struct config *config,
                                   enum quota_class class)
{
    enum quota_class limit;

    places_table_lock(places);
    limit = quota_check(config, places->count, class);
    if (limit == QUOTA_CLASSES) {
        places->process[process].more[class]++;
        places->count[class]++;
    }
    places_table_unlock(places);
    return limit;
}

void places_leave_more(struct places *places, int process, enum quota_class class)
{
    places_table_lock(places);
    assert(places->process[process].more[class] > 0);
    places->process[process].more[class]--;
    places->count[class]--;
    places_table_unlock(places);
}

void places_reap(struct places *places, int process)
{
    places_table_lock(places);
    for (uint32_t i = 0; i < places->touched; i++)
        if (places->place[i].process == process)
            places->place[i].state = PLACE_FREE;
    memset(places->process[process].more, 0, sizeof(places->process[process].more));
    places_table_repair(places);
    places_table_unlock(places);
}

uint32_t places_of(const struct places *places, int process)
{
    return places->process[process].count;
}
