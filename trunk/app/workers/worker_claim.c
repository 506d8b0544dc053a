/*
 * The publish lock across all workers. A publisher first claims its stream in the shared registry.
 * A refused publisher asks, through the registry, whether the holder is still alive: an encoder
 * that lost its connection may come back before the server has noticed the end of the old one.
 */
#include "app/workers/worker_private.h"

#include <assert.h>

/* The fingerprint of an origin_pull's claim: it lets a publisher here take the claim over. */
static const uint8_t weak_fingerprint[REGISTRY_FINGERPRINT_SIZE] = "fetched from another origin";

static enum registry_takeover manner_of(const struct publication *p)
{
    if (p->publisher.kind != PUBLISHER_ENCODER)
        return REGISTRY_REJECT;
    switch (p->takeover) {
    case TAKEOVER_REPLACE:
        return REGISTRY_REPLACE;
    case TAKEOVER_REPLACE_SAME_TOKEN:
        return REGISTRY_REPLACE_SAME;
    default:
        return REGISTRY_REJECT;
    }
}

static int claim_take(struct stream *stream, struct registry_claim *claim)
{
    struct worker *worker = worker_of(stream->server);
    struct worker_stream *own = worker_stream_of(stream);
    uint64_t number;

    claim->key = source_key(stream->source);
    claim->worker = worker->slot;
    claim->now = co_now();
    if (registry_claim(worker->share->registry, claim, &number) != REGISTRY_YOURS)
        return -1;
    own->claim = number;
    own->is_reserved = !claim->is_early;
    if (own->pull != NULL && claim->is_early)
        worker_pull_stale(own->pull, co_now());
    else if (own->pull != NULL)
        worker_pull_drop(own->pull);
    worker_share_ring(worker->share);
    return 0;
}

/* Asks whether the holder, at any worker, is alive: 1 if it is gone; 0 if it is alive, or no answer
 * came. */
static int holder_is_gone(const struct stream *stream, usec_t timeout)
{
    struct worker *worker = worker_of(stream->server);
    const char *key = source_key(stream->source);
    usec_t deadline = co_deadline(timeout);
    struct registry_holder now;
    struct registry_holder asked;

    if (registry_ask(worker->share->registry, key, &asked) != 0)
        return 1;
    worker_share_ring(worker->share);
    for (;;) {
        if (registry_find(worker->share->registry, key, &now) != 0 || now.number != asked.number)
            return 1;
        /* An answer to a later question also answers this one. */
        if ((int32_t)(now.answered - asked.asked) >= 0 || co_left(deadline) == 0 ||
            co_cond_wait(&worker->changed, co_left(deadline)) == CO_INTERRUPTED)
            return 0;
    }
}

/* For an encoder: other workers fetch the stream only after worker_stream_opened(), and a pull of
 * it continues until it has settled. */
static MAY_YIELD int claim_for_encoder(struct publication *p, int over_weak)
{
    struct registry_claim claim = {
        .fingerprint = p->publisher.fingerprint, .takeover = manner_of(p), .is_early = 1};
    struct registry_claim weak = {.fingerprint = weak_fingerprint,
                                  .takeover = REGISTRY_REPLACE_SAME};

    if (over_weak) {
        claim.takeover = REGISTRY_REPLACE;
        return claim_take(p->stream, &weak) == 0 ? claim_take(p->stream, &claim) : -1;
    }
    if (claim_take(p->stream, &claim) == 0)
        return 0;
    return holder_is_gone(p->stream, PUBLICATION_ASK_TIMEOUT) ? claim_take(p->stream, &claim) : -1;
}

static enum claim_verdict worker_claim_claim(struct publication *p, uint64_t *token, int over_weak,
                                             struct directory_place *elsewhere, usec_t timeout)
{
    struct registry_claim claim = {.takeover = REGISTRY_REJECT};
    int rc;

    (void)elsewhere;
    (void)timeout;
    if (worker_of(p->stream->server) == NULL || p->publisher.kind == PUBLISHER_WORKER_PULL)
        return CLAIM_GRANTED;
    if (p->publisher.kind == PUBLISHER_ORIGIN_PULL)
        claim.fingerprint = weak_fingerprint;
    rc = p->publisher.kind == PUBLISHER_ENCODER ? claim_for_encoder(p, over_weak)
                                                : claim_take(p->stream, &claim);
    if (rc != 0)
        return CLAIM_BUSY;
    *token = worker_stream_of(p->stream)->claim;
    return CLAIM_GRANTED;
}

static int worker_claim_would_replace(const struct publication *p)
{
    const struct worker *worker = worker_of(p->stream->server);
    struct registry_claim claim = {.key = source_key(p->stream->source),
                                   .fingerprint = p->publisher.fingerprint,
                                   .takeover = manner_of(p)};

    return worker != NULL && registry_would_replace(worker->share->registry, &claim);
}

static void worker_claim_release(struct stream *stream, uint64_t token)
{
    struct worker *worker = worker_of(stream->server);
    struct worker_stream *own = worker_stream_of(stream);

    if (own->claim != token)
        return;
    registry_release(worker->share->registry, source_key(stream->source), token);
    own->claim = 0;
    worker_share_ring(worker->share);
}

static int worker_claim_is_held(const struct stream *stream, uint64_t token)
{
    return worker_stream_of(stream)->claim == token;
}

/* The local publisher is alive: answers the newest question received. */
static void worker_claim_answered(struct stream *stream)
{
    struct worker *worker = worker_of(stream->server);
    const struct worker_stream *own;

    if (worker == NULL)
        return;
    own = worker_stream_of(stream);
    if (own->claim == 0)
        return;
    registry_answer(worker->share->registry, source_key(stream->source), own->claim, own->asked);
    worker_share_ring(worker->share);
}

const struct claim worker_claim = {.name = "workers",
                                   .claim = worker_claim_claim,
                                   .release = worker_claim_release,
                                   .would_replace = worker_claim_would_replace,
                                   .is_held = worker_claim_is_held,
                                   .settle = worker_stream_settle,
                                   .opened = worker_stream_opened,
                                   .linger = worker_stream_linger,
                                   .answered = worker_claim_answered};
