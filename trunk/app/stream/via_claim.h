#ifndef APP_STREAM_VIA_CLAIM_H
#define APP_STREAM_VIA_CLAIM_H

/*
 * The via_chain claims (app/config/via_chain.h) of other servers that request a stream from this
 * one. Each claim is kept for as long as its server is a viewer. A pull sends its origin the marks
 * of its present viewers.
 */
#include "app/config/via_chain.h"
#include "app/stream/observer.h"
#include "base/clock.h"
#include "base/err.h"

struct config_vhost;
struct server;
struct stream;
struct via_claim;

/* The row that keeps them. */
extern const struct observer via_claim_observer;

struct via_claimant {
    const struct config_vhost *vhost; /* with the peers and secrets that apply */
    const char *ip;                   /* NULL: another worker of this server */
    const char *text;                 /* of the header */
};

/* Whether serving a request with this claim would make a loop: ERR_LOOP for a claim of a configured
 * peer, which ends the wait of its own viewers (via_claim_looped()), ERR_DENIED for any other, with
 * a reason for the other side as text. ERR_DENIED for too many servers, ERR_PROTO for a malformed
 * claim. The result affects the claimant only. */
struct err *via_claim_check(struct server *server, const struct stream *stream,
                            const struct via_claimant *claimant);

/* Keeps the claim until via_claim_leave(); the caller holds the source until then. NULL if it is
 * malformed or out of memory. If the claim adds marks, a waiting pull asks its origin again, within
 * a limit. */
struct via_claim *via_claim_enter(struct stream *stream, const struct via_claimant *claimant);
void via_claim_leave(struct via_claim *claim); /* NULL is allowed */
/* Whether the claim comes from a configured peer or another worker. 0 for NULL. */
int via_claim_is_believed(const struct via_claim *claim);

/* The pull for which a chain is written. */
struct via_pull {
    const struct config_vhost *vhost;
    uint8_t is_worker; /* from another worker of this server: without this server's mark */
    uint8_t is_strict; /* without unverified marks */
};

/* Writes the chain that the pull sends: the chain through this server, as text, signed if the vhost
 * has a secret. Returns the number of unverified marks in it. */
int via_claim_write(const struct stream *stream, const struct via_pull *pull,
                    char out[VIA_CHAIN_TEXT_MAX]);

/* The origins of the stream request it from this server (ERR_LOOP), whatever clients claim: ends
 * the wait of its viewers (FANOUT_LOOP). */
void via_claim_looped(struct stream *stream);

/* As via_claim_write(), for a publish relay: the chain contains only the claim of this encoder. */
void via_claim_pass(const struct stream *stream, const struct via_claimant *claimant,
                    char out[VIA_CHAIN_TEXT_MAX]);

/* Whether a pull of the stream should ask its origin again now, after the limit postponed that. */
int via_claim_is_due(struct stream *stream, usec_t now);

#endif
