/*
 * Spreads connections over the workers. The kernel chooses the worker that accepts a connection, by
 * a hash. That worker compares the loads, and hands the connection to the worker with the fewest if
 * it has too many itself. So the loads stay even whatever the hash does, and a replaced worker soon
 * has its share.
 */
#include "app/workers/worker.h"
#include "app/workers/worker_private.h"
#include "app/workers/worker_spread.h"
#include "co/net_pass.h"

int worker_handoff_give(void *arg, int type, int fd)
{
    const struct worker *worker = arg;
    int to;

    /* The others of its generation may end now. */
    if (worker->share->slot[worker->slot].is_retired)
        return 0;
    to = worker_spread_lighter(worker->share, worker->slot);
    if (to < 0 || net_pass_give(worker->share->handoff_socket[to][1], fd, (uint8_t)type) != 0)
        return 0;
    worker_spread_handed(worker->share, to);
    return 1;
}

static MAY_YIELD void handoff_run(void *arg)
{
    struct worker *worker = arg;
    struct server *server = worker->server;
    struct err *err = NULL;

    co_set_id("handoff");
    while (err == NULL) {
        struct net_conn *conn;
        uint8_t type;

        err = net_pass_take(worker->handoff_socket, &conn, &type, server->log);
        if (err != NULL)
            break;
        worker_spread_taken(worker->share, worker->slot);
        if (conn != NULL && worker->take != NULL)
            worker->take(server, conn, type);
        else
            net_free(conn);
        co_fair();
    }
    if (err_code(err) != ERR_INTERRUPTED)
        log_err(server->log, LOG_ERROR, err, "cannot accept connections from other workers: %s",
                err_text(err));
    err_free(err);
}

struct err *worker_handoff_open(struct worker *worker)
{
    struct err *err =
        net_wrap_fd(worker->share->handoff_socket[worker->slot][0], &worker->handoff_socket);

    /* The wrapper owns it, also on error. */
    worker->share->handoff_socket[worker->slot][0] = -1;
    if (err != NULL)
        return err;
    worker->handoff_acceptor = co_spawn_joinable(handoff_run, worker);
    return worker->handoff_acceptor != NULL ? NULL : err_new(ERR_NOMEM, "worker: coroutine");
}

void worker_handoff_close(struct worker *worker)
{
    if (worker->handoff_acceptor != NULL) {
        co_interrupt(worker->handoff_acceptor);
        co_join(worker->handoff_acceptor);
    }
    net_free(worker->handoff_socket);
    worker->handoff_acceptor = NULL;
    worker->handoff_socket = NULL;
}
