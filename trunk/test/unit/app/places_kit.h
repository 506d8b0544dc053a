#ifndef TEST_PLACES_KIT_H
#define TEST_PLACES_KIT_H

/* A table of places, and connections that come and change their class. */
#include "app/core/places_table.h"

#include <check.h>

#define PLACES    400
#define PROCESSES 3

/* Connections stand for themselves: the owner of number i is &house.of[i]. */
static struct {
    struct config config;
    struct places *places;
    uint32_t of[PLACES];
    usec_t now;
} house;

static usec_t step; /* from one arrival to the next */

static inline void setup(void)
{
    house.config = (struct config){.max_connections = 6};
    house.places = places_new(NULL, PROCESSES, PLACES_CONNECTIONS);
    house.now = USEC_PER_SEC * 1000;
    step = PLACES_REST;
    ck_assert_ptr_nonnull(house.places);
}

static inline void teardown(void)
{
    places_free(house.places);
}

static inline struct places_answer enter(int process, int i, enum quota_class class)
{
    house.now += step;
    return places_enter(house.places, process, &house.config, class, &house.of[i], house.now,
                        &house.of[i]);
}

static inline struct places_answer become(int i, enum quota_class class)
{
    house.now++;
    return places_become(house.places, house.of[i], &house.config, class, house.now);
}

/* Entered without a limit. */
static inline void enter_as(int process, int i, enum quota_class class)
{
    struct places_answer answer = enter(process, i, QUOTA_NEW);

    ck_assert_int_eq(answer.limit, QUOTA_CLASSES);
    ck_assert_int_eq(answer.evicted_at, -1);
    ck_assert_int_eq(places_move(house.places, house.of[i], class, house.now), 0);
}

static inline void assert_granted(struct places_answer answer, int evicted_at)
{
    ck_assert_int_eq(answer.limit, QUOTA_CLASSES);
    ck_assert_int_eq(answer.evicted_at, evicted_at);
    ck_assert_int_eq(answer.is_lost, 0);
}

/* The number of the connection of this process that has lost its place; -1: none. */
static inline int evicted(int process, enum quota_class limit)
{
    enum quota_class why = QUOTA_CLASSES;
    uint32_t *owner = places_next_evicted(house.places, process, &why);

    if (owner == NULL)
        return -1;
    ck_assert_int_eq(why, limit);
    return (int)(owner - house.of);
}

static inline uint64_t count_of(int class)
{
    return house.places->count[class];
}

static inline uint64_t total(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < PROCESSES; i++)
        sum += places_of(house.places, i);
    return sum;
}

#endif
