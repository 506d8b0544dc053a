#ifndef LIVE_HUB_H
#define LIVE_HUB_H

/*
 * Finds the source of a stream by its key, "vhost/app/stream". Holds a reference on each source
 * while it is published, watched or waited for. The number of sources is limited. Pure, never
 * yields.
 */
#include "base/clock.h"
#include "live/source.h"

struct hub;

/*
 * published_max: limit of sources that hub_get_publish() returned; others_max: limit of the others,
 * which are watched, waited for or pulled. So names that nobody publishes never take a publisher's
 * place. NULL without memory.
 */
struct hub *hub_new(size_t published_max, size_t others_max);
void hub_free(struct hub *hub);
/* Changes the limits; sources beyond them stay. */
void hub_set_limits(struct hub *hub, size_t published_max, size_t others_max);

/* fn is called once for every new source, before it is used. 0; -1 makes hub_get() fail. */
void hub_on_new(struct hub *hub, int (*fn)(struct source *source, void *arg), void *arg);
/* fn is called before a source is released. */
void hub_on_free(struct hub *hub, void (*fn)(struct source *source, void *arg), void *arg);

/* The source or NULL; no reference is added. */
struct source *hub_find(struct hub *hub, const char *key);

/*
 * The source; made with this configuration if there is none. NULL beyond others_max or without
 * memory. The caller must take a reference before it yields.
 */
struct source *hub_get(struct hub *hub, const char *key, const struct source_config *config);

/*
 * The same for a publisher: NULL beyond published_max. The source counts as published until
 * hub_publish_end(), which the caller must call once; until then it must hold a reference.
 */
struct source *hub_get_publish(struct hub *hub, const char *key,
                               const struct source_config *config);
void hub_publish_end(struct hub *hub, const char *key);
/* True while it counts as published. */
int hub_is_publishing(struct hub *hub, const char *key);

/* Runs the sources' timers (republish_wait, first half second) and releases idle sources. Call it
 * about every 100 ms. */
void hub_tick(struct hub *hub, usec_t now);
/* Frees a part of the memory that no source needs any more, so much as takes about a millisecond.
 * 1 if there may be more: let others run, and call it again. */
int hub_discard(struct hub *hub);

/* The number of sources. */
size_t hub_count(const struct hub *hub);

/* Calls fn for each source; fn must not add or remove. */
void hub_each(struct hub *hub, void (*fn)(struct source *source, void *arg), void *arg);

#endif
