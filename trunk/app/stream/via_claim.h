#ifndef APP_STREAM_VIA_CLAIM_H
#define APP_STREAM_VIA_CLAIM_H

/*
 * What other servers claim who ask this one for a stream (app/via_chain.h), kept for each of them
 * and for as long as it is a viewer. A pull tells its origin the marks of its present viewers.
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

/* The claimant. */
struct via_claimant {
    const struct config_vhost *vhost; /* whose peers and secret count */
    const char *ip;                   /* NULL: another worker of this server */
    const char *text;                 /* of the header */
};

/* ERR_DENIED, with a reason for the other side as its text, when a request that claims this would
 * make a ring; ERR_PROTO when it is malformed. It concerns nobody but the claimant. */
struct err *via_claim_check(struct server *server, const struct stream *stream,
                            const struct via_claimant *claimant);

/* Keeps it until via_claim_leave(), for as long as which the caller holds the source; NULL for a
 * malformed one, or without memory. A pull that waits asks anew where that tells its origin more,
 * within a limit. */
struct via_claim *via_claim_enter(struct stream *stream, const struct via_claimant *claimant);
void via_claim_leave(struct via_claim *claim); /* NULL is allowed */

/* What a pull of this stream says: the chain through this server, as text, signed where the vhost
 * has a secret. For another worker, which is this server, without a mark of its own. */
void via_claim_write(const struct stream *stream, const struct config_vhost *vhost, int is_worker,
                     char out[VIA_CHAIN_TEXT_MAX]);

/* The same for an encoder that is passed on: its own claim counts for nobody else. */
void via_claim_pass(const struct stream *stream, const struct via_claimant *claimant,
                    char out[VIA_CHAIN_TEXT_MAX]);

/* Whether a pull of the stream should ask anew now, as one that was put off. */
int via_claim_is_due(struct stream *stream, usec_t now);

#endif
