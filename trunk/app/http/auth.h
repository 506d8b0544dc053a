#ifndef APP_HTTP_AUTH_H
#define APP_HTTP_AUTH_H

/*
 * Permission for requests: this link of the chain asks a policy, which the caller supplies, and
 * answers 401 or 403 when the policy refuses.
 */
#include "app/config/config.h"
#include "app/http/http_exchange.h"

struct auth_policy {
    /*
     * 0 allows the request; 401, 403, or 429 refuses it, with *reason set to a constant text.
     * May yield (a hook). `headers` takes lines for the refusal, e.g. WWW-Authenticate.
     */
    int (*check)(void *arg, const struct http_exchange *x, struct buf *headers, const char **reason,
                 usec_t timeout);
    void *arg;
};

/* Allows everything. */
extern const struct auth_policy auth_policy_all;

/* The stream that a request is for, after mounts, vhosts, and all decoding. */
struct auth_stream {
    const struct config_vhost *vhost;
    const char *app;
    const char *name;
    struct source *source; /* NULL: not found yet */
    /* Set for the last check before the client gets the stream, else NULL: the list of what is
     * granted until the client leaves. */
    struct permit **permits;
    const char *type; /* with permits: "flv", "ts", "mp3", "aac", "ws" */
    int is_original;  /* result: a Millrace server; it gets the stream as published */
};

/*
 * Whether this request may play the stream (app/stream/gate.h). Every handler that serves a stream
 * asks before it answers anything else, and again after it has found the source. DONE: refused and
 * already answered, also for an upgrade request.
 */
enum http_step auth_ask_play(struct http_exchange *x, struct auth_stream *stream, usec_t timeout);

/*
 * The same question for a stream that the client may get later, without an answer to the client:
 * stream->source is set. 1 or 0. Not for the last check.
 */
int auth_may_play(struct http_exchange *x, const struct auth_stream *stream, usec_t timeout);

/* policy and next are borrowed. NULL if out of memory. */
struct http_handler *auth_new(const struct auth_policy *policy, struct http_handler *next);
/* The same with a policy that allows everything. */
struct http_handler *auth_new_open(struct http_handler *next);

#endif
