/*
 * The gate that asks callback servers, after everything else that could refuse the client: so
 * nothing is asked for a stream that is busy, and a yes is followed by a start. What is granted is
 * a permit, whose end is reported: once for each yes, however the session ends.
 */
#include "app/control/api_json.h"
#include "app/control/hooks.h"
#include "app/control/hooks_answer.h"
#include "app/control/hooks_private.h"
#include "app/stream/gate.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct hooks_permit {
    struct permit permit; /* first: cast back */
    struct hooks *hooks;
    uint32_t record;
    uint64_t bytes_in, bytes_out; /* when it was granted */
};

/* What a client asks for: a query, and the event that reports its end. */
struct start {
    struct hooks *hooks;
    const struct config_vhost *vhost;
    const struct gate_request *request;
    enum config_hook query, stop;
    struct permit **permits;
    uint64_t bytes_in, bytes_out;
};

static void permit_end(struct permit *permit, uint64_t bytes_in, uint64_t bytes_out)
{
    struct hooks_permit *own = (struct hooks_permit *)permit;

    hooks_notify_end(own->hooks, own->record,
                     bytes_in > own->bytes_in ? bytes_in - own->bytes_in : 0,
                     bytes_out > own->bytes_out ? bytes_out - own->bytes_out : 0);
    free(own);
}

/* Whether the list has a permit of this gate already. */
static int has_permit(const struct permit *permit)
{
    while (permit != NULL && permit->end != permit_end)
        permit = permit->next;
    return permit != NULL;
}

static struct hooks_client client_of(const struct gate_request *request)
{
    const struct session_facts *facts = request->facts;

    return (struct hooks_client){.id = co_id(),
                                 .ip = request->ip,
                                 .vhost = request->vhost->name,
                                 .app = request->app,
                                 .stream = request->stream,
                                 .tc_url = request->protocol == GATE_RTMP ? facts->tc_url : "",
                                 .page_url = facts->page_url,
                                 .param = facts->param,
                                 .type = request->type};
}

static int verdict_of(const struct gate_request *request, const struct hooks_answer *answer,
                      struct gate_verdict *verdict)
{
    if (answer->decision == HOOKS_YES)
        return 0;
    if (answer->decision == HOOKS_NO)
        return gate_refuse(verdict, 403, "%s", answer->message);
    if (request->action != ACCESS_PLAY)
        return gate_refuse(verdict, 403, "the callback server answered 302");
    (void)str_copy(verdict->location, sizeof(verdict->location), answer->location);
    return gate_refuse(verdict, 302, "redirected by the callback server");
}

/* Asks the query's URLs, if there are any. 0, or the verdict's status. record: 0, or the one that
 * is kept after a yes and removed else. */
static __attribute__((noinline)) int start_ask(const struct start *start,
                                               const struct hooks_client *client, uint32_t record,
                                               struct gate_verdict *verdict, usec_t timeout)
{
    const struct server *server = start->hooks->server;
    struct hooks_event event = {.hook = start->query,
                                .server_id = server->server_id,
                                .service_id = server->service_id,
                                .client = *client};
    struct hooks_answer *answer;
    char stream_id[API_ID_SIZE];
    char key[SOURCE_KEY_MAX];
    int status;

    if (hooks_event_urls(start->vhost, start->query) == NULL) {
        if (record != 0)
            hooks_ledger_open(start->hooks->ledger, record, clock_now());
        return 0;
    }
    answer = malloc(sizeof(*answer));
    if (answer == NULL) {
        if (record != 0)
            hooks_ledger_remove(start->hooks->ledger, record);
        return gate_refuse(verdict, 503, "service unavailable: memory");
    }
    (void)str_format(key, sizeof(key), "%s/%s/%s", client->vhost, client->app, client->stream);
    api_json_id(server, key, stream_id);
    event.stream_id = stream_id;
    status = hooks_query(start->hooks, start->vhost, &event, record, answer, timeout);
    if (status != 0)
        (void)gate_refuse(verdict, status, "%s", answer->message);
    else
        status = verdict_of(start->request, answer, verdict);
    free(answer);
    return status;
}

/* Records the start, asks, and adds a permit. 0, or the verdict's status. */
static int start_run(const struct start *start, struct gate_verdict *verdict, usec_t timeout)
{
    struct hooks_record record = {
        .state = HOOKS_ASKED, .stop = start->stop, .began_at = clock_now()};
    struct hooks_permit *permit;
    int status;

    if (hooks_event_urls(start->vhost, start->query) == NULL &&
        hooks_event_urls(start->vhost, start->stop) == NULL)
        return 0;
    record.client = client_of(start->request);
    if (has_permit(*start->permits))
        return start_ask(start, &record.client, 0, verdict, timeout);
    permit = calloc(1, sizeof(*permit));
    if (permit == NULL)
        return gate_refuse(verdict, 503, "service unavailable: memory");
    permit->permit.end = permit_end;
    permit->hooks = start->hooks;
    permit->bytes_in = start->bytes_in;
    permit->bytes_out = start->bytes_out;
    permit->record = hooks_ledger_add(start->hooks->ledger, &record);
    if (permit->record == 0) {
        free(permit);
        return gate_refuse(verdict, 503, "service unavailable: http_hooks");
    }
    status = start_ask(start, &record.client, permit->record, verdict, timeout);
    if (status != 0) {
        free(permit);
        return status;
    }
    permit->permit.next = *start->permits;
    *start->permits = &permit->permit;
    return 0;
}

static int hooks_gate_ask(const struct gate_request *request, struct gate_verdict *verdict,
                          usec_t timeout)
{
    struct config *config = config_ref(request->server->config);
    int is_publish = request->action == ACCESS_PUBLISH;
    struct start start = {.hooks = hooks_of(request->server),
                          .vhost = hooks_event_vhost(config, request->vhost->name),
                          .request = request,
                          .query = CONFIG_ON_CONNECT,
                          .stop = CONFIG_ON_CLOSE,
                          .permits = request->conn_permits};
    int status = 0;

    /* A reload has removed the vhost of a client that was connected before. */
    if (start.vhost == NULL && request->vhost->http_hooks.enabled)
        status = gate_refuse(verdict, 403, "the vhost is not configured any more");
    if (start.vhost != NULL && start.vhost->http_hooks.enabled && start.hooks != NULL) {
        if (start.permits != NULL)
            status = start_run(&start, verdict, timeout);
        start.query = is_publish ? CONFIG_ON_PUBLISH : CONFIG_ON_PLAY;
        start.stop = is_publish ? CONFIG_ON_UNPUBLISH : CONFIG_ON_STOP;
        start.permits = request->permits;
        start.bytes_in = request->bytes_in;
        start.bytes_out = request->bytes_out;
        if (status == 0)
            status = start_run(&start, verdict, timeout);
    }
    config_unref(config);
    return status;
}

static int hooks_gate_is_used(const struct server *server, const struct config_vhost *vhost)
{
    const struct config_vhost *now = hooks_event_vhost(server->config, vhost->name);

    return now != NULL ? now->http_hooks.enabled : vhost->http_hooks.enabled;
}

static int hooks_gate_describe(const struct config_vhost *vhost, enum access_action action,
                               struct buf *out)
{
    enum config_hook query = action == ACCESS_PUBLISH ? CONFIG_ON_PUBLISH : CONFIG_ON_PLAY;

    if (hooks_event_urls(vhost, query) == NULL &&
        hooks_event_urls(vhost, CONFIG_ON_CONNECT) == NULL)
        return 0;
    return buf_printf(out, "clients that the callback servers allow");
}

const struct gate hooks_gate = {.name = "hooks",
                                .stage = GATE_LAST,
                                .is_used = hooks_gate_is_used,
                                .ask = hooks_gate_ask,
                                .describe = hooks_gate_describe};
