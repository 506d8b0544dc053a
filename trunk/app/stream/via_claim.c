/*
 * A viewer's claim must not affect the streams of other viewers. Servers ignore marks that they do
 * not know, so invented marks may be passed on; only the number of repeated requests that they
 * cause needs a limit. The number of hops is passed on for configured peers only.
 */
#include "app/stream/via_claim.h"

#include "app/config/trust.h"
#include "app/core/server.h"
#include "app/stream/fanout.h"
#include "app/stream/stream.h"

#include <assert.h>
#include <stdlib.h>

/* Limits: marks passed on from one untrusted claim, and claims read. */
#define STRANGER_MARKS 4
#define CLAIMS_MAX     64
/* Repeated requests that untrusted claims may cause: AGAIN_MAX at once, then one per interval. */
#define AGAIN_MAX      3
#define AGAIN_INTERVAL (2 * USEC_PER_SEC)

struct via_claim {
    struct stream *stream;
    struct via_claim *prev, *next;
    int is_believed;
    struct via_chain chain;
};

/* The claims of one stream. */
struct via_claims {
    struct via_claim *first; /* the newest */
    int again;               /* repeated requests allowed at present */
    int is_due;              /* 1: a request is postponed until the limit allows it */
    usec_t again_at;         /* when `again` last grew */
};

static int is_believed(const struct via_claimant *claimant)
{
    const struct config_cluster *cluster = &claimant->vhost->cluster;

    if (claimant->ip == NULL || trust_has(&cluster->peers, claimant->ip))
        return 1;
    for (int i = 0; i < cluster->secret.count; i++)
        if (via_chain_is_signed(claimant->text, cluster->secret.item[i],
                                clock_wall() / USEC_PER_SEC))
            return 1;
    return 0;
}

static void own_mark(const struct stream *stream, char out[VIA_CHAIN_MARK_SIZE])
{
    via_chain_mark(stream->server->via_key, stream->app, stream->name, out);
}

struct err *via_claim_check(struct server *server, const struct stream *stream,
                            const struct via_claimant *claimant)
{
    char own[VIA_CHAIN_MARK_SIZE];
    struct via_chain chain;
    const char *why;

    if (via_chain_parse(&chain, claimant->text) != 0)
        return err_new(ERR_PROTO, VIA_CHAIN_HEADER " is malformed");
    assert(stream->server == server);
    own_mark(stream, own);
    if (via_chain_check(&chain, own, &why) == 0)
        return NULL;
    /* A long chain concerns one path only: others through the same peer may be shorter. */
    return err_new(via_chain_has(&chain, own) && is_believed(claimant) ? ERR_LOOP : ERR_DENIED,
                   "%s", why);
}

/* ---- repeated requests ---- */

/* Takes one of the allowed repeated requests. 1, or 0 if the limit is reached. */
static int take_again(struct via_claims *claims, usec_t now)
{
    usec_t passed = now - claims->again_at;

    if (passed >= AGAIN_INTERVAL) {
        claims->again +=
            passed / AGAIN_INTERVAL < AGAIN_MAX ? (int)(passed / AGAIN_INTERVAL) : AGAIN_MAX;
        claims->again = claims->again < AGAIN_MAX ? claims->again : AGAIN_MAX;
        claims->again_at = now;
    }
    claims->is_due = claims->again == 0;
    if (claims->is_due)
        return 0;
    claims->again--;
    return 1;
}

static struct via_claims *claims_of(const struct stream *stream)
{
    return observer_state(stream, &via_claim_observer);
}

int via_claim_is_due(struct stream *stream, usec_t now)
{
    struct via_claims *claims = claims_of(stream);

    return claims->is_due && take_again(claims, now);
}

/* ---- claims of present viewers ---- */

/* Joins all marks, those of peers last, since the newest marks are kept. */
static void claims_join(const struct via_claims *claims, struct via_chain *out)
{
    *out = (struct via_chain){0};
    for (int believed = 0; believed <= 1; believed++) {
        int seen = 0;

        for (const struct via_claim *c = claims->first; c != NULL && seen < CLAIMS_MAX;
             c = c->next, seen++) {
            if (c->is_believed != believed)
                continue;
            (void)via_chain_merge(out, &c->chain, believed ? VIA_CHAIN_MARKS_MAX : STRANGER_MARKS);
            if (believed && c->chain.hops > out->hops)
                out->hops = c->chain.hops;
        }
    }
}

struct via_claim *via_claim_enter(struct stream *stream, const struct via_claimant *claimant)
{
    struct via_claims *claims = claims_of(stream);
    struct via_claim *claim = calloc(1, sizeof(*claim));
    struct via_chain before;

    if (claim == NULL || via_chain_parse(&claim->chain, claimant->text) != 0) {
        free(claim);
        return NULL;
    }
    claim->stream = stream;
    claim->is_believed = is_believed(claimant);
    if (!claim->is_believed)
        via_chain_distrust(&claim->chain);
    /* All workers are one server. */
    if (claimant->ip == NULL)
        claim->chain.hops--;
    claims_join(claims, &before);
    claim->next = claims->first;
    if (claim->next != NULL)
        claim->next->prev = claim;
    claims->first = claim;
    if (via_chain_merge(&before, &claim->chain, STRANGER_MARKS) &&
        (claim->is_believed || take_again(claims, clock_now())))
        stream_ask_again(stream);
    return claim;
}

int via_claim_is_believed(const struct via_claim *claim)
{
    return claim != NULL && claim->is_believed;
}

void via_claim_leave(struct via_claim *claim)
{
    if (claim == NULL)
        return;
    if (claim->prev != NULL)
        claim->prev->next = claim->next;
    else
        claims_of(claim->stream)->first = claim->next;
    if (claim->next != NULL)
        claim->next->prev = claim->prev;
    free(claim);
}

static void via_claim_attach(struct stream *stream, void *state)
{
    struct via_claims *claims = state;

    (void)stream;
    claims->again = AGAIN_MAX;
    claims->again_at = clock_now();
}

static void via_claim_detach(struct stream *stream, void *state)
{
    const struct via_claims *claims = state;

    (void)stream;
    assert(claims->first == NULL);
}

const struct observer via_claim_observer = {.name = "via",
                                            .state_size = sizeof(struct via_claims),
                                            .attach = via_claim_attach,
                                            .detach = via_claim_detach};

/* Writes the chain with this server's own mark. */
static void write_signed(const struct via_chain *chain, const struct stream *stream,
                         const struct config_vhost *vhost, char out[VIA_CHAIN_TEXT_MAX])
{
    char own[VIA_CHAIN_MARK_SIZE];

    own_mark(stream, own);
    via_chain_write(chain, own, out);
    if (vhost->cluster.secret.count > 0)
        via_chain_sign(out, vhost->cluster.secret.item[0], clock_wall() / USEC_PER_SEC);
}

int via_claim_write(const struct stream *stream, const struct via_pull *pull,
                    char out[VIA_CHAIN_TEXT_MAX])
{
    struct via_chain chain = {0};

    if (stream != NULL)
        claims_join(claims_of(stream), &chain);
    if (pull->is_strict)
        via_chain_keep_verified(&chain);
    if (pull->is_worker || stream == NULL)
        via_chain_write(&chain, "", out);
    else
        write_signed(&chain, stream, pull->vhost, out);
    return via_chain_unverified(&chain);
}

static void looped_one(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL)
        fanout_viewer_looped(viewer_owner(viewer));
}

void via_claim_looped(struct stream *stream)
{
    if (source_state(stream->source) != SOURCE_LIVE)
        viewer_each(stream->source, looped_one);
}

void via_claim_pass(const struct stream *stream, const struct via_claimant *claimant,
                    char out[VIA_CHAIN_TEXT_MAX])
{
    struct via_chain chain = {0};

    if (claimant->text != NULL)
        (void)via_chain_parse(&chain, claimant->text);
    if (claimant->text != NULL && !is_believed(claimant))
        chain.hops = 0;
    write_signed(&chain, stream, claimant->vhost, out);
}
