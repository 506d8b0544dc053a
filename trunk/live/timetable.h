#ifndef LIVE_TIMETABLE_H
#define LIVE_TIMETABLE_H

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

struct timetable;
struct timetable_cell;

/* NULL without memory. */
struct timetable *timetable_new(size_t streams_max, int workers);
void timetable_free(struct timetable *table);

/* The cell of a worker that has a source of this name now, until it leaves. NULL: no room. */
struct timetable_cell *timetable_enter(struct timetable *table, const char *key, int worker);
void timetable_leave(struct timetable *table, const char *key, int worker);
/* A worker is gone. 1 when it published anything. */
int timetable_reap(struct timetable *table, int worker);

/* Of one's own cell, without a lock. Somebody watches the stream here, or nobody does any more. */
void timetable_watch(struct timetable_cell *cell, int is_watched);
/* Somebody waits for the stream here, or watches it; and which publication a relay brings here. */
void timetable_want(struct timetable_cell *cell, int is_wanted);
void timetable_play(struct timetable_cell *cell, uint64_t number);
/* The stream is published here, under a number (live/registry.h), and its time stands there. */
void timetable_put(struct timetable_cell *cell, uint64_t number, const struct source_time *time);
/* Not any more; where its time stands is kept. */
void timetable_close(struct timetable_cell *cell);

/* What a publication begins with. */
struct timetable_view {
    int is_watched;          /* at another worker than this one */
    int is_open;             /* an older publication goes on at another worker */
    uint64_t number;         /* of the newest one whose time is known; 0: none */
    struct source_time time; /* where that stands */
};

void timetable_look(struct timetable *table, const char *key, int worker,
                    struct timetable_view *out);

/* Whether another worker than this one wants the stream and has nothing of this publication yet. */
int timetable_is_missed(struct timetable *table, const char *key, int worker, uint64_t number);

#endif
