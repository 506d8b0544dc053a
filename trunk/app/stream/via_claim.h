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

/* ERR_DENIED, with a reason for the other side as its text, if serving a request with this claim
 * would make a loop; ERR_PROTO if the claim is malformed. The result affects the claimant only. */
struct err *via_claim_check(struct server *server, const struct stream *stream,
                            const struct via_claimant *claimant);

/* Keeps the claim until via_claim_leave(); the caller holds the source until then. NULL if it is
 * malformed or out of memory. If the claim adds marks, a waiting pull asks its origin again, within
 * a limit. */
struct via_claim *via_claim_enter(struct stream *stream, const struct via_claimant *claimant);
void via_claim_leave(struct via_claim *claim); /* NULL is allowed */

/* Writes the chain that a pull of this stream sends: the chain through this server, as text, signed
 * if the vhost has a secret. is_worker: for another worker of this server, without this server's
 * mark. */
void via_claim_write(const struct stream *stream, const struct config_vhost *vhost, int is_worker,
                     char out[VIA_CHAIN_TEXT_MAX]);

/* The same for a publish relay: contains only the chain of this encoder. */
void via_claim_pass(const struct stream *stream, const struct via_claimant *claimant,
                    char out[VIA_CHAIN_TEXT_MAX]);

/* Whether a pull of the stream should ask its origin again now, after the limit postponed that. */
int via_claim_is_due(struct stream *stream, usec_t now);

#endif
