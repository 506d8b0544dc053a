#ifndef APP_CLUSTER_PULL_H
#define APP_CLUSTER_PULL_H

/*
 * A pull: fetches one stream from another server, as a viewer would, and publishes it into a local
 * source until it is stopped. It knows several origins and changes to the next when one refuses,
 * ends or stalls. Its viewers stay connected: to them the publisher disconnects and returns. One
 * coroutine, started and stopped without waiting.
 */
#include "app/config/origin.h"
#include "co/tls.h"
#include "live/source.h"

struct publication;
struct pull;
struct server;

/* Where the stream is. */
struct pull_origin {
    const struct origin_target *target;
    const char *unix_path; /* HTTP: connect there; NULL: to the target's host */
};

#define PULL_ORIGINS_MAX 16

struct pull_options {
    struct server *server;
    struct source *source; /* a reference is taken */
    struct publication
        *publication; /* reserved; the caller ends it after the pull; NULL: on_live() creates it */
    const struct pull_origin *origins; /* copied; none only with find() */
    int origin_count;
    int is_worker; /* from another worker of this server; keeps its timeline */
    usec_t stall;  /* without media for so long (us) the origin has failed; five times that if it is
                      the only one */
    struct tls *tls; /* for https; borrowed; NULL: none */
    /* Looks up where the stream is, before each round of the origins: 1 with *target, or 0. When
     * that changes later, call pull_moved() or pull_again(). NULL: no look-up. */
    int (*find)(void *arg, struct origin_target *target, usec_t timeout);
    /* on_live: the first media has arrived; returns the publication, NULL when it may not be
     * published after all. on_over: the publication is closed. Both must not yield. NULL:
     * `publication` is set. */
    struct publication *(*on_live)(void *arg);
    void (*on_over)(void *arg);
    /* The pull is over; called from its coroutine, which ends right after it. Must not yield. */
    void (*on_end)(struct pull *pull, void *arg);
    void *arg;
};

/* NULL without memory; on_end is not called then. */
struct pull *pull_start(const struct pull_options *options);

/* Asks the pull to end; on_end follows later. */
void pull_stop(struct pull *pull);

/* The same, and the source is free for another publisher at once; for publisher_ops.evict. */
void pull_leave(struct pull *pull);

/* What the pull tells the origin about its requesters (its via chain) has changed: asks again,
 * unless the stream is live. */
void pull_again(struct pull *pull);
/* The stream was announced at this target: it is looked up again, unless it is already received
 * from there or from one of the configured origins. */
void pull_moved(struct pull *pull, const struct origin_target *target);

/* Other origins from now on, in place of those of the start: if the current one is not among them,
 * the next one is asked at once; viewers stay. The options' find must be what it was. 0, or -1
 * without memory. */
int pull_change(struct pull *pull, const struct pull_options *options);

/* Whether what it receives first is the past that its viewers ask for. */
int pull_sends_past(const struct pull *pull);

/* True while media is received and published. */
int pull_is_live(const struct pull *pull);

#endif
