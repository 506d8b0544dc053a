/*
 * A process may be killed at any instant, also in the middle of a change. The truth is in the
 * places: `state` is written last when a place is taken, and alone when it changes. Lists and
 * counts follow from it: they are rebuilt after the lock's holder was killed.
 */
#include "app/core/places_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct place *places_table_at(struct places *places, uint32_t link)
{
    assert(link > 0 && link <= PLACES_MAX);
    return &places->place[link - 1];
}

static void list_add(struct places *places, struct places_list *list, uint32_t link)
{
    struct place *place = places_table_at(places, link);

    place->next = 0;
    place->prev = list->last;
    if (place->prev != 0)
        places_table_at(places, place->prev)->next = link;
    else
        list->first = link;
    list->last = link;
}

static void list_remove(struct places *places, struct places_list *list, uint32_t link)
{
    const struct place *place = places_table_at(places, link);

    if (place->prev != 0)
        places_table_at(places, place->prev)->next = place->next;
    else
        list->first = place->next;
    if (place->next != 0)
        places_table_at(places, place->next)->prev = place->prev;
    else
        list->last = place->prev;
}

void places_table_hold(struct places *places, uint32_t link)
{
    const struct place *place = places_table_at(places, link);
    struct places_process *process = &places->process[place->process];

    list_add(places, &process->held[place->class], link);
    process->held_count[place->class]++;
    process->count++;
    places->count[place->class]++;
    places->total++;
}

void places_table_drop(struct places *places, uint32_t link)
{
    const struct place *place = places_table_at(places, link);
    struct places_process *process = &places->process[place->process];

    list_remove(places, &process->held[place->class], link);
    process->held_count[place->class]--;
    process->count--;
    places->count[place->class]--;
    places->total--;
}

void places_table_evicted(struct places *places, uint32_t link)
{
    struct places_process *process = &places->process[places_table_at(places, link)->process];

    list_add(places, &process->evicted, link);
    process->unnoticed++;
}

void places_table_noticed(struct places *places, uint32_t link)
{
    struct places_process *process = &places->process[places_table_at(places, link)->process];

    list_remove(places, &process->evicted, link);
    process->unnoticed--;
}

void places_table_free(struct places *places, uint32_t link)
{
    places_table_at(places, link)->next = places->free;
    places->free = link;
}

uint32_t places_table_take(struct places *places)
{
    uint32_t link = places->free;

    if (link != 0)
        places->free = places_table_at(places, link)->next;
    else if (places->touched < PLACES_MAX)
        link = ++places->touched;
    return link;
}

/* ---- repair ---- */

struct places_sorted {
    usec_t since;
    uint32_t link;
};

static int compare(const void *a, const void *b)
{
    const struct places_sorted *x = a, *y = b;

    return x->since < y->since ? -1 : x->since > y->since;
}

/* Enters a place where it belongs by its state. */
static void repair_one(struct places *places, uint32_t link)
{
    const struct place *place = places_table_at(places, link);
    uint8_t state = place->state;

    switch (state) {
    case PLACE_HELD:
        places_table_hold(places, link);
        return;
    case PLACE_EVICTED:
        places_table_evicted(places, link);
        places->process[place->process].evicted_count++;
        return;
    case PLACE_ENDING:
        places->process[place->process].evicted_count++;
        return;
    default:
        places_table_free(places, link);
    }
}

/* In the order of arrival; without memory for that, in any order. */
void places_table_repair(struct places *places)
{
    struct places_sorted *sorted;

    while (places->touched < PLACES_MAX && places->place[places->touched].state != PLACE_FREE)
        places->touched++;
    places->free = 0;
    places->total = 0;
    memset(places->count, 0, sizeof(places->count));
    for (int i = 0; i < places->processes; i++) {
        struct places_process *process = &places->process[i];

        memset(process->held, 0, sizeof(process->held));
        memset(process->held_count, 0, sizeof(process->held_count));
        process->evicted = (struct places_list){0, 0};
        process->evicted_count = 0;
        process->count = 0;
        process->unnoticed = 0;
        for (int class = 0; class < QUOTA_CLASSES; class ++)
            places->count[class] += process->more[class];
    }
    sorted = calloc((size_t)places->touched + 1, sizeof(*sorted));
    for (uint32_t i = 0; sorted != NULL && i < places->touched; i++)
        sorted[i] = (struct places_sorted){places->place[i].since, i + 1};
    if (sorted != NULL)
        qsort(sorted, places->touched, sizeof(*sorted), compare);
    for (uint32_t i = 0; i < places->touched; i++)
        repair_one(places, sorted != NULL ? sorted[i].link : i + 1);
    free(sorted);
}

void places_table_lock(struct places *places)
{
    if (shared_lock_take(&places->lock)) {
        places_table_repair(places);
        shared_lock_repaired(&places->lock);
    }
}

void places_table_unlock(struct places *places)
{
    shared_lock_release(&places->lock);
}
