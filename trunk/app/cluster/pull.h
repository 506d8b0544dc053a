#ifndef APP_CLUSTER_PULL_H
#define APP_CLUSTER_PULL_H

/*
 * A pull: takes one stream from elsewhere, as a viewer would, and publishes it
 * into a local source for as long as it is not stopped. It knows several origins and leaves one
 * that refuses, ends or stalls for the next. Its viewers stay: they see a publisher that went
 * and came back. One coroutine, started and stopped without waiting.
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
    struct source *source;           /* a reference is taken */
    struct publication *publication; /* reserved; the caller's to end after the pull; or NULL, then
                                        on_live() makes it */
    const struct pull_origin *origins; /* copied; none only if it is found */
    int origin_count;
    int is_worker;   /* from another worker of this server, whose timeline it stays on */
    usec_t stall;    /* without media for that long is as good as gone; five times that if alone */
    struct tls *tls; /* for https; borrowed; NULL: none */
    /* Looks up where the stream is, before each round of the origins: 1 with *target, or 0. Whoever
       knows better later calls pull_moved() or pull_again(). NULL: there is no such place. */
    int (*find)(void *arg, struct origin_target *target, usec_t timeout);
    /* The first of the stream is here: its publication, NULL when it may not be published after
       all. And the end of that: the publication is closed. Must not yield. NULL: there is one
       already. */
    struct publication *(*on_live)(void *arg);
    void (*on_over)(void *arg);
    /* The pull is over; called from its coroutine, which ends right behind. Must not yield. */
    void (*on_end)(struct pull *pull, void *arg);
    void *arg;
};

/* NULL without memory; on_end is not called then. */
struct pull *pull_start(const struct pull_options *options);

/* Asks it to end; on_end follows, later. */
void pull_stop(struct pull *pull);

/* The same, and the source is free from here on, for another publisher; for publisher_ops.evict. */
void pull_leave(struct pull *pull);

/* It has more to say of itself (app/edge_claim.h): asks anew, unless the stream plays. */
void pull_again(struct pull *pull);
/* The stream is said to be there now: it is looked up again, unless it plays from there, or from
 * one of the origins. */
void pull_moved(struct pull *pull, const struct origin_target *target);

/* True while the stream plays. */
int pull_is_live(const struct pull *pull);

#endif
