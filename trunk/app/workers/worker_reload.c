/*
 * A worker's side of a reload. What it has prepared stays until the master's next order; there is
 * one order at a time, and the master sends the next one only when every worker has answered, or is
 * gone.
 */
#include "app/workers/worker_reload.h"

#include "app/workers/worker_ports.h"
#include "app/workers/worker_private.h"
#include "base/str.h"
#include "co/net_pass.h"
#include "co/notify_signal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- steps ---- */

static int join(struct server *server, const struct reload_ops *ops)
{
    struct worker *worker = worker_of(server);

    if (worker == NULL)
        return 0;
    worker->reload_ops = ops;
    /* Orders from before this process are not for it: it began with their result. */
    worker->reload_order = worker->share->reload->order;
    return 1;
}

/* Sockets that an earlier worker in this place was sent bear an older number. */
static struct err *take_ports(const struct worker *worker, uint32_t order)
{
    const struct worker_reload *reload = worker->share->reload;
    int channel = worker->share->port_socket[worker->slot][0];
    struct err *err = NULL;

    for (int i = 0; i < reload->port_count && err == NULL; i++) {
        uint8_t what = 0;
        int fd = -1;

        if (str_starts(reload->port[i], "unix:") && worker->server->rank != 0)
            continue;
        while (net_pass_take_fd(channel, &fd, &what) && what != (uint8_t)order) {
            close(fd);
            fd = -1;
        }
        if (fd < 0)
            return err_new(ERR_CLOSED, "listen on %s: no socket from the master", reload->port[i]);
        err = worker_ports_adopt(worker->share->ports, worker->server->rank, reload->port[i],
                                 reload->port_type[i], fd);
    }
    return err;
}

static struct err *prepare(struct worker *worker, uint32_t order)
{
    const struct worker_reload *reload = worker->share->reload;
    struct config_source *source;
    struct config *config = NULL;
    struct err *err = take_ports(worker, order);
    size_t used;

    if (err == NULL) {
        source = config_source_read(reload->source, reload->source_len, &used);
        err = source != NULL ? config_load_source(source, &config)
                             : err_new(ERR_NOMEM, "no memory for the configuration");
    }
    if (err == NULL)
        err = worker->reload_ops->prepare(worker->server, config, &worker->reload_plan);
    /* Those that this configuration did not ask for. */
    if (worker->share->ports != NULL)
        worker_ports_abandon(worker->share->ports);
    return err;
}

static void answer(const struct worker *worker, uint32_t order, const struct err *err)
{
    struct worker_reload_answer *out = &worker->share->reload->answer[worker->slot];

    out->code = err != NULL ? (int)err_code(err) : 0;
    (void)str_copy(out->why, sizeof(out->why), err != NULL ? err_text(err) : "");
    out->order = order;
    notify_signal_send(worker->share->wake);
}

void worker_reload_leave(struct worker *worker)
{
    if (worker->reload_plan != NULL)
        worker->reload_ops->abandon(worker->server, worker->reload_plan);
    worker->reload_plan = NULL;
}

void worker_reload_look(struct worker *worker)
{
    const struct worker_reload *reload = worker->share->reload;
    struct err *err = NULL;
    uint32_t order;
    void *plan;

    /* A reload is for the newest generation. */
    if (reload == NULL || worker->reload_ops == NULL ||
        worker->share->slot[worker->slot].is_retired)
        return;
    order = reload->order;
    if (order == worker->reload_order)
        return;
    worker->reload_order = order;
    plan = worker->reload_plan;
    switch ((enum worker_reload_step)reload->step) {
    case WORKER_RELOAD_PREPARE:
        worker_reload_leave(worker);
        err = prepare(worker, order);
        break;
    case WORKER_RELOAD_COMMIT:
        worker->reload_plan = NULL;
        if (plan != NULL)
            worker->reload_ops->commit(worker->server, plan);
        else
            err = err_new(ERR_CLOSED, "no configuration was prepared");
        break;
    case WORKER_RELOAD_ABANDON:
    case WORKER_RELOAD_NONE:
        worker_reload_leave(worker);
        break;
    }
    answer(worker, order, err);
    err_free(err);
}

/* ---- asking for one ---- */

static void last(const struct server *server, struct reload_report *out)
{
    const struct worker_reload *reload = worker_of(server)->share->reload;

    /* A report that changes meanwhile is read again; it is complete when it says so. */
    for (int i = 0; i < 3; i++) {
        uint32_t started = reload->started;

        *out = reload->report;
        out->text[sizeof(out->text) - 1] = '\0';
        if (started == reload->started)
            return;
    }
}

static void request(struct server *server)
{
    const struct worker *worker = worker_of(server);

    worker->share->reload->asked++;
    notify_signal_send(worker->share->wake);
}

static struct err *ask(struct server *server, usec_t timeout)
{
    struct worker *worker = worker_of(server);
    const struct worker_reload *reload = worker->share->reload;
    /* One that has begun may have read an older file. */
    uint32_t wanted = reload->started + 1;
    usec_t deadline = co_deadline(timeout);

    request(server);
    while ((int32_t)(reload->ended - wanted) < 0) {
        if (co_left(deadline) == 0)
            return err_new(ERR_TIMEOUT, "the reload did not finish in time");
        if (co_cond_wait(&worker->changed, co_left(deadline)) == CO_INTERRUPTED)
            return err_new(ERR_INTERRUPTED, "interrupted");
    }
    if (reload->report.state != RELOAD_FAILED)
        return NULL;
    return err_new(reload->report.code, "%s", reload->report.text);
}

const struct reload_route worker_reload_route = {
    .join = join, .request = request, .ask = ask, .last = last};
