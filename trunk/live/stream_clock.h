#ifndef LIVE_STREAM_CLOCK_H
#define LIVE_STREAM_CLOCK_H

/*
 * Where the time of each stream stands, for all workers: a publisher may come back at a worker
 * that has not seen the stream, while those who watch it are at another. In memory that the workers
 * share, made before the fork. Each has a cell of its own in every stream that it has a source of,
 * and a stream is forgotten with the last of them. A worker may be killed at any instant. Never
 * yields.
 */
#include "live/source.h"

#include <stddef.h>
#include <stdint.h>

struct stream_clock;
struct stream_clock_cell;

/* NULL without memory. */
struct stream_clock *stream_clock_new(size_t streams_max, int workers);
void stream_clock_free(struct stream_clock *table);

/* The cell of a worker that has a source of this name now, until it leaves. NULL: no room. */
struct stream_clock_cell *stream_clock_enter(struct stream_clock *table, const char *key,
                                             int worker);
void stream_clock_leave(struct stream_clock *table, const char *key, int worker);
/* A worker is gone. 1 when it published anything. */
int stream_clock_reap(struct stream_clock *table, int worker);

/* Of one's own cell, without a lock. Somebody watches the stream here, or nobody does any more. */
void stream_clock_watch(struct stream_clock_cell *cell, int is_watched);
/* Somebody waits for the stream here, or watches it; and which publication a relay brings here. */
void stream_clock_want(struct stream_clock_cell *cell, int is_wanted);
void stream_clock_play(struct stream_clock_cell *cell, uint64_t number);
/* The stream is published here, under a number (live/registry.h), and its time stands there. */
void stream_clock_put(struct stream_clock_cell *cell, uint64_t number,
                      const struct source_time *time);
/* Not any more; where its time stands is kept. */
void stream_clock_close(struct stream_clock_cell *cell);

/* What a publication begins with. */
struct stream_clock_view {
    int is_watched;          /* at another worker than this one */
    int is_open;             /* an older publication goes on at another worker */
    uint64_t number;         /* of the newest one whose time is known; 0: none */
    struct source_time time; /* where that stands */
};

void stream_clock_look(struct stream_clock *table, const char *key, int worker,
                       struct stream_clock_view *out);

/* Whether another worker than this one wants the stream and has nothing of this publication yet. */
int stream_clock_is_missed(struct stream_clock *table, const char *key, int worker,
                           uint64_t number);

#endif
