#ifndef TEST_UNIT_APP_PUBLICATION_KIT_H
#define TEST_UNIT_APP_PUBLICATION_KIT_H

/*
 * A server with one stream and three claims that do what a test tells them, and publishers that
 * run publication_begin() and publication_end() in coroutines of their own. Everything that a claim
 * or a publisher is called for is written to `trace`, one word each.
 */
#include "app/stream/publication.h"
#include "http_test.h"

#include <check.h>

#define KIT_CLAIMS 3

/* Where a claim or a publisher can be held up. */
enum kit_step { KIT_NOWHERE, KIT_CLAIM, KIT_SETTLE, KIT_LINGER };

struct kit_claim {
    enum claim_verdict verdict; /* of claim() */
    enum claim_verdict over_weak;
    enum claim_verdict find;
    int has_find;
    int keeps_token;     /* a claim that is refused still has to be released */
    int is_exclusive;    /* refuses while it is held, as the workers' and the source do */
    int is_shared;       /* is granted to every claimer */
    enum kit_step stays; /* this step waits until kit_go() */
    int is_staying;
    uint64_t held; /* the token that holds the claim; 0: none */
    uint64_t last;
};

struct kit_publisher {
    struct config_vhost vhost;
    struct publisher publisher;
    struct publication *p;
    struct directory_place elsewhere;
    enum publication_verdict verdict;
    struct co *co;
    int linger;
    usec_t timeout;
    int is_done;  /* the coroutine has returned */
    int is_alive; /* the answer of ask() */
    int asked;
    int evicted;
    enum evict_reason why;
    int is_refused;    /* the answer of grant() */
    int is_grant_held; /* grant() waits until this is 0 and kit_go() */
    int ends_at_evict; /* evict() ends the publication at once */
};

struct kit {
    struct http_test t;
    struct source *source;
    struct stream *stream;
    struct kit_claim claim[KIT_CLAIMS];
    struct co_cond go;
    char trace[1024];
};

extern struct kit kit;

/* What a begin without trouble is traced as, and an end that does not linger. */
#define KIT_BEGIN  "claim0 settle0 claim1 settle1 claim2 "
#define KIT_OPENED KIT_BEGIN "opened0 opened1 "
#define KIT_ENDED  "release2 release1 release0 "

#define KIT_SHORT (USEC_PER_SEC / 50)
/* An end or a begin that does not wait takes far less. */
#define KIT_AT_ONCE (USEC_PER_SEC / 2)

void kit_open(void);
void kit_close(void);

/* The trace since the last call is exactly this. */
void kit_traced(const char *words);

struct kit_publisher kit_publisher(enum publisher_kind kind);
/* An encoder that must be granted. */
struct kit_publisher kit_publisher_granted(void);
/* Both wait for the end; begin() answers the verdict. */
enum publication_verdict kit_begin(struct kit_publisher *one);
void kit_end(struct kit_publisher *one);
/* A begin that must succeed, and an end; both leave no trace. */
void kit_publish(struct kit_publisher *one);
void kit_finish(struct kit_publisher *one);
enum publication_verdict kit_reserve(struct kit_publisher *one);

/* The same in a coroutine: kit_join() waits for it. */
void kit_start_begin(struct kit_publisher *one);
void kit_start_end(struct kit_publisher *one, int linger, usec_t timeout);
void kit_join(struct kit_publisher *one);

/* kit_stays() waits until claim i stops in its step; kit_go() lets it continue. */
void kit_stays(int i);
void kit_go(int i);
/* Somebody else has taken claim i. */
void kit_lose_claim(int i);
/* Waits until the publisher was asked. */
void kit_asked(const struct kit_publisher *one);

#endif
