#ifndef APP_CONTROL_HOOKS_CALL_H
#define APP_CONTROL_HOOKS_CALL_H

/* One call of a callback server: POST of a body, and its answer. */
#include "app/control/hooks_answer.h"
#include "app/control/hooks_pool.h"
#include "app/core/server.h"

/* "sha256=" and this many hexadecimal digits. */
#define HOOKS_SIGNATURE_SIZE 65

struct hooks_call {
    const char *url;
    const char *body;
    const char *secret; /* signs the body; NULL: not signed */
    const char *ca;     /* "": the system's */
};

/* HMAC-SHA256 of the body in hexadecimal; "" on failure. */
void hooks_call_sign(const char *secret, const char *body, char out[HOOKS_SIGNATURE_SIZE]);

/*
 * Calls within the timeout, on a kept connection if there is one. *status is the answer's status;
 * redirections are not followed. An error: there is no complete answer, or it is too long; *out is
 * then a refusal whose message says so, without any address.
 */
struct err *hooks_call_run(struct server *server, struct hooks_pool *pool,
                           const struct hooks_call *call, int *status, struct hooks_answer *out,
                           usec_t timeout);

#endif
