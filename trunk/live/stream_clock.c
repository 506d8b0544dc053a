/*
 * The position is written with every batch of a publisher's frames, so it must not cost a lock: a
 * cell has two places, and the last bit of a counter selects the current one. The writer fills the
 * other place and then increments the counter; a writer that is killed leaves the former value. A
 * reader sees by the counter whether the place changed while it read, and reads again.
 */
#include "live/stream_clock.h"

#include "base/shared_map.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Two writes are far apart: more retries mean a bug. */
#define READ_TRIES 1000

struct stream_clock_place {
    uint64_t number;
    struct source_time time;
};

struct stream_clock_cell {
    _Atomic uint8_t is_here;
    _Atomic uint8_t is_watched;
    _Atomic uint8_t is_open;
    _Atomic uint8_t is_wanted;
    _Atomic uint32_t turn; /* 0: never written */
    _Atomic uint64_t plays;
    struct stream_clock_place place[2];
};

struct stream_clock {
    struct shared_map *map; /* one cell for each worker */
    int workers;
};

struct stream_clock *stream_clock_new(struct shared_memory *memory, size_t streams_max, int workers)
{
    struct stream_clock *table = calloc(1, sizeof(*table));

    assert(workers > 0);
    if (table == NULL)
        return NULL;
    table->workers = workers;
    table->map =
        shared_map_new(memory, streams_max, (size_t)workers * sizeof(struct stream_clock_cell));
    if (table->map == NULL) {
        free(table);
        return NULL;
    }
    return table;
}

void stream_clock_free(struct stream_clock *table)
{
    if (table == NULL)
        return;
    shared_map_free(table->map);
    free(table);
}

struct stream_clock_cell *stream_clock_enter(struct stream_clock *table, const char *key,
                                             int worker)
{
    struct stream_clock_cell *cell;

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

/* Removes a worker from a stream, which is kept while it has others. The caller has locked the map.
 */
static void cells_leave(struct stream_clock *table, struct stream_clock_cell *cells, int worker)
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

void stream_clock_leave(struct stream_clock *table, const char *key, int worker)
{
    struct stream_clock_cell *cells;

    shared_map_lock(table->map);
    cells = shared_map_find(table->map, key);
    if (cells != NULL)
        cells_leave(table, cells, worker);
    shared_map_unlock(table->map);
}

int stream_clock_reap(struct stream_clock *table, int worker)
{
    struct stream_clock_cell *cells = NULL;
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

void stream_clock_watch(struct stream_clock_cell *cell, int is_watched)
{
    cell->is_watched = is_watched != 0;
}

void stream_clock_want(struct stream_clock_cell *cell, int is_wanted)
{
    cell->is_wanted = is_wanted != 0;
}

void stream_clock_play(struct stream_clock_cell *cell, uint64_t number)
{
    cell->plays = number;
}

void stream_clock_put(struct stream_clock_cell *cell, uint64_t number,
                      const struct source_time *time)
{
    uint32_t turn = atomic_load_explicit(&cell->turn, memory_order_relaxed);
    struct stream_clock_place *place;

    /* 0 means never written. */
    if (++turn == 0)
        turn = 2;
    place = &cell->place[turn & 1];
    /* A reader of this place sees by the counter that it is no longer the current one. */
    atomic_thread_fence(memory_order_release);
    place->number = number;
    place->time = *time;
    atomic_store_explicit(&cell->turn, turn, memory_order_release);
    atomic_store_explicit(&cell->is_open, 1, memory_order_relaxed);
}

void stream_clock_close(struct stream_clock_cell *cell)
{
    cell->is_open = 0;
}

/* ---- all of them ---- */

/* 0 and the last written position, or -1: never written. */
static int cell_read(const struct stream_clock_cell *cell, struct stream_clock_place *out)
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

void stream_clock_look(struct stream_clock *table, const char *key, int worker,
                       struct stream_clock_view *out)
{
    const struct stream_clock_cell *cells;
    struct stream_clock_place place;

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

int stream_clock_is_missed(struct stream_clock *table, const char *key, int worker, uint64_t number)
{
    const struct stream_clock_cell *cells;
    int is_missed = 0;

    shared_map_lock(table->map);
    cells = shared_map_find(table->map, key);
    for (int i = 0; cells != NULL && i < table->workers; i++)
        is_missed |= i != worker && cells[i].is_wanted && cells[i].plays != number;
    shared_map_unlock(table->map);
    return is_missed;
}
