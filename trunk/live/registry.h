#ifndef LIVE_REGISTRY_H
#define LIVE_REGISTRY_H

/*
 * Which worker publishes which stream: the publish lock of a server of several
 * processes, in memory they share. Bounded; a worker may be killed at any instant. Made before the
 * fork. Each publication has a number of its own, so that one is never taken for the next. Never
 * yields.
 */
#include "base/clock.h"
#include "live/source.h"

#include <stddef.h>
#include <stdint.h>

struct registry;

/* What a publisher is recognised by (replace_same_token); the caller's own fingerprint. */
#define REGISTRY_FINGERPRINT_SIZE 32

enum registry_takeover { REGISTRY_REJECT, REGISTRY_REPLACE, REGISTRY_REPLACE_SAME };

enum registry_answer {
    REGISTRY_YOURS, /* the stream is the caller's */
    REGISTRY_BUSY,  /* another has it */
    REGISTRY_FULL   /* no room for another stream */
};

struct registry_claim {
    const char *key;            /* "vhost/app/stream" */
    int worker;                 /* from 0 */
    const uint8_t *fingerprint; /* REGISTRY_FINGERPRINT_SIZE bytes, or NULL */
    enum registry_takeover takeover;
    usec_t now;
    int is_early; /* it does not publish before registry_open(): there is nothing to fetch yet */
};

struct registry_holder {
    int worker;
    uint64_t number; /* of the publication; never 0, never used again */
    usec_t since;    /* when it was granted, and then when it began */
    int is_early;
    uint32_t asked, answered; /* below; equal: nothing is asked */
    struct source_facts facts;
};

/* NULL without memory. */
struct registry *registry_new(size_t streams_max);
void registry_free(struct registry *registry);

/* Asks for a stream; *number is the publication's, when it is granted. */
enum registry_answer registry_claim(struct registry *registry, const struct registry_claim *claim,
                                    uint64_t *number);
/* Gives it back; nothing happens if another has it by now. */
void registry_release(struct registry *registry, const char *key, uint64_t number);

/* Of a publication that goes on; nothing happens if it is over by now. It has begun: */
void registry_open(struct registry *registry, const char *key, uint64_t number, usec_t now);
/* And what is known of it. */
void registry_describe(struct registry *registry, const char *key, uint64_t number,
                       const struct source_facts *facts);

/*
 * Whether a holder is still there, asked by one who was refused: *holder says who it is, and
 * `asked` is the question's number. Its worker answers the newest question that it has seen, or
 * releases. 0, or -1: nobody has the stream.
 */
int registry_ask(struct registry *registry, const char *key, struct registry_holder *holder);
void registry_answer(struct registry *registry, const char *key, uint64_t number, uint32_t asked);

/* Who has it. 0, or -1: nobody. */
int registry_find(struct registry *registry, const char *key, struct registry_holder *holder);

/* A worker is gone: what it had is free. How many that were. */
size_t registry_reap(struct registry *registry, int worker);

/* How many streams are held, by all workers. */
size_t registry_count(struct registry *registry);

#endif
