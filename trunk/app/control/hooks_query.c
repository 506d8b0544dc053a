/*
 * A client that waits for the answer of callback servers. The calls run in a coroutine of their
 * own: a client that is interrupted meanwhile (the server stops, a kick) leaves, and if the answer
 * is a yes then, its end is reported at once. So each yes has its end.
 */
#include "app/control/hooks_call.h"
#include "app/control/hooks_private.h"
#include "app/core/log_limit.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Clients of one vhost that wait; max_calls is a vhost's. */
struct hooks_vhost {
    struct hooks_vhost *next;
    int64_t waiting;
    char name[];
};

struct hooks_query {
    struct hooks_query *prev, *next; /* of those that run */
    struct co *co;
    struct hooks *hooks;
    struct config *config; /* held */
    const struct config_vhost *vhost;
    struct hooks_vhost *counted;
    enum config_hook hook;
    uint32_t record;
    char *body;
    struct hooks_answer answer;
    struct co_cond done;
    uint8_t is_done;
    uint8_t is_left; /* the client does not wait any more */
};

/* ---- max_calls ---- */

/* The counter of a vhost; NULL without memory. */
static struct hooks_vhost *vhost_get(struct hooks *hooks, const char *name)
{
    struct hooks_vhost *vhost = hooks->vhosts;
    size_t size = strlen(name) + 1;

    while (vhost != NULL && strcmp(vhost->name, name) != 0)
        vhost = vhost->next;
    if (vhost != NULL)
        return vhost;
    vhost = calloc(1, sizeof(*vhost) + size);
    if (vhost == NULL)
        return NULL;
    memcpy(vhost->name, name, size);
    vhost->next = hooks->vhosts;
    hooks->vhosts = vhost;
    return vhost;
}

static void vhost_leave(struct hooks *hooks, struct hooks_vhost *vhost)
{
    struct hooks_vhost **at = &hooks->vhosts;

    if (--vhost->waiting > 0)
        return;
    while (*at != vhost)
        at = &(*at)->next;
    *at = vhost->next;
    free(vhost);
}

/* Of this worker: each has an equal part. */
static int64_t calls_max(const struct hooks *hooks, const struct config_vhost *vhost)
{
    int workers = hooks->server->workers;

    return (vhost->http_hooks.max_calls + workers - 1) / workers;
}

/* ---- one query ---- */

static void query_free(struct hooks_query *query)
{
    config_unref(query->config);
    co_cond_fini(&query->done);
    free(query->body);
    free(query);
}

static __attribute__((noinline)) void log_failure(const struct hooks_query *query, const char *url,
                                                  const struct err *err)
{
    char shown[HOOKS_URL_SHOWN_MAX];

    hooks_event_show_url(url, shown);
    log_peer_err(query->hooks->server, LOG_WARN, "callback failed", "", err,
                 "%s to %s failed, client refused: %s", hooks_event_name(query->hook), shown,
                 err_text(err));
}

static MAY_YIELD void query_call(struct hooks_query *query, const char *url)
{
    const struct config_http_hooks *config = &query->vhost->http_hooks;
    struct hooks_call call = {.url = url,
                              .body = query->body,
                              .secret = config->secret.count > 0 ? config->secret.item[0] : NULL,
                              .ca = config->ca};
    usec_t began_at = clock_now();
    int status;
    struct err *err = hooks_call_run(query->hooks->server, query->hooks->pool, &call, &status,
                                     &query->answer, config->timeout);

    hooks_stat_count(query->hooks, query->hook, err != NULL || status >= 500, began_at);
    if (err != NULL)
        log_failure(query, url, err);
    if (err == NULL && query->answer.decision == HOOKS_NO)
        hooks_stat_refusal(query->hooks, query->hook);
    err_free(err);
}

/* The client has left: what it was granted ends at once. */
static void query_end(struct hooks_query *query)
{
    struct hooks *hooks = query->hooks;

    if (query->record == 0)
        return;
    if (query->answer.decision == HOOKS_YES) {
        hooks_ledger_open(hooks->ledger, query->record, clock_now());
        hooks_notify_end(hooks, query->record, 0, 0);
    } else {
        hooks_ledger_remove(hooks->ledger, query->record);
    }
}

static void query_enter_list(struct hooks_query *query)
{
    query->next = query->hooks->queries;
    if (query->next != NULL)
        query->next->prev = query;
    query->hooks->queries = query;
}

static void query_leave_list(struct hooks_query *query)
{
    if (query->prev != NULL)
        query->prev->next = query->next;
    else
        query->hooks->queries = query->next;
    if (query->next != NULL)
        query->next->prev = query->prev;
}

static MAY_YIELD void query_run(void *arg)
{
    struct hooks_query *query = arg;
    struct hooks *hooks = query->hooks;
    const struct config_strings *urls = hooks_event_urls(query->vhost, query->hook);

    query->answer.decision = HOOKS_YES;
    for (int i = 0; i < urls->count && query->answer.decision == HOOKS_YES; i++)
        query_call(query, urls->item[i]);
    vhost_leave(hooks, query->counted);
    query_leave_list(query);
    query->is_done = 1;
    if (query->is_left) {
        query_end(query);
        query_free(query);
    } else {
        co_cond_signal(&query->done);
    }
    hooks->waiting--;
    hooks->coroutines--;
    co_cond_broadcast(&hooks->changed);
}

/* NULL without memory. */
static struct hooks_query *query_new(struct hooks *hooks, const struct config_vhost *vhost,
                                     const struct hooks_event *event, uint32_t record)
{
    struct hooks_query *query = calloc(1, sizeof(*query));
    struct err *err = query != NULL ? co_cond_init(&query->done) : NULL;

    if (query == NULL || err != NULL) {
        err_free(err);
        free(query);
        return NULL;
    }
    query->hooks = hooks;
    query->config = config_ref(hooks->server->config);
    query->vhost = vhost;
    query->hook = event->hook;
    query->record = record;
    query->body = hooks_event_body(event);
    query->counted = vhost_get(hooks, vhost->name);
    if (query->counted == NULL) {
        query_free(query);
        return NULL;
    }
    query->counted->waiting++;
    query->co = query->body != NULL ? co_spawn(query_run, query) : NULL;
    if (query->co == NULL) {
        vhost_leave(hooks, query->counted);
        query_free(query);
        return NULL;
    }
    query_enter_list(query);
    hooks->waiting++;
    hooks->coroutines++;
    return query;
}

/* Waits for the end of the calls. -1: interrupted before; the query then frees itself. */
static int query_wait(struct hooks_query *query, usec_t timeout)
{
    while (!query->is_done) {
        if (co_cond_wait(&query->done, timeout) != CO_INTERRUPTED || query->is_done)
            continue;
        query->is_left = 1;
        return -1;
    }
    return 0;
}

static int is_full(struct hooks *hooks, const struct config_vhost *vhost)
{
    const struct hooks_vhost *counted = hooks->vhosts;

    while (counted != NULL && strcmp(counted->name, vhost->name) != 0)
        counted = counted->next;
    return counted != NULL && counted->waiting >= calls_max(hooks, vhost);
}

static void forget(struct hooks *hooks, uint32_t record)
{
    if (record != 0)
        hooks_ledger_remove(hooks->ledger, record);
}

int hooks_query(struct hooks *hooks, const struct config_vhost *vhost,
                const struct hooks_event *event, uint32_t record, struct hooks_answer *out,
                usec_t timeout)
{
    struct hooks_query *query;

    if (is_full(hooks, vhost)) {
        hooks_stat_drop(hooks, event->hook);
        forget(hooks, record);
        hooks_answer_none("service unavailable: http_hooks max_calls", out);
        return 503;
    }
    query = query_new(hooks, vhost, event, record);
    if (query == NULL) {
        forget(hooks, record);
        hooks_answer_none("service unavailable: memory", out);
        return 503;
    }
    if (query_wait(query, timeout) != 0) {
        hooks_answer_none("server is stopping", out);
        return 503;
    }
    *out = query->answer;
    if (out->decision == HOOKS_YES && record != 0)
        hooks_ledger_open(hooks->ledger, record, clock_now());
    else if (out->decision != HOOKS_YES)
        forget(hooks, record);
    query_free(query);
    return 0;
}

void hooks_query_abort(struct hooks *hooks)
{
    for (struct hooks_query *query = hooks->queries; query != NULL; query = query->next)
        co_interrupt(query->co);
}
