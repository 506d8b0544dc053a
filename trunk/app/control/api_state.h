#ifndef APP_CONTROL_API_STATE_H
#define APP_CONTROL_API_STATE_H

/*
 * What the API keeps between two requests: samples of the system's counters, of which the
 * percentages and rates in its answers are made. Never yields.
 */
#include "app/stream/observer.h"

/* Fields of the first line of /proc/stat: user, nice, system, idle, … */
#define API_CPU_FIELDS 10

struct api_sample {
    usec_t at;                    /* clock_now(); 0: no sample */
    int64_t now_ms;               /* the time of day */
    uint64_t cpu[API_CPU_FIELDS]; /* of the machine, in ticks */
    uint64_t own;                 /* of this process, in ticks */
    uint64_t paged[2];            /* KiB read from and written to disks */
    uint64_t busy_ms;             /* of the busiest disk */
};

struct api_state {
    struct api_sample before, last;
};

/* Takes a sample unless the last one is younger than a second. NULL in a server without API. */
const struct api_state *api_state_sample(const struct server *server);

/* The share of one core that this process used between the two samples: 1.0 is all of it. */
double api_state_own(const struct api_state *state);
/* The share of all cores that was not idle. */
double api_state_cpu(const struct api_state *state);
/* Ticks of one field between the samples. */
uint64_t api_state_ticks(const struct api_state *state, int field);
/* KiB per second, 0: read, 1: written; and the share of the time in which the disk was busy. */
int64_t api_state_paged(const struct api_state *state, int way);
double api_state_busy(const struct api_state *state);

/* A row of the tables. */
extern const struct observer api_state_observer;

#endif
