/*
 * A listening socket and its queue of connections live as long as any process has the socket open.
 * So a worker's death loses no connection, on any kernel and without privileges. The kernel's own
 * way, moving the queue to another socket of the group, needs net.ipv4.tcp_migrate_req or a BPF
 * program, and both need root.
 *
 * A worker that ends by itself calls shutdown(2) on its sockets, which ends them in the master as
 * well: clients are refused, or spread over the other workers, as if the last descriptor were
 * closed.
 */
#include "app/workers/worker_ports.h"

#include "app/core/endpoint.h"
#include "app/workers/upgrade_state.h"
#include "app/workers/worker_spread.h"
#include "base/str.h"
#include "co/net.h"
#include "co/net_pass.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The maximum of connections handed over in one look; the kernel limits the queues. */
#define RESCUE_MAX 1024

/* The socket of index i is that of the worker with rank i, modulo the number of workers: after an
 * upgrade there may be more sockets than workers, because the queue of each must be served. */
struct worker_port {
    char *endpoint;
    int type;       /* its index in the list of listener types */
    int is_added;   /* by a reload that is not over */
    int is_removed; /* by an upgrade that is not over */
    int count;      /* of sockets; a UNIX socket is the first worker's */
    int fd[CONFIG_WORKERS_MAX];
};

struct worker_ports {
    int workers;
    int count;
    struct worker_port item[2 * ENDPOINTS_MAX]; /* before and after a reload */
};

static void port_close(struct worker_port *port, int i)
{
    if (port->fd[i] >= 0)
        close(port->fd[i]);
    port->fd[i] = -1;
}

static void port_free(struct worker_port *port)
{
    for (int i = 0; i < port->count; i++)
        port_close(port, i);
    free(port->endpoint);
}

static struct err *port_new(struct worker_ports *ports, const char *endpoint, int type,
                            struct worker_port **out)
{
    struct worker_port *port = &ports->item[ports->count];

    assert(ports->count < 2 * ENDPOINTS_MAX);
    for (int i = 0; i < CONFIG_WORKERS_MAX; i++)
        port->fd[i] = -1;
    port->type = type;
    port->is_added = port->is_removed = 0;
    port->count = str_starts(endpoint, "unix:") ? 1 : ports->workers;
    port->endpoint = strdup(endpoint);
    if (port->endpoint == NULL)
        return err_new(ERR_NOMEM, "listen on %s", endpoint);
    ports->count++;
    *out = port;
    return NULL;
}

static struct err *port_open(struct worker_ports *ports, const struct endpoint *endpoint,
                             int is_added)
{
    struct worker_port *port;
    struct err *err = port_new(ports, endpoint->text, endpoint->type, &port);

    if (err != NULL)
        return err;
    port->is_added = is_added;
    for (int i = 0; i < port->count && err == NULL; i++)
        err = net_listen_raw(port->endpoint, &port->fd[i]);
    return err;
}

struct err *worker_ports_new(struct worker_ports **out, const struct listener_type *const *types,
                             const struct config *config, int workers)
{
    struct worker_ports *ports = calloc(1, sizeof(*ports));
    struct endpoints all;
    struct err *err = NULL;

    assert(workers > 0 && workers <= CONFIG_WORKERS_MAX);
    *out = NULL;
    if (ports == NULL)
        return err_new(ERR_NOMEM, "listeners");
    ports->workers = workers;
    endpoints_list(types, config, net_has_ipv6(), &all);
    for (int i = 0; i < all.count && err == NULL; i++) {
        err = port_open(ports, &all.item[i], 0);
        if (err != NULL)
            err = err_wrap(err, "%s", types[all.item[i].type]->name);
    }
    if (err != NULL) {
        worker_ports_free(ports);
        return err;
    }
    *out = ports;
    return NULL;
}

void worker_ports_free(struct worker_ports *ports)
{
    if (ports == NULL)
        return;
    for (int i = 0; i < ports->count; i++)
        port_free(&ports->item[i]);
    free(ports);
}

static int is_of(const struct worker_ports *ports, int i, int rank)
{
    return i % ports->workers == rank;
}

void worker_ports_keep(struct worker_ports *ports, int rank)
{
    for (int i = 0; ports != NULL && i < ports->count; i++)
        for (int at = 0; at < ports->item[i].count; at++)
            if (!is_of(ports, at, rank) || ports->item[i].is_removed)
                port_close(&ports->item[i], at);
}

int worker_ports_take(struct worker_ports *ports, int rank, const char *endpoint, int type)
{
    for (int i = 0; ports != NULL && i < ports->count; i++) {
        struct worker_port *port = &ports->item[i];

        if (port->type != type || strcmp(port->endpoint, endpoint) != 0)
            continue;
        for (int at = rank; at < port->count; at += ports->workers) {
            int fd = port->fd[at];

            port->fd[at] = -1;
            if (fd >= 0)
                return fd;
        }
    }
    return -1;
}

void worker_ports_renew(struct worker_ports *ports, int rank, const struct log *log)
{
    for (int i = 0; ports != NULL && i < ports->count; i++)
        for (int at = rank; at < ports->item[i].count; at += ports->workers) {
            struct worker_port *port = &ports->item[i];
            struct err *err;

            if (port->is_removed || (port->fd[at] >= 0 && net_is_listening(port->fd[at])))
                continue;
            port_close(port, at);
            err = net_listen_raw(port->endpoint, &port->fd[at]);
            if (err != NULL)
                log_err(log, LOG_ERROR, err, "worker %d: %s", rank + 1, err_text(err));
            err_free(err);
        }
}

/* Hands connections of one socket to other workers; returns how many. */
static int rescue_one(struct worker_share *share, int slot, const struct worker_port *port, int fd)
{
    int handed = 0;
    int to;

    while (fd >= 0 && handed < RESCUE_MAX && (to = worker_spread_lightest(share, slot)) >= 0 &&
           net_pass_accept(fd, share->handoff_socket[to][1], (uint8_t)port->type) == 1) {
        worker_spread_handed(share, to);
        handed++;
    }
    return handed;
}

int worker_ports_rescue(struct worker_share *share, int slot)
{
    struct worker_ports *ports = share->ports;
    int handed = 0;

    for (int i = 0; ports != NULL && i < ports->count; i++) {
        const struct worker_port *port = &ports->item[i];

        for (int at = share->slot[slot].rank; at < port->count; at += ports->workers)
            handed += rescue_one(share, slot, port, port->fd[at]);
    }
    return handed;
}

/* ---- an upgrade ---- */

void worker_ports_save(const struct worker_ports *ports, struct upgrade_state *state)
{
    state->port_count = 0;
    for (int i = 0; i < ports->count; i++) {
        const struct worker_port *port = &ports->item[i];
        struct upgrade_port *out = &state->port[state->port_count];

        if (str_copy(out->endpoint, sizeof(out->endpoint), port->endpoint) != 0)
            continue;
        out->count = port->count;
        for (int at = 0; at < port->count; at++)
            out->fd[at] = port->fd[at];
        state->port_count++;
    }
}

static int find_endpoint(const struct endpoints *all, const char *text)
{
    int at = 0;

    while (at < all->count && strcmp(all->item[at].text, text) != 0)
        at++;
    return at < all->count ? at : -1;
}

/* Takes a port over; one that a smaller generation had gets more sockets. */
static struct err *port_resume(struct worker_ports *ports, const struct upgrade_port *from,
                               const struct endpoints *all)
{
    int at = find_endpoint(all, from->endpoint);
    struct worker_port *port;
    struct err *err = port_new(ports, from->endpoint, at >= 0 ? all->item[at].type : 0, &port);
    int is_unix = str_starts(from->endpoint, "unix:");

    if (err != NULL)
        return err;
    port->is_removed = at < 0;
    port->count = from->count;
    for (int i = 0; i < from->count; i++)
        port->fd[i] = from->fd[i];
    while (err == NULL && !is_unix && !port->is_removed && port->count < ports->workers)
        err = net_listen_raw(port->endpoint, &port->fd[port->count++]);
    return err;
}

/* Closes what was opened here. */
static void ports_undo(struct worker_ports *ports, const struct upgrade_state *state)
{
    for (int i = 0; i < ports->count && i < state->port_count; i++)
        for (int at = 0; at < state->port[i].count; at++)
            ports->item[i].fd[at] = -1;
    worker_ports_free(ports);
}

struct err *worker_ports_resume(struct worker_ports **out, const struct upgrade_state *state,
                                const struct listener_type *const *types,
                                const struct config *config, int workers)
{
    struct worker_ports *ports = calloc(1, sizeof(*ports));
    struct endpoints all;
    struct err *err = NULL;

    *out = NULL;
    if (ports == NULL)
        return err_new(ERR_NOMEM, "listeners");
    ports->workers = workers;
    endpoints_list(types, config, net_has_ipv6(), &all);
    for (int i = 0; i < state->port_count && err == NULL; i++)
        err = port_resume(ports, &state->port[i], &all);
    if (err == NULL)
        err = worker_ports_add(ports, types, config);
    if (err != NULL) {
        ports_undo(ports, state);
        return err;
    }
    *out = ports;
    return NULL;
}

struct err *worker_ports_try(const struct upgrade_state *state,
                             const struct listener_type *const *types, const struct config *config)
{
    struct worker_ports *ports;
    struct err *err = worker_ports_resume(&ports, state, types, config, 1);

    if (err == NULL)
        ports_undo(ports, state);
    return err;
}

/* ---- a reload ---- */

static struct worker_port *port_find(struct worker_ports *ports, const char *endpoint)
{
    for (int i = 0; i < ports->count; i++)
        if (strcmp(ports->item[i].endpoint, endpoint) == 0)
            return &ports->item[i];
    return NULL;
}

static const char *port_text(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');

    return colon != NULL ? colon + 1 : endpoint;
}

/* Whether another server has the address. Sockets of our own with this port hide that. */
static struct err *port_check(const struct worker_ports *ports, const char *endpoint)
{
    for (int i = 0; i < ports->count; i++)
        if (strcmp(port_text(ports->item[i].endpoint), port_text(endpoint)) == 0)
            return NULL;
    return net_listen_check(endpoint);
}

struct err *worker_ports_add(struct worker_ports *ports, const struct listener_type *const *types,
                             const struct config *config)
{
    struct endpoints all;
    struct err *err = NULL;

    endpoints_list(types, config, net_has_ipv6(), &all);
    for (int i = 0; i < all.count && err == NULL; i++) {
        const char *text = all.item[i].text;

        if (port_find(ports, text) != NULL)
            continue;
        err = port_check(ports, text);
        if (err == NULL)
            err = port_open(ports, &all.item[i], 1);
        if (err != NULL)
            err = err_wrap(err, "%s", types[all.item[i].type]->name);
    }
    if (err != NULL)
        worker_ports_abandon(ports);
    return err;
}

void worker_ports_abandon(struct worker_ports *ports)
{
    int kept = 0;

    for (int i = 0; i < ports->count; i++) {
        if (ports->item[i].is_added)
            port_free(&ports->item[i]);
        else
            ports->item[kept++] = ports->item[i];
    }
    ports->count = kept;
}

void worker_ports_commit(struct worker_ports *ports, const struct listener_type *const *types,
                         const struct config *config)
{
    struct endpoints all;
    int kept = 0;

    endpoints_list(types, config, net_has_ipv6(), &all);
    for (int i = 0; i < ports->count; i++) {
        struct worker_port port = ports->item[i];
        int at = 0;

        while (at < all.count && strcmp(all.item[at].text, port.endpoint) != 0)
            at++;
        if (at == all.count) {
            port_free(&port);
            continue;
        }
        port.type = all.item[at].type;
        port.is_added = 0;
        ports->item[kept++] = port;
    }
    ports->count = kept;
}

const char *worker_ports_added(const struct worker_ports *ports, int i, int rank, int *type,
                               int *fd)
{
    for (int at = 0; ports != NULL && at < ports->count; at++) {
        const struct worker_port *port = &ports->item[at];

        if (!port->is_added || i-- > 0)
            continue;
        *type = port->type;
        *fd = rank < port->count ? port->fd[rank] : -1;
        return port->endpoint;
    }
    return NULL;
}

struct err *worker_ports_adopt(struct worker_ports *ports, int rank, const char *endpoint, int type,
                               int fd)
{
    struct worker_port *port;
    struct err *err = ports != NULL && ports->count < 2 * ENDPOINTS_MAX
                          ? port_new(ports, endpoint, type, &port)
                          : err_new(ERR_LIMIT, "listen on %s: too many", endpoint);

    if (err != NULL) {
        close(fd);
        return err;
    }
    port->count = ports->workers;
    port->fd[rank] = fd;
    port->is_added = 1;
    return NULL;
}
