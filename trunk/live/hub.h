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

/*
 * published_max: how many sources may be published at once by those who have asked for that
 * (hub_get_publish()); others_max: how many others there may be besides, which are watched, waited
 * for or fetched. So what nobody publishes never takes a publisher's place. NULL without memory.
 */
struct hub *hub_new(size_t published_max, size_t others_max);
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
 * others_max or without memory. The caller refs it before it yields.
 */
struct source *hub_get(struct hub *hub, const char *key, const struct source_config *config);

/*
 * The same for one who is to publish it: NULL beyond published_max. It takes a publisher's place
 * until hub_publish_end(), which the caller owes for each source it has got; until then he holds a
 * reference.
 */
struct source *hub_get_publish(struct hub *hub, const char *key,
                               const struct source_config *config);
void hub_publish_end(struct hub *hub, const char *key);
/* True while somebody has a publisher's place for it. */
int hub_is_publishing(struct hub *hub, const char *key);

/* Runs the sources' timers (republish_wait, first half second) and lets idle ones go. Call every
 * 100 ms or so. */
void hub_tick(struct hub *hub, usec_t now);

/* How many sources there are. */
size_t hub_count(const struct hub *hub);

/* Calls fn for each source; fn must not add or remove. */
void hub_each(struct hub *hub, void (*fn)(struct source *source, void *arg), void *arg);

#endif
