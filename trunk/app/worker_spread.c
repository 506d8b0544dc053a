/*
 * How connections are spread over the workers. The kernel chooses whose listener hears of one, by
 * a hash; the worker that accepts it looks at what all of them have, and hands it to the one
 * with the fewest when it has too many itself. That holds however the hash falls, and a worker
 * that has taken the place of another soon has its share.
 */
#include "app/server_connection.h"
#include "app/worker.h"
#include "app/worker_private.h"
#include "co/net_pass.h"

int worker_hand_over(struct worker *worker, int kind, int fd)
{
    int to = worker_share_lighter(worker->share, worker->slot, worker->server->config);

    if (to < 0 || net_pass_give(worker->share->door[to][1], fd, (uint8_t)kind) != 0)
        return 0;
    worker_share_handed(worker->share, to);
    return 1;
}

static void door_run(void *arg)
{
    struct worker *worker = arg;
    struct server *server = worker->server;
    struct err *err = NULL;

    co_set_id("door");
    while (err == NULL) {
        struct net_conn *conn;
        uint8_t kind;

        err = net_pass_take(worker->door, &conn, &kind, server->log, USEC_NEVER);
        if (err != NULL)
            break;
        worker_share_taken(worker->share, worker->slot);
        if (conn != NULL && kind < SERVER_WORKER)
            server_connection_begin(server, conn, (enum server_kind)kind);
        else
            net_free(conn);
        co_fair();
    }
    if (err_code(err) != ERR_INTERRUPTED)
        log_error(server->log, "other workers' connections are no longer taken: %s", err_text(err));
    err_free(err);
}

struct err *worker_door_open(struct worker *worker)
{
    struct err *err = net_wrap_fd(worker->share->door[worker->slot][0], &worker->door);

    /* The wrapper owns it, also on error. */
    worker->share->door[worker->slot][0] = -1;
    if (err != NULL)
        return err;
    worker->porter = co_spawn_joinable(door_run, worker);
    return worker->porter != NULL ? NULL : err_new(ERR_NOMEM, "worker: coroutine");
}

void worker_leaves(struct worker *worker)
{
    if (worker != NULL)
        worker_share_leaves(worker->share, worker->slot);
}

void worker_door_close(struct worker *worker)
{
    if (worker == NULL)
        return;
    if (worker->porter != NULL) {
        co_interrupt(worker->porter);
        co_join(worker->porter, USEC_NEVER);
    }
    net_free(worker->door);
    worker->porter = NULL;
    worker->door = NULL;
}
