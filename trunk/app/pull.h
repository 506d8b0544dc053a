#ifndef APP_PULL_H
#define APP_PULL_H

/*
 * A pull: takes one stream from elsewhere, as a viewer would, and publishes it
 * into a local source for as long as it is not stopped. It knows several origins and leaves one
 * that refuses, ends or stalls for the next. Its viewers stay: they see a publisher that went
 * and came back. One coroutine, started and stopped without waiting.
 */
#include "app/relay.h"
#include "co/tls.h"
#include "live/source.h"

struct server;
struct pull;

/* Where the stream is. */
struct pull_origin {
    const char *url;       /* "rtmp://…", "http://….flv" or "https://….flv" */
    const char *host;      /* HTTP: the Host header; NULL: as the address says */
    const char *unix_path; /* HTTP: connect there; NULL: to the address */
};

#define PULL_ORIGINS_MAX 16

struct pull_options {
    struct server *server;
    struct source *source;             /* a reference is taken */
    const char *vhost;                 /* whose directives the source gets */
    const struct pull_origin *origins; /* copied */
    int origin_count;
    usec_t stall;    /* without media for that long is as good as gone; five times that if alone */
    struct tls *tls; /* for https; borrowed; NULL: none */
    const struct relay *relay; /* who asks us for it; borrowed and read at each try; NULL: nobody */
    /* The pull is over; called from its coroutine, which ends right behind. Must not yield. */
    void (*on_end)(struct pull *pull, void *arg);
    void *arg;
};

/* NULL without memory; on_end is not called then. */
struct pull *pull_start(const struct pull_options *options);

/* Asks it to end; on_end follows, later. */
void pull_stop(struct pull *pull);

/* The same, and the source is free from here on, for another publisher. */
void pull_leave(struct pull *pull);

/* It has more to say of itself (options' relay has changed): asks anew, unless the stream plays. */
void pull_again(struct pull *pull);

/* True while the stream plays. */
int pull_is_live(const struct pull *pull);

#endif
