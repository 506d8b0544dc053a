/*
 * The chain's place for rules on requests. It knows none of them: it asks a policy, so that each
 * policy can be written and tested alone.
 *
 * This link sees a request before it is known which stream, if any, the request is for; later links
 * find out. So permission to play is a function that each handler of streams calls with the stream
 * that it found: no spelling of an address can avoid it.
 */
#include "app/http/auth.h"

#include "app/core/server.h"
#include "app/http/http_facts.h"
#include "app/http/http_verdict.h"
#include "app/http/http_ws.h"
#include "app/stream/gate.h"

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
        /* Terminate the text; without memory the refusal is sent without the lines. */
        const char *lines = NULL;

        if (headers.len > 0 && buf_append(&headers, "", 1) == 0)
            lines = (const char *)buf_data(&headers);
        err = http_ws_refuse(x, status, lines, reason, timeout);
    }
    buf_fini(&headers);
    return status != 0 ? err : http_next(self, x, timeout);
}

/* The question to the gates; *facts is what the client says about itself. */
static void auth_request(const struct http_exchange *x, const struct auth_stream *stream,
                         const struct session_facts *facts, struct gate_request *out)
{
    *out = (struct gate_request){.server = x->server,
                                 .action = ACCESS_PLAY,
                                 .protocol = GATE_HTTP,
                                 .vhost = stream->vhost,
                                 .app = stream->app,
                                 .stream = stream->name,
                                 .param = x->request->query,
                                 .ip = x->conn->ip,
                                 .page = http_facts_page(x->request),
                                 .facts = facts,
                                 .is_tls = x->is_tls,
                                 .via = http_message_header(x->request, HTTP_VIA_HEADER),
                                 .source = stream->source,
                                 .is_last = stream->permits != NULL,
                                 .type = stream->type,
                                 .permits = stream->permits,
                                 .bytes_in = x->conn->bytes_in,
                                 .bytes_out = x->conn->bytes_out};
}

int auth_may_play(struct http_exchange *x, const struct auth_stream *stream, usec_t timeout)
{
    struct auth_stream named = *stream;
    struct session_facts facts;
    struct gate_request request;
    struct gate_verdict *verdict = malloc(sizeof(*verdict));
    char *block = NULL;
    int may = 0;

    assert(stream->source != NULL && stream->permits == NULL);
    if (verdict != NULL && http_facts(x, stream->app, &facts, &block) == 0) {
        named.source = NULL;
        auth_request(x, &named, &facts, &request);
        may = gates_ask(&request, verdict, timeout) == 0;
        auth_request(x, stream, &facts, &request);
        may = may && gates_ask(&request, verdict, timeout) == 0;
    }
    free(verdict);
    free(block);
    return may;
}

enum http_step auth_ask_play(struct http_exchange *x, struct auth_stream *stream, usec_t timeout)
{
    struct session_facts facts;
    struct gate_request request;
    struct gate_verdict *verdict;
    enum http_step step = HTTP_STEP_NEXT;
    char *block;

    /* Each gate is asked once in a request. */
    if (stream->source == NULL && x->is_granted)
        return HTTP_STEP_NEXT;
    verdict = malloc(sizeof(*verdict));
    if (http_facts(x, stream->app, &facts, &block) != 0 || verdict == NULL) {
        free(verdict);
        free(block);
        return http_step_answered(x, err_new(ERR_NOMEM, "no memory for a play request"));
    }
    auth_request(x, stream, &facts, &request);
    if (gates_ask(&request, verdict, timeout) != 0)
        step = http_step_answered(x, http_verdict_answer(x, &request, verdict, timeout));
    x->is_granted = step == HTTP_STEP_NEXT;
    if (stream->permits == NULL)
        stream->is_original = verdict->is_original;
    free(verdict);
    free(block);
    return step;
}

struct http_handler *auth_new_open(struct http_handler *next)
{
    return auth_new(&auth_policy_all, next);
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
