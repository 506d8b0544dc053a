/*
 * Most directives need no work here: new sessions read server->config, and sessions that exist keep
 * the snapshot they began with. This file applies the rest: listeners, certificates, the log,
 * limits, and what observers and streams derive from the configuration (app/stream/observer.h).
 *
 * Everything before commit() can fail and changes nothing. commit() cannot fail.
 */
#include "app/server/reload.h"

#include "app/config/config_diff.h"
#include "app/config/config_running.h"
#include "app/core/log_change.h"
#include "app/core/log_limit.h"
#include "app/core/sandbox.h"
#include "app/server/listeners.h"
#include "app/server/server_tls.h"
#include "app/server/service.h"
#include "app/server/service_private.h"
#include "app/stream/stream_reload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reload {
    struct server *server;
    struct reload_options options;
    const struct reload_route *route; /* NULL: this process reloads by itself */
    struct config *first;             /* at the start; held */
    int shown;                        /* the memory file of app/config/config_running.h; -1: none */
    int is_running;
    struct co_cond over;
    struct reload_report report;
};

/* What was opened for a configuration that is not applied yet. */
struct reload_plan {
    struct config *config; /* held */
    struct listeners_plan *listeners;
    struct server_tls_plan tls;
    struct log_change log;
};

/* ---- prepare ---- */

static void abandon(struct server *server, void *arg)
{
    struct reload_plan *plan = arg;

    (void)server;
    listeners_abandon(plan->listeners);
    server_tls_abandon(&plan->tls);
    log_change_abandon(&plan->log);
    config_unref(plan->config);
    free(plan);
}

/* Takes the configuration over. */
static struct err *prepare(struct server *server, struct config *config, void **out)
{
    struct reload_plan *plan = calloc(1, sizeof(*plan));
    struct err *err;

    *out = NULL;
    if (plan == NULL) {
        config_unref(config);
        return err_new(ERR_NOMEM, "reload");
    }
    plan->config = config;
    err = config_diff_keep(config, server->config);
    if (err == NULL)
        err = sandbox_check(server->sandbox, config);
    if (err == NULL)
        err = observers_check_config(server, config);
    if (err == NULL)
        err = server_tls_prepare(server, config, &plan->tls);
    if (err == NULL)
        err = listeners_prepare(server, config, &plan->listeners);
    if (err == NULL)
        err = log_change_prepare(&plan->log, server->config, config,
                                 server->service->reload->options.sink, server->shared != NULL);
    if (err != NULL) {
        abandon(server, plan);
        return err;
    }
    *out = plan;
    return NULL;
}

/* ---- commit ---- */

static void commit_limits(struct server *server)
{
    const struct config *config = server->config;

    memory_set_limit(&server->memory, (uint64_t)config->max_memory);
    hub_set_limits(server->hub, (size_t)config->max_streams,
                   (size_t)(config->max_streams + config->max_connections));
    log_limit_set_lines(server->log_limit, config->log_peer_lines);
    service_raise_descriptors(server->tables, config, server->log);
}

static MAY_YIELD void commit(struct server *server, void *arg)
{
    struct reload_plan *plan = arg;
    struct listeners_plan *listeners = plan->listeners;
    const struct reload_options *options = &server->service->reload->options;
    struct config *before = server->config;

    log_change_commit(&plan->log, plan->config, options->log, options->sink);
    server->config = config_ref(plan->config);
    commit_limits(server);
    server_tls_commit(server, before, &plan->tls);
    observers_on_config(server, before);
    stream_reload(server, before);
    config_unref(before);
    server_wake_ticker(server);
    plan->listeners = NULL;
    listeners_commit(server, listeners);
    abandon(server, plan);
}

static const struct reload_ops reload_ops = {prepare, commit, abandon};

/* ---- a process that reloads by itself ---- */

/* Reads the file again and applies it; the error is that of a reload that changed nothing. */
static MAY_YIELD struct err *run(struct reload *reload)
{
    struct server *server = reload->server;
    struct reload_report *report = &reload->report;
    struct config *config;
    struct err *err;
    void *plan;

    err = config_load(reload->options.options, reload->options.environment, &config);
    if (err != NULL)
        return err;
    config_warnings_log(config, server->log);
    reload_report_changes(report, server->config, config);
    err = prepare(server, config_ref(config), &plan);
    if (err == NULL) {
        reload_report_log(report, server->log);
        commit(server, plan);
        (void)config_running_show(&reload->shown, reload->first, config);
    }
    config_unref(config);
    return err;
}

/* One at a time: a second one waits, and reads the file after that. */
static struct err *run_alone(struct reload *reload, usec_t timeout)
{
    struct server *server = reload->server;
    usec_t deadline = co_deadline(timeout);
    struct err *err;

    while (reload->is_running && co_left(deadline) > 0)
        if (co_cond_wait(&reload->over, co_left(deadline)) == CO_INTERRUPTED)
            return err_new(ERR_INTERRUPTED, "interrupted");
    if (reload->is_running)
        return err_new(ERR_TIMEOUT, "another reload is still running");
    if (server->state != SERVER_RUNNING) {
        log_warn(server->log, "reload ignored: the server is stopping");
        return err_new(ERR_CLOSED, "server is stopping");
    }
    reload->is_running = 1;
    supervisor_reloading(reload->options.supervisor);
    reload_report_begin(&reload->report);
    err = run(reload);
    reload_report_end(&reload->report, server->log, err);
    supervisor_reloaded(reload->options.supervisor);
    reload->is_running = 0;
    co_cond_broadcast(&reload->over);
    return err;
}

/* ---- the door ---- */

static void door_last(const struct server *server, struct reload_report *out)
{
    const struct reload *reload = server->service->reload;

    if (reload->route != NULL)
        reload->route->last(server, out);
    else
        *out = reload->report;
}

static struct err *door_now(struct server *server, struct reload_report *out, usec_t timeout)
{
    struct reload *reload = server->service->reload;
    struct err *err =
        reload->route != NULL ? reload->route->ask(server, timeout) : run_alone(reload, timeout);

    if (out != NULL)
        door_last(server, out);
    return err;
}

const struct reload_door reload_door = {.now = door_now, .last = door_last};

void reload_request(struct server *server)
{
    struct reload *reload = server->service->reload;

    /* The process that reads the file logs the result; this one has nothing to wait for. */
    if (reload->route != NULL)
        reload->route->request(server);
    else
        err_free(run_alone(reload, USEC_NEVER));
}

/* ---- life ---- */

struct err *reload_open(struct server *server, const struct reload_options *options)
{
    const struct reload_route *route = server->tables->reload_route;
    struct reload *reload = calloc(1, sizeof(*reload));
    struct err *err;

    assert(server->service->reload == NULL);
    if (reload == NULL)
        return err_new(ERR_NOMEM, "reload");
    err = co_cond_init(&reload->over);
    if (err != NULL) {
        free(reload);
        return err;
    }
    reload->server = server;
    reload->options = *options;
    reload->first = config_ref(server->config);
    reload->shown = -1;
    server->service->reload = reload;
    if (route != NULL && route->join(server, &reload_ops))
        reload->route = route;
    else
        (void)config_running_show(&reload->shown, reload->first, reload->first);
    return NULL;
}

void reload_close(struct server *server)
{
    struct reload *reload = server->service->reload;

    if (reload == NULL)
        return;
    server->service->reload = NULL;
    if (reload->shown >= 0)
        close(reload->shown);
    config_unref(reload->first);
    co_cond_fini(&reload->over);
    free(reload);
}
