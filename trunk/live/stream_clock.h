#ifndef LIVE_STREAM_CLOCK_H
#define LIVE_STREAM_CLOCK_H

/*
 * The timeline position of each stream, for all workers: a publisher may come back at a worker that
 * has never seen the stream, while its viewers are at another. In shared memory that is made before
 * the fork. Each worker with a source of the stream has a cell of its own; the stream is forgotten
 * with the last cell. A worker may be killed at any instant. Never yields.
 */
#include "base/shared_memory.h"
#include "live/source.h"

#include <stddef.h>
#include <stdint.h>

struct stream_clock;
struct stream_clock_cell;

/* As shared_map_new(). */
struct stream_clock *stream_clock_new(struct shared_memory *memory, size_t streams_max,
                                      int workers);
void stream_clock_free(struct stream_clock *table);

/* The cell of a worker, which has a source of this name until it leaves. NULL: no room. */
struct stream_clock_cell *stream_clock_enter(struct stream_clock *table, const char *key,
                                             int worker);
void stream_clock_leave(struct stream_clock *table, const char *key, int worker);
/* A worker has ended: releases its cells. 1 if it published any stream. */
int stream_clock_reap(struct stream_clock *table, int worker);

/* The following functions write the worker's own cell, without a lock. stream_clock_watch() stores
 * whether the stream has viewers here. */
void stream_clock_watch(struct stream_clock_cell *cell, int is_watched);
/* stream_clock_want() stores whether viewers here watch or wait for the stream, stream_clock_play()
 * which publication a pull delivers here. */
void stream_clock_want(struct stream_clock_cell *cell, int is_wanted);
void stream_clock_play(struct stream_clock_cell *cell, uint64_t number);
/* Stores that the stream is published here, under this number (live/registry.h), and its timeline
 * position. */
void stream_clock_put(struct stream_clock_cell *cell, uint64_t number,
                      const struct source_time *time);
/* Stores that it is not published here any more; its position is kept. */
void stream_clock_close(struct stream_clock_cell *cell);

/* The state of the stream at other workers, for a new publication. */
struct stream_clock_view {
    int is_watched;          /* at another worker */
    int is_open;             /* an older publication still runs at another worker */
    uint64_t number;         /* of the newest publication with a known position; 0: none */
    struct source_time time; /* that position */
};

void stream_clock_look(struct stream_clock *table, const char *key, int worker,
                       struct stream_clock_view *out);

/* Whether another worker wants the stream and has received nothing of this publication yet. */
int stream_clock_is_missed(struct stream_clock *table, const char *key, int worker,
                           uint64_t number);

#endif
