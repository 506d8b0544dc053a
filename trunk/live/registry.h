#ifndef LIVE_REGISTRY_H
#define LIVE_REGISTRY_H

/*
 * Which worker publishes which stream: the publish lock of a server of several processes, in shared
 * memory that is made before the fork. Bounded; a worker may be killed at any instant. Each
 * publication has a unique number, so that a new one is never mistaken for an old one. Never
 * yields.
 */
#include "base/clock.h"
#include "base/shared_memory.h"
#include "live/source.h"

#include <stddef.h>
#include <stdint.h>

struct registry;

/* Identifies a publisher (replace_same_token); the caller computes it. */
#define REGISTRY_FINGERPRINT_SIZE 32

enum registry_takeover { REGISTRY_REJECT, REGISTRY_REPLACE, REGISTRY_REPLACE_SAME };

enum registry_answer {
    REGISTRY_YOURS, /* the stream is the caller's */
    REGISTRY_BUSY,  /* another publisher has it */
    REGISTRY_FULL   /* no room for another stream */
};

struct registry_claim {
    const char *key;            /* "vhost/app/stream" */
    int worker;                 /* from 0 */
    const uint8_t *fingerprint; /* REGISTRY_FINGERPRINT_SIZE bytes, or NULL */
    enum registry_takeover takeover;
    usec_t now;
    int is_early; /* it publishes only after registry_open(): nothing can be fetched yet */
};

struct registry_holder {
    int worker;
    uint64_t number; /* of the publication; never 0, never reused */
    usec_t since;    /* when it was granted; after registry_open(), when it began */
    int is_early;
    uint32_t asked, answered; /* see registry_ask(); equal: no open question */
    struct source_facts facts;
};

/* As shared_map_new(). */
struct registry *registry_new(struct shared_memory *memory, size_t streams_max);
void registry_free(struct registry *registry);

/* Claims a stream; *number is the publication's, if it is granted. */
enum registry_answer registry_claim(struct registry *registry, const struct registry_claim *claim,
                                    uint64_t *number);
/* Whether registry_claim() would now take the stream from its holder. */
int registry_would_replace(struct registry *registry, const struct registry_claim *claim);
/* Releases the claim. Does nothing if another publication has the stream now. */
void registry_release(struct registry *registry, const char *key, uint64_t number);

/* The publication has begun: other workers can pull it from now on. Does nothing if it is over. */
void registry_open(struct registry *registry, const char *key, uint64_t number, usec_t now);
/* Stores the facts of the publication. Does nothing if it is over. */
void registry_describe(struct registry *registry, const char *key, uint64_t number,
                       const struct source_facts *facts);

/*
 * Asks whether the holder is still alive, after a refusal: *holder describes it, `asked` is the
 * number of this question. The holder's worker answers the newest question that it sees, or
 * releases the claim. 0, or -1: the stream is free.
 */
int registry_ask(struct registry *registry, const char *key, struct registry_holder *holder);
void registry_answer(struct registry *registry, const char *key, uint64_t number, uint32_t asked);

/* The holder. 0, or -1: the stream is free. */
int registry_find(struct registry *registry, const char *key, struct registry_holder *holder);

/* A worker has ended: releases its claims, and returns their number. */
size_t registry_reap(struct registry *registry, int worker);

/* The number of claimed streams of all workers. */
size_t registry_count(struct registry *registry);

#endif
