/*
 * The chain's place for security rules, signed addresses and hooks. It knows
 * none of them: it asks a policy, so that each can be written and tested alone.
 *
 * The link itself sees a request before anybody knows what it means; that a stream
 * is asked for, and which, turns out behind it. So the question about streams is a
 * function that those who find one call, and no spelling of an address leads around it.
 */
#include "app/auth.h"

#include "app/access.h"
#include "app/http_ws.h"
#include "app/log_limit.h"
#include "app/server.h"

#include <assert.h>
#include <stdlib.h>

struct auth_handler {
    struct http_handler handler; /* first: cast back */
    const struct auth_policy *policy;
};

static int allow_all(void *arg, const struct http_exchange *x, struct buf *headers,
                     const char **reason, usec_t timeout)
{
    (void)arg;
    (void)x;
    (void)headers;
    (void)reason;
    (void)timeout;
    return 0;
}

const struct auth_policy auth_policy_all = {allow_all, NULL};

static struct err *auth_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    const struct auth_policy *policy = ((struct auth_handler *)self)->policy;
    const char *reason = "refused";
    struct err *err = NULL;
    struct buf headers;
    int status;

    buf_init(&headers, HTTP_EXTRA_MAX);
    status = policy->check(policy->arg, x, &headers, &reason, timeout);
    if (status != 0) {
        /* buf's text gets its terminator; without memory the refusal goes out without the lines. */
        const char *lines = NULL;

        if (headers.len > 0 && buf_append(&headers, "", 1) == 0)
            lines = (const char *)buf_data(&headers);
        err = http_ws_refuse(x, status, lines, timeout, reason);
    }
    buf_fini(&headers);
    return status != 0 ? err : http_next(self, x, timeout);
}

/* Browsers send no Referer with WebSocket, but an Origin. */
static const char *page_of(const struct http_message *request)
{
    const char *page = http_message_header(request, "Referer");

    return page != NULL && page[0] != '\0' ? page : http_message_header(request, "Origin");
}

struct err *auth_ask_play(struct http_exchange *x, const struct auth_stream *stream,
                          int *is_refused, usec_t timeout)
{
    struct access_request request = {.action = ACCESS_PLAY,
                                     .vhost = stream->vhost,
                                     .app = stream->app,
                                     .stream = stream->name,
                                     .query = x->request->query,
                                     .ip = x->conn->ip,
                                     .page = page_of(x->request)};
    const char *reason = "refused";
    int status = access_check_now(&request, &reason);

    *is_refused = status != 0;
    if (status == 0)
        return NULL;
    log_peer(x->server, LOG_INFO, "play refused", x->conn->ip,
             "refused play %s/%s/%s from %s: %d %s", stream->vhost->name, stream->app, stream->name,
             x->conn->ip, status, reason);
    /* A scheme of our own: browsers would ask for a password on Basic. */
    return http_ws_refuse(x, status,
                          status == 401 ? "WWW-Authenticate: Signed realm=\"stream\"\r\n" : NULL,
                          timeout, reason);
}

struct http_handler *auth_new(const struct auth_policy *policy, struct http_handler *next)
{
    struct auth_handler *auth = calloc(1, sizeof(*auth));

    assert(policy != NULL && next != NULL);
    if (auth == NULL)
        return NULL;
    auth->handler.serve = auth_serve;
    auth->handler.next = next;
    auth->policy = policy;
    return &auth->handler;
}

void auth_free(struct http_handler *auth)
{
    free(auth);
}
