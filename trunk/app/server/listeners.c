/*
 * Listeners. Each has an accept loop of its own. A listener is known by its address as written in
 * the configuration, so a reload keeps those that stay, together with their queues of connections;
 * one whose type changes (http to https at the same port) is kept, too.
 *
 * An address may contain another: the kernel refuses "127.0.0.1:8080" while "8080" is open. If the
 * one in the way is to be closed, it is made shareable first, and both are open for a moment.
 */
#include "app/server/listeners.h"

#include "app/core/endpoint.h"
#include "app/core/privileges.h"
#include "app/server/server_tls.h"
#include "app/server/service_private.h"
#include "base/str.h"
#include "co/net.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct listener {
    struct server *server;
    struct net_listener *net;
    struct co *co; /* NULL: does not accept yet */
    int type;      /* its place in the list of listener types */
    char endpoint[];
};

struct listeners_plan {
    struct server *server;
    struct endpoints all;
    int stays[SERVICE_LISTENERS_MAX]; /* of the open ones: the type it will have; -1: it is closed
                                       */
    struct listener *opened[SERVICE_LISTENERS_MAX];
    int opened_count;
};

/* ---- one listener ---- */

static MAY_YIELD void listener_run(void *arg)
{
    struct listener *listener = arg;
    struct server *server = listener->server;

    while (server->state != SERVER_STOPPING) { /* a drain still accepts connections at first */
        struct net_conn *conn = NULL;
        struct err *err = net_accept(listener->net, &conn, server->log, USEC_NEVER);

        if (err != NULL) {
            if (!err_is_quiet(err))
                log_err(server->log, LOG_ERROR, err, "accept on %s: %s",
                        net_listener_name(listener->net), err_text(err));
            err_free(err);
            break;
        }
        connection_begin(server, conn, listener->type);
    }
}

/* Hands the connection to a worker that has fewer. */
static int listener_give(void *arg, int fd)
{
    const struct listener *listener = arg;

    return listener->server->shared->hand_over(listener->server->shared_arg, listener->type, fd);
}

/* Takes net over, also on error. */
static struct err *listener_wrap(struct server *server, const struct endpoint *endpoint,
                                 struct net_listener *net, struct listener **out)
{
    size_t size = strlen(endpoint->text) + 1;
    struct listener *listener = calloc(1, sizeof(*listener) + size);

    *out = listener;
    if (listener == NULL) {
        net_listener_close(net);
        return err_new(ERR_NOMEM, "listen on %s", endpoint->text);
    }
    listener->server = server;
    listener->net = net;
    listener->type = endpoint->type;
    memcpy(listener->endpoint, endpoint->text, size);
    return NULL;
}

/* Of a socket that listens already, which is taken over, also on error. */
static struct err *listener_make(struct server *server, const struct endpoint *endpoint, int fd,
                                 struct listener **out)
{
    struct net_listener *net;
    struct err *err = net_listen_fd(fd, &net);

    *out = NULL;
    return err != NULL ? err : listener_wrap(server, endpoint, net, out);
}

/* is_shared: beside another listener with this port. */
static struct err *listener_new(struct server *server, const struct endpoint *endpoint,
                                int is_shared, struct listener **out)
{
    struct net_listener *net;
    struct err *err;
    int fd = -1;

    *out = NULL;
    if (server->shared != NULL)
        fd = server->shared->port(server->shared_arg, endpoint->text, endpoint->type);
    if (fd >= 0)
        return listener_make(server, endpoint, fd, out);
    err = is_shared || server->shared != NULL ? net_listen_shared(endpoint->text, &net)
                                              : net_listen(endpoint->text, &net);
    return err != NULL ? err : listener_wrap(server, endpoint, net, out);
}

/* The player page shows the first of the listeners that most clients reach. */
static void note_rtmp(struct server *server, const struct net_listener *listener)
{
    int rank = endpoint_rank(net_listener_name(listener));

    if (rank <= server->service->rtmp_port_rank)
        return;
    server->service->rtmp_port_rank = rank;
    server->rtmp_port = net_listener_port(listener);
}

static int is_internal(const struct listener *listener)
{
    return listener->server->tables->listeners[listener->type]->is_internal;
}

/* Connections that it accepts from now on. */
static void listener_tune(const struct listener *listener)
{
    const struct server *server = listener->server;
    const char *name = server->config->tcp_congestion;

    if (net_congestion_set(listener->net, name) != 0)
        log_warn(server->log, "tcp_congestion %s: cannot be set on %s: %s", name,
                 net_listener_name(listener->net), strerror(errno));
    if (net_congestion_retransmit(listener->net, server->config->tcp_retransmit_max) != 0)
        log_warn(server->log, "tcp_retransmit_max: cannot be set on %s: %s",
                 net_listener_name(listener->net), strerror(errno));
    if (net_congestion_pace(listener->net, server->config->tcp_pacing) != 0)
        log_warn(server->log, "tcp_pacing: cannot be set on %s: %s",
                 net_listener_name(listener->net), strerror(errno));
}

/* Begins to accept; takes the listener over, also on error. */
static struct err *listener_start(struct listener *listener)
{
    struct server *server = listener->server;
    const struct listener_type *row = server->tables->listeners[listener->type];
    struct service *service = server->service;
    int has_room = service->listener_count < SERVICE_LISTENERS_MAX;

    if (server->shared != NULL && !row->is_internal)
        net_listener_set_give(listener->net, listener_give, listener);
    listener->co = has_room ? co_spawn_joinable(listener_run, listener) : NULL;
    if (listener->co == NULL) {
        struct err *err = has_room
                              ? err_new(ERR_NOMEM, "listen on %s", listener->endpoint)
                              : err_new(ERR_LIMIT, "more than %d listeners", SERVICE_LISTENERS_MAX);

        net_listener_close(listener->net);
        free(listener);
        return err;
    }
    service->listener[service->listener_count++] = listener;
    listener_tune(listener);
    if (row->is_player_port)
        note_rtmp(server, listener->net);
    log_info(server->log, "%s listens on %s", row->name, net_listener_name(listener->net));
    return NULL;
}

static MAY_YIELD void listener_close(struct listener *listener)
{
    co_interrupt(listener->co);
    co_join(listener->co);
    /* The master keeps these open as well, for the worker that replaces this one. */
    if (listener->server->shared != NULL)
        net_listener_shut(listener->net);
    net_listener_close(listener->net);
    free(listener);
}

/* ---- the start and the end ---- */

int listeners_types(const struct tables *tables)
{
    int count = 0;

    while (tables->listeners[count] != NULL)
        count++;
    return count;
}

static MAY_YIELD void take_handed_over(struct server *server, struct net_conn *conn, int type)
{
    if (type >= 0 && type < listeners_types(server->tables) &&
        !server->tables->listeners[type]->is_internal)
        connection_begin(server, conn, type);
    else
        net_free(conn);
}

/* Listens for the other workers. */
static struct err *open_for_workers(struct server *server)
{
    struct listener *listener;
    struct err *err = NULL;
    char endpoint[160];

    if (server->shared == NULL)
        return NULL;
    server_shared_take_with(server, take_handed_over);
    if (server->shared->endpoint(server->shared_arg, endpoint, sizeof(endpoint)) != 0)
        return err_new(ERR_LIMIT, "workers: path of the socket folder too long");
    for (int i = 0; i < listeners_types(server->tables) && err == NULL; i++) {
        if (!server->tables->listeners[i]->is_internal)
            continue;
        err = listener_new(server, &(struct endpoint){endpoint, i}, 0, &listener);
        if (err == NULL)
            err = listener_start(listener);
    }
    /* To connect to a UNIX socket, a process needs the right to write to its file. */
    if (err == NULL && server->privileges != NULL)
        privileges_give(server->privileges, endpoint + strlen("unix:"));
    return err;
}

static void note_api(const struct server *server)
{
    const struct config_http_api *api = &server->config->http_api;

    if (api->enabled && !api->open && !api->auth.enabled)
        log_info(server->log, "HTTP API is open to this machine only; http_api { auth { … } } or "
                              "http_api { open on; } opens it to others");
}

/* After an upgrade to fewer workers, a worker serves the queues of several sockets of an address.
 */
static struct err *open_more(struct server *server, const struct endpoints *all)
{
    struct err *err = NULL;

    for (int i = 0; server->shared != NULL && i < all->count && err == NULL; i++) {
        struct listener *listener;
        int fd;

        while (err == NULL && (fd = server->shared->port(server->shared_arg, all->item[i].text,
                                                         all->item[i].type)) >= 0) {
            err = listener_make(server, &all->item[i], fd, &listener);
            if (err == NULL)
                err = listener_start(listener);
        }
    }
    return err;
}

struct err *listeners_open(struct server *server)
{
    struct listeners_plan *plan = NULL;
    struct err *err = open_for_workers(server);

    if (err == NULL)
        err = server_tls_open(server);
    note_api(server);
    if (err == NULL)
        err = listeners_prepare(server, server->config, &plan);
    for (int i = 0; err == NULL && i < plan->opened_count; i++) {
        err = listener_start(plan->opened[i]);
        plan->opened[i] = NULL;
    }
    if (err == NULL)
        err = open_more(server, &plan->all);
    listeners_abandon(plan);
    return err;
}

void listeners_close(struct server *server)
{
    struct service *service = server->service;

    while (service->listener_count > 0) {
        struct listener *listener = service->listener[--service->listener_count];

        listener_close(listener);
    }
    server->is_closed = 1;
}

void listeners_leave(struct server *server)
{
    struct service *service = server->service;
    struct listener *leaving[SERVICE_LISTENERS_MAX];
    int count = 0, kept = 0;

    for (int i = 0; i < service->listener_count; i++) {
        struct listener *listener = service->listener[i];

        if (is_internal(listener))
            service->listener[kept++] = listener;
        else
            leaving[count++] = listener;
    }
    service->listener_count = kept;
    for (int i = 0; i < count; i++) {
        co_interrupt(leaving[i]->co);
        co_join(leaving[i]->co);
        net_listener_leave(leaving[i]->net);
        net_listener_close(leaving[i]->net);
        free(leaving[i]);
    }
}

/* ---- a reload ---- */

/* Finds the open listeners that stay. A worker may have several sockets of one address. */
static void find_stays(struct listeners_plan *plan, uint8_t *is_open)
{
    const struct service *service = plan->server->service;

    for (int i = 0; i < service->listener_count; i++) {
        const struct listener *listener = service->listener[i];

        plan->stays[i] = is_internal(listener) ? listener->type : -1;
        for (int j = 0; j < plan->all.count && plan->stays[i] < 0; j++) {
            if (strcmp(plan->all.item[j].text, listener->endpoint) != 0)
                continue;
            plan->stays[i] = plan->all.item[j].type;
            is_open[j] = 1;
        }
    }
}

/* Workers share their ports, so the kernel would let one worker listen on the same port twice. */
static int is_twice(const struct listeners_plan *plan, const struct listener *listener)
{
    const struct service *service = plan->server->service;
    const char *name = net_listener_name(listener->net);

    if (plan->server->shared == NULL)
        return 0;
    for (int i = 0; i < service->listener_count; i++)
        if (plan->stays[i] >= 0 && strcmp(net_listener_name(service->listener[i]->net), name) == 0)
            return 1;
    for (int i = 0; i < plan->opened_count; i++)
        if (strcmp(net_listener_name(plan->opened[i]->net), name) == 0)
            return 1;
    return 0;
}

/* Opens an address that an open listener with the same port is in the way of, which is to be
 * closed. */
static struct err *open_beside(const struct listeners_plan *plan, const struct endpoint *endpoint,
                               struct listener **out, struct err *err)
{
    const struct service *service = plan->server->service;
    const char *colon = strrchr(endpoint->text, ':');
    const char *port = colon != NULL ? colon + 1 : endpoint->text;
    char text[8];
    int count = 0;

    for (int i = 0; i < service->listener_count; i++) {
        (void)str_format(text, sizeof(text), "%d", net_listener_port(service->listener[i]->net));
        if (plan->stays[i] < 0 && strcmp(text, port) == 0)
            count += net_listener_share(service->listener[i]->net) == 0;
    }
    if (count == 0)
        return err;
    err_free(err);
    return listener_new(plan->server, endpoint, 1, out);
}

static struct err *plan_open(struct listeners_plan *plan, const struct endpoint *endpoint)
{
    struct listener **place = &plan->opened[plan->opened_count];
    struct server *server = plan->server;
    struct err *err = NULL;

    /* A UNIX socket cannot be shared: only the first process has it. */
    if (server->rank != 0 && str_starts(endpoint->text, "unix:"))
        return NULL;
    if (plan->opened_count == SERVICE_LISTENERS_MAX)
        return err_new(ERR_LIMIT, "more than %d listeners", SERVICE_LISTENERS_MAX);
    err = listener_new(server, endpoint, 0, place);
    if (err != NULL && err_code(err) == ERR_BUSY && server->shared == NULL)
        err = open_beside(plan, endpoint, place, err);
    if (err == NULL && *place != NULL && is_twice(plan, *place)) {
        net_listener_close((*place)->net);
        free(*place);
        err = err_new(ERR_BUSY, "listen on %s: address in use, by this server", endpoint->text);
    }
    if (err != NULL)
        return err_wrap(err, "%s", server->tables->listeners[endpoint->type]->name);
    plan->opened_count++;
    return NULL;
}

struct err *listeners_prepare(struct server *server, const struct config *config,
                              struct listeners_plan **out)
{
    struct listeners_plan *plan = calloc(1, sizeof(*plan));
    uint8_t is_open[ENDPOINTS_MAX] = {0};
    struct err *err = NULL;

    *out = NULL;
    if (plan == NULL)
        return err_new(ERR_NOMEM, "listeners");
    plan->server = server;
    endpoints_list(server->tables->listeners, config, net_has_ipv6(), &plan->all);
    find_stays(plan, is_open);
    for (int i = 0; i < plan->all.count && err == NULL; i++)
        if (!is_open[i])
            err = plan_open(plan, &plan->all.item[i]);
    if (err != NULL) {
        listeners_abandon(plan);
        return err;
    }
    *out = plan;
    return NULL;
}

void listeners_abandon(struct listeners_plan *plan)
{
    if (plan == NULL)
        return;
    for (int i = 0; i < plan->opened_count; i++) {
        if (plan->opened[i] == NULL)
            continue;
        net_listener_close(plan->opened[i]->net);
        free(plan->opened[i]);
    }
    free(plan);
}

/* Takes the listeners that do not stay out of the list, and returns their number. */
static int take_leaving(struct service *service, const struct listeners_plan *plan,
                        struct listener **leaving)
{
    int count = 0, kept = 0;

    for (int i = 0; i < service->listener_count; i++) {
        struct listener *listener = service->listener[i];

        if (plan->stays[i] < 0) {
            leaving[count++] = listener;
            continue;
        }
        listener->type = plan->stays[i];
        service->listener[kept++] = listener;
    }
    service->listener_count = kept;
    return count;
}

void listeners_commit(struct server *server, struct listeners_plan *plan)
{
    struct listener *leaving[SERVICE_LISTENERS_MAX];
    struct service *service = server->service;
    int count = take_leaving(service, plan, leaving);

    service->rtmp_port_rank = 0;
    server->rtmp_port = 0;
    for (int i = 0; i < service->listener_count; i++)
        listener_tune(service->listener[i]);
    for (int i = 0; i < service->listener_count; i++)
        if (server->tables->listeners[service->listener[i]->type]->is_player_port)
            note_rtmp(server, service->listener[i]->net);
    for (int i = 0; i < plan->opened_count; i++) {
        struct err *err = listener_start(plan->opened[i]);

        plan->opened[i] = NULL;
        if (err != NULL)
            log_err(server->log, LOG_ERROR, err, "%s", err_text(err));
        err_free(err);
    }
    listeners_abandon(plan);
    for (int i = 0; i < count; i++) {
        log_info(server->log, "%s no longer listens on %s",
                 server->tables->listeners[leaving[i]->type]->name,
                 net_listener_name(leaving[i]->net));
        listener_close(leaving[i]);
    }
}
