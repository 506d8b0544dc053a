/*
 * Claims, takeover, lingering and release, in one readable order for every
 * kind of publisher; publication_holder.c asks the one that has the stream. Each row defines what
 * its claim means; this file only knows that a publication needs all of them, that a refused claim
 * undoes the earlier ones, and that a claim can be lost during every step that yields.
 */
#include "app/stream/publication.h"

#include "base/str.h"
#include "proto/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The row; NULL after the last one. */
static const struct claim *row_at(const struct stream *stream, int i)
{
    const struct tables *tables = stream->server->tables;

    return tables != NULL && tables->claims != NULL ? tables->claims[i] : NULL;
}

/* ---- claims ---- */

static void claims_release(struct publication *p)
{
    int count = 0;

    while (row_at(p->stream, count) != NULL)
        count++;
    for (int i = count - 1; i >= 0; i--) {
        const struct claim *row = row_at(p->stream, i);

        if (row != NULL && p->token[i] != 0)
            row->release(p->stream, p->token[i]);
        p->token[i] = 0;
    }
}

static int claims_are_held(const struct publication *p)
{
    const struct claim *row;

    for (int i = 0; (row = row_at(p->stream, i)) != NULL; i++)
        if (p->token[i] != 0 && row->is_held != NULL && !row->is_held(p->stream, p->token[i]))
            return 0;
    return !p->is_evicted;
}

/* Row `busy` refused. A later row may know that another server has the stream, or that no server
 * has it; then only publishers that give way to an encoder can be in the way. */
static enum claim_verdict claim_take_over(struct publication *p, int busy,
                                          struct directory_place *elsewhere, usec_t timeout)
{
    const struct claim *refused = row_at(p->stream, busy);
    const struct claim *row;
    enum claim_verdict verdict;

    assert(refused != NULL);
    for (int i = busy + 1; (row = row_at(p->stream, i)) != NULL; i++) {
        if (row->find == NULL)
            continue;
        verdict = row->find(p, elsewhere, timeout);
        if (verdict == CLAIM_ELSEWHERE)
            return CLAIM_ELSEWHERE;
        if (verdict == CLAIM_ALONE)
            return refused->claim(p, &p->token[busy], 1, elsewhere, timeout);
    }
    return CLAIM_BUSY;
}

static enum claim_verdict claims_take(struct publication *p, struct directory_place *elsewhere,
                                      usec_t timeout)
{
    int is_encoder = p->publisher.kind == PUBLISHER_ENCODER;
    enum claim_verdict verdict = CLAIM_GRANTED;
    const struct claim *row;

    for (int i = 0; (row = row_at(p->stream, i)) != NULL; i++) {
        assert(i < PUBLICATION_CLAIMS_MAX);
        verdict = row->claim(p, &p->token[i], 0, elsewhere, timeout);
        if (verdict == CLAIM_BUSY && is_encoder)
            verdict = claim_take_over(p, i, elsewhere, timeout);
        if (verdict != CLAIM_GRANTED && verdict != CLAIM_ALONE)
            break;
        if (verdict == CLAIM_ALONE)
            p->is_alone = 1;
        if (is_encoder && p->token[i] != 0 && row->settle != NULL)
            row->settle(p, p->token[i], PUBLICATION_ASK_TIMEOUT);
    }
    if (verdict == CLAIM_ALONE)
        verdict = CLAIM_GRANTED;
    /* The steps above may have yielded. */
    if (verdict == CLAIM_GRANTED && !claims_are_held(p))
        verdict = CLAIM_BUSY;
    if (verdict != CLAIM_GRANTED)
        claims_release(p);
    return verdict;
}

/* ---- the source ---- */

static void source_config_of(const struct publication *p, struct source_config *out)
{
    int is_worker = p->publisher.kind == PUBLISHER_WORKER_PULL;

    stream_source_config(p->publisher.vhost, out);
    out->is_worker_pull = is_worker;
    out->is_joined = is_worker && p->publisher.ops->is_joined != NULL &&
                     p->publisher.ops->is_joined(p->publisher.arg);
    out->keeps_time =
        p->publisher.kind == PUBLISHER_EDGE_PULL || p->publisher.kind == PUBLISHER_ORIGIN_PULL;
    out->sends_past =
        p->publisher.ops->sends_past != NULL && p->publisher.ops->sends_past(p->publisher.arg);
    out->keeps_start = p->stream->server->shared != NULL && !is_worker;
}

int publication_open(struct publication *p)
{
    struct stream *stream = p->stream;
    struct source_config config;
    const struct claim *row;

    assert(!p->is_open);
    if (!claims_are_held(p) || stream->publication != NULL)
        return -1;
    source_config_of(p, &config);
    /* Set before source_publish(): observers that it calls look the publication up. */
    stream->publication = p;
    p->is_open = 1;
    if (source_publish(stream->source, &config, co_now()) != 0) {
        stream->publication = NULL;
        p->is_open = 0;
        return -1;
    }
    for (int i = 0; (row = row_at(stream, i)) != NULL; i++)
        if (p->token[i] != 0 && row->opened != NULL)
            row->opened(p, p->token[i]);
    /* An observer or a row may have evicted it. */
    return p->is_open ? 0 : -1;
}

/* Clears the stream's holder and wakes those that wait for its answer. */
static void publication_let_go(struct publication *p)
{
    p->is_open = 0;
    p->is_probed = 0;
    if (p->stream->publication == p)
        p->stream->publication = NULL;
    co_cond_broadcast(&p->stream->changed);
}

void publication_close(struct publication *p)
{
    if (!p->is_open)
        return;
    publication_let_go(p);
    source_unpublish(p->stream->source, co_now());
}

/* Its publisher may end, and so free, the publication in the last call. */
static void evict(struct publication *p, enum evict_reason why)
{
    p->is_evicted = 1;
    publication_close(p);
    claims_release(p);
    p->publisher.ops->evict(p->publisher.arg, why);
}

void publication_evict(struct stream *stream, enum evict_reason why)
{
    if (stream->publication != NULL)
        evict(stream->publication, why);
}

/* Evicts the holder, and the reserved publications: all, or those that have lost a claim. */
static void evict_reserved(struct stream *stream, enum evict_reason why, int is_all)
{
    struct publication *p;

    publication_evict(stream, why);
    do {
        p = stream->reserved;
        while (p != NULL && (p->is_evicted || (!is_all && claims_are_held(p))))
            p = p->next;
        if (p != NULL)
            evict(p, why);
    } while (p != NULL);
}

static void reconfigure(struct publication *p, struct config *config,
                        const struct config_vhost *vhost)
{
    if (p->publisher.config == NULL)
        return;
    config_unref(p->publisher.config);
    p->publisher.config = config_ref(config);
    p->publisher.vhost = vhost;
}

void publication_reconfigure(struct stream *stream, struct config *config,
                             const struct config_vhost *vhost)
{
    int is_reserved = 0;

    for (struct publication *p = stream->reserved; p != NULL; p = p->next) {
        reconfigure(p, config, vhost);
        is_reserved |= p == stream->publication;
    }
    if (stream->publication != NULL && !is_reserved)
        reconfigure(stream->publication, config, vhost);
}

void publication_evict_all(struct stream *stream, enum evict_reason why)
{
    evict_reserved(stream, why, 1);
}

void publication_claim_lost(struct stream *stream, enum evict_reason why)
{
    evict_reserved(stream, why, 0);
}

/* publish.takeover: whether the newcomer `p` may replace the holder. */
static int may_take_over(const struct publication *p, const struct publication *holder)
{
    const uint8_t *own = p->publisher.fingerprint;
    const uint8_t *theirs = holder->publisher.fingerprint;

    if (holder->publisher.kind != PUBLISHER_ENCODER)
        return 0;
    switch (p->takeover) {
    case TAKEOVER_REPLACE:
        return 1;
    case TAKEOVER_REPLACE_SAME_TOKEN:
        return own != NULL && theirs != NULL && token_fingerprint_equal(own, theirs);
    default:
        return 0;
    }
}

/* Whether a publisher here or at another process would lose the stream to `p`. */
static int would_replace(const struct publication *p)
{
    const struct publication *holder = p->stream->publication;
    const struct claim *row;

    if (holder != NULL)
        return may_take_over(p, holder);
    for (int i = 0; (row = row_at(p->stream, i)) != NULL; i++)
        if (row->would_replace != NULL && row->would_replace(p))
            return 1;
    return 0;
}

/* Whether make_room() would succeed, without replacing anybody yet. */
static MAY_YIELD int may_have_room(const struct publication *p)
{
    const struct publication *holder = p->stream->publication;

    if (p->stream->granting != NULL)
        return 0;
    if (holder == NULL || may_take_over(p, holder) ||
        (holder->publisher.kind == PUBLISHER_ORIGIN_PULL && p->is_alone))
        return 1;
    return publication_is_gone(p->stream, PUBLICATION_ASK_TIMEOUT);
}

/* Whether the stream is free for `p` now: its holder here gave way, was taken over, or is gone. */
static MAY_YIELD int make_room(struct publication *p)
{
    struct publication *holder = p->stream->publication;

    if (holder != NULL && holder->publisher.kind == PUBLISHER_ORIGIN_PULL && p->is_alone) {
        publication_evict(p->stream, EVICT_TAKEN_OVER);
        return 1;
    }
    if (holder != NULL && may_take_over(p, holder)) {
        log_info(p->stream->server->log, "%s: taken over by another publisher",
                 source_key(p->stream->source));
        publication_evict(p->stream, EVICT_TAKEN_OVER);
        return 1;
    }
    return publication_is_gone(p->stream, PUBLICATION_ASK_TIMEOUT);
}

/* ---- begin and end ---- */

static struct publication *publication_new(struct stream *stream, const struct publisher *publisher)
{
    struct publication *p = calloc(1, sizeof(*p));

    assert(publisher->ops != NULL && publisher->ops->evict != NULL && publisher->vhost != NULL);
    if (p == NULL)
        return NULL;
    p->stream = stream;
    p->publisher = *publisher;
    p->takeover = publisher->vhost->publish.takeover;
    if (publisher->config != NULL)
        p->publisher.config = config_ref(publisher->config);
    return p;
}

static void publication_free(struct publication *p)
{
    struct publication **at = &p->stream->reserved;

    while (*at != NULL && *at != p)
        at = &(*at)->next;
    if (*at == p)
        *at = p->next;
    if (p->publisher.config != NULL)
        config_unref(p->publisher.config);
    free(p);
}

static enum publication_verdict verdict_of(enum claim_verdict verdict)
{
    if (verdict == CLAIM_ELSEWHERE)
        return PUBLICATION_ELSEWHERE;
    return verdict == CLAIM_GRANTED ? PUBLICATION_OURS : PUBLICATION_BUSY;
}

/* Claims the stream and opens its source. */
static enum publication_verdict take(struct publication *p, struct directory_place *elsewhere,
                                     usec_t timeout)
{
    enum publication_verdict verdict = verdict_of(claims_take(p, elsewhere, timeout));

    if (verdict != PUBLICATION_OURS)
        return verdict;
    if (!p->stream->is_ended &&
        (publication_open(p) == 0 || (make_room(p) && publication_open(p) == 0)))
        return PUBLICATION_OURS;
    claims_release(p);
    return PUBLICATION_BUSY;
}

/* The claims are taken: asks while they are held. No other publisher of this process is asked for
 * the stream meanwhile. */
static enum publication_verdict grant_claimed(struct publication *p, usec_t timeout)
{
    int rc;

    if (!may_have_room(p))
        return PUBLICATION_BUSY;
    p->stream->granting = p;
    rc = p->publisher.ops->grant(p->publisher.arg, timeout);
    p->stream->granting = NULL;
    if (rc != 0)
        return PUBLICATION_REFUSED;
    if (p->stream->is_ended)
        return PUBLICATION_BUSY;
    return publication_open(p) == 0 || (make_room(p) && publication_open(p) == 0)
               ? PUBLICATION_OURS
               : PUBLICATION_BUSY;
}

/*
 * The same as take() for a publisher that must be granted. Nobody is asked for a stream that is
 * busy, and nobody loses a stream to a publisher that may be refused.
 */
static enum publication_verdict take_granted(struct publication *p,
                                             struct directory_place *elsewhere, usec_t timeout)
{
    enum publication_verdict verdict;

    if (would_replace(p)) {
        if (p->publisher.ops->grant(p->publisher.arg, timeout) != 0)
            return PUBLICATION_REFUSED;
        return take(p, elsewhere, timeout);
    }
    p->takeover = TAKEOVER_REJECT;
    verdict = verdict_of(claims_take(p, elsewhere, timeout));
    if (verdict != PUBLICATION_OURS)
        return verdict;
    verdict = grant_claimed(p, timeout);
    if (verdict != PUBLICATION_OURS)
        claims_release(p);
    return verdict;
}

enum publication_verdict publication_begin(struct stream *stream, const struct publisher *publisher,
                                           struct publication **out,
                                           struct directory_place *elsewhere, usec_t timeout)
{
    struct publication *p = publication_new(stream, publisher);
    enum publication_verdict verdict;

    *out = NULL;
    if (p == NULL)
        return PUBLICATION_NOMEM;
    /* Viewers that wait for the previous publication wait for this one. */
    stream->beginnings++;
    verdict = publisher->ops->grant != NULL ? take_granted(p, elsewhere, timeout)
                                            : take(p, elsewhere, timeout);
    stream->beginnings--;
    if (verdict == PUBLICATION_OURS) {
        *out = p;
        return verdict;
    }
    publication_free(p);
    stream_give_up(stream);
    return verdict;
}

enum publication_verdict publication_reserve(struct stream *stream,
                                             const struct publisher *publisher,
                                             struct publication **out)
{
    struct publication *p = publication_new(stream, publisher);
    struct directory_place unused;
    enum publication_verdict verdict;

    assert(publisher->kind != PUBLISHER_ENCODER);
    *out = NULL;
    if (p == NULL)
        return PUBLICATION_NOMEM;
    if (stream->is_ended) {
        publication_free(p);
        return PUBLICATION_BUSY;
    }
    /* Claims wait for an encoder only. */
    verdict = verdict_of(NO_YIELD(claims_take(p, &unused, 0)));
    if (verdict == PUBLICATION_OURS) {
        p->next = stream->reserved;
        stream->reserved = p;
        *out = p;
    } else {
        publication_free(p);
    }
    return verdict;
}

void publication_linger(struct publication *p, usec_t timeout)
{
    struct stream *stream = p->stream;
    struct source_stat stat;
    usec_t deadline;

    source_stat(stream->source, &stat);
    deadline = stat.published_at + timeout;
    while (source_is_waited_for(stream->source) && stream->server->state != SERVER_STOPPING &&
           p->is_open && !p->is_probed && co_left(deadline) > 0 &&
           co_cond_wait(&stream->changed, co_left(deadline)) != CO_INTERRUPTED)
        continue;
}

void publication_end(struct publication *p)
{
    if (p == NULL)
        return;
    assert(!p->is_ending);
    publication_close(p);
    claims_release(p);
    publication_free(p);
}

void publication_finish(struct publication *p, usec_t timeout)
{
    const struct claim *row;

    assert(p != NULL && !p->is_ending);
    if (p->is_open) {
        p->is_ending = 1;
        for (int i = 0; (row = row_at(p->stream, i)) != NULL; i++)
            if (p->token[i] != 0 && row->linger != NULL)
                row->linger(p, p->token[i]);
        publication_linger(p, timeout);
        p->is_ending = 0;
    }
    publication_end(p);
}
