#ifndef LIVE_HUB_H
#define LIVE_HUB_H

/*
 * Finds the source of a stream by its key, "vhost/app/stream". Holds one
 * reference on each source for as long as it is published, watched or waited
 * for. Bounded in number. Pure, never yields.
 */
#include "base/clock.h"
#include "live/source.h"

struct hub;

/* sources_max: how many sources there may be at once. NULL without memory. */
struct hub *hub_new(size_t sources_max);
void hub_free(struct hub *hub);

/* fn is called once for every source that is made, before anybody uses it. 0, or -1: it cannot be
 * used, and hub_get() fails. */
void hub_on_new(struct hub *hub, int (*fn)(struct source *source, void *arg), void *arg);
/* fn is called when a source is let go, before it is freed. */
void hub_on_free(struct hub *hub, void (*fn)(struct source *source, void *arg), void *arg);

/* The source or NULL; no reference is added. */
struct source *hub_find(struct hub *hub, const char *key);

/*
 * The source, made with this configuration if there is none. NULL beyond
 * sources_max or without memory. The caller refs it before it yields.
 */
struct source *hub_get(struct hub *hub, const char *key, const struct source_config *config);

/* Runs the sources' timers (republish_wait, first half second) and lets idle ones go. Call every
 * 100 ms or so. */
void hub_tick(struct hub *hub, usec_t now);

/* How many sources there are. */
size_t hub_count(const struct hub *hub);

/* Calls fn for each source; fn must not add or remove. */
void hub_each(struct hub *hub, void (*fn)(struct source *source, void *arg), void *arg);

#endif
