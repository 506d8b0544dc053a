/*
 * What the server asks of its worker (struct server_shared in app/core/server.h): limits over all
 * workers, sockets, and connections that move. So the server does not know that there are workers.
 */
#include "app/workers/worker_ports.h"
#include "app/workers/worker_private.h"
#include "base/str.h"

/* ---- limits ---- */

static uint64_t shared_memory(void *arg, uint64_t used, int *workers)
{
    const struct worker *worker = arg;

    *workers = worker_share_processes(worker->share);
    return worker_share_memory(worker->share, worker->slot, used);
}

static void shared_evicted(void *arg, int process)
{
    const struct worker *worker = arg;

    worker_share_ring_one(worker->share, process);
}

static const char *shared_ip_enter(void *arg, const char *name, uint64_t limit)
{
    const struct worker *worker = arg;

    return worker_share_ip_enter(worker->share, worker->slot, name, limit);
}

static void shared_ip_leave(void *arg, const char *name)
{
    const struct worker *worker = arg;

    worker_share_ip_leave(worker->share, worker->slot, name);
}

static int shared_stream_enter(void *arg, const char *key)
{
    const struct worker *worker = arg;

    return worker_share_stream_enter(worker->share, worker->slot, key,
                                     (uint64_t)worker->server->config->max_streams);
}

static void shared_stream_leave(void *arg, const char *key)
{
    const struct worker *worker = arg;

    worker_share_stream_leave(worker->share, worker->slot, key);
}

/* ---- listeners ---- */

static int shared_port(void *arg, const char *endpoint, int type)
{
    const struct worker *worker = arg;

    return worker_ports_take(worker->share->ports, worker->server->rank, endpoint, type);
}

static int shared_endpoint(void *arg, char *out, size_t cap)
{
    const struct worker *worker = arg;
    char path[128];

    if (worker_share_path(worker->share, worker->slot, path, sizeof(path)) != 0)
        return -1;
    return str_format(out, cap, "unix:%s", path);
}

static void shared_take_with(void *arg, server_take_fn take)
{
    struct worker *worker = arg;

    worker->take = take;
}

static int shared_tls_secret(void *arg, uint8_t *out, usec_t *made_at)
{
    const struct worker *worker = arg;

    return worker_share_secret(worker->share, out, made_at);
}

const struct server_shared worker_shared = {.evicted = shared_evicted,
                                            .ip_limit_enter = shared_ip_enter,
                                            .ip_limit_leave = shared_ip_leave,
                                            .memory = shared_memory,
                                            .stream_enter = shared_stream_enter,
                                            .stream_leave = shared_stream_leave,
                                            .port = shared_port,
                                            .endpoint = shared_endpoint,
                                            .hand_over = worker_handoff_give,
                                            .take_with = shared_take_with,
                                            .tls_secret = shared_tls_secret};

int worker_socket_path(const struct worker *worker, int slot, char *out, size_t cap)
{
    if (slot < 0 || slot >= worker->share->count)
        return -1;
    return worker_share_path(worker->share, slot, out, cap);
}
