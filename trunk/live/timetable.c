/*
 * Time is written with every batch of a publisher's frames, so it costs no lock: a cell has two
 * places and a count whose last bit says which of them holds. The other one is written, and then
 * the count goes on; a writer that is killed leaves what was there before. Who reads sees by the
 * count whether the place was written under his eyes, and reads again.
 */
#include "live/timetable.h"

#include "base/shared_map.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A writer needs a long time between two batches: more is a bug. */
#define READ_TRIES 1000

struct timetable_place {
    uint64_t number;
    struct source_time time;
};

struct timetable_cell {
    _Atomic uint8_t is_here;
    _Atomic uint8_t is_watched;
    _Atomic uint8_t is_open;
    _Atomic uint8_t is_wanted;
    _Atomic uint32_t turn; /* 0: nothing was put yet */
    _Atomic uint64_t plays;
    struct timetable_place place[2];
};

struct timetable {
    struct shared_map *map; /* of a cell for each worker */
    int workers;
};

struct timetable *timetable_new(size_t streams_max, int workers)
{
    struct timetable *table = calloc(1, sizeof(*table));

    assert(workers > 0);
    if (table == NULL)
        return NULL;
    table->workers = workers;
    table->map = shared_map_new(streams_max, (size_t)workers * sizeof(struct timetable_cell));
    if (table->map == NULL) {
        free(table);
        return NULL;
    }
    return table;
}

void timetable_free(struct timetable *table)
{
    if (table == NULL)
        return;
    shared_map_free(table->map);
    free(table);
}

struct timetable_cell *timetable_enter(struct timetable *table, const char *key, int worker)
{
    struct timetable_cell *cell;

    assert(worker >= 0 && worker < table->workers);
    shared_map_lock(table->map);
    cell = shared_map_find(table->map, key);
    if (cell == NULL)
        cell = shared_map_add(table->map, key);
    if (cell != NULL) {
        cell += worker;
        cell->is_here = 1;
    }
    shared_map_unlock(table->map);
    return cell;
}

/* Takes a worker out of a stream; its time stays for as long as there are others. Called with the
 * map locked. */
static void cells_leave(struct timetable *table, struct timetable_cell *cells, int worker)
{
    int are_here = 0;

    cells[worker].is_here = 0;
    cells[worker].is_watched = 0;
    cells[worker].is_open = 0;
    cells[worker].is_wanted = 0;
    for (int i = 0; i < table->workers; i++)
        are_here += cells[i].is_here;
    if (are_here == 0)
        shared_map_remove(table->map, cells);
}

void timetable_leave(struct timetable *table, const char *key, int worker)
{
    struct timetable_cell *cells;

    shared_map_lock(table->map);
    cells = shared_map_find(table->map, key);
    if (cells != NULL)
        cells_leave(table, cells, worker);
    shared_map_unlock(table->map);
}

int timetable_reap(struct timetable *table, int worker)
{
    struct timetable_cell *cells = NULL;
    int published = 0;

    shared_map_lock(table->map);
    while ((cells = shared_map_next(table->map, cells)) != NULL) {
        published |= cells[worker].is_open;
        cells_leave(table, cells, worker);
    }
    shared_map_unlock(table->map);
    return published;
}

/* ---- one's own cell ---- */

void timetable_watch(struct timetable_cell *cell, int is_watched)
{
    cell->is_watched = is_watched != 0;
}

void timetable_want(struct timetable_cell *cell, int is_wanted)
{
    cell->is_wanted = is_wanted != 0;
}

void timetable_play(struct timetable_cell *cell, uint64_t number)
{
    cell->plays = number;
}

void timetable_put(struct timetable_cell *cell, uint64_t number, const struct source_time *time)
{
    uint32_t turn = atomic_load_explicit(&cell->turn, memory_order_relaxed);
    struct timetable_place *place;

    /* 0 is what nothing was put at. */
    if (++turn == 0)
        turn = 2;
    place = &cell->place[turn & 1];
    /* Who reads this place sees by the count that it is not the one any more. */
    atomic_thread_fence(memory_order_release);
    place->number = number;
    place->time = *time;
    atomic_store_explicit(&cell->turn, turn, memory_order_release);
    atomic_store_explicit(&cell->is_open, 1, memory_order_relaxed);
}

void timetable_close(struct timetable_cell *cell)
{
    cell->is_open = 0;
}

/* ---- all of them ---- */

/* 0 and what was put last, or -1: nothing was. */
static int cell_read(const struct timetable_cell *cell, struct timetable_place *out)
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint32_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);

        if (turn == 0)
            return -1;
        *out = cell->place[turn & 1];
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&cell->turn, memory_order_relaxed) == turn)
            return 0;
    }
    return -1;
}

void timetable_look(struct timetable *table, const char *key, int worker,
                    struct timetable_view *out)
{
    const struct timetable_cell *cells;
    struct timetable_place place;

    memset(out, 0, sizeof(*out));
    shared_map_lock(table->map);
    cells = shared_map_find(table->map, key);
    for (int i = 0; cells != NULL && i < table->workers; i++) {
        if (i != worker) {
            out->is_watched |= cells[i].is_watched;
            out->is_open |= cells[i].is_open;
        }
        if (cell_read(&cells[i], &place) == 0 && place.number > out->number) {
            out->number = place.number;
            out->time = place.time;
        }
    }
    shared_map_unlock(table->map);
}

int timetable_is_missed(struct timetable *table, const char *key, int worker, uint64_t number)
{
    const struct timetable_cell *cells;
    int is_missed = 0;

    shared_map_lock(table->map);
    cells = shared_map_find(table->map, key);
    for (int i = 0; cells != NULL && i < table->workers; i++)
        is_missed |= i != worker && cells[i].is_wanted && cells[i].plays != number;
    shared_map_unlock(table->map);
    return is_missed;
}
