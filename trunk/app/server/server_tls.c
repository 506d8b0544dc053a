/*
 * The server's TLS identities, one for each listener type that has TLS, even if their certificates
 * are usually the same. No certificate is shipped: a missing one is the likeliest error of a new
 * installation, so its message says what to do.
 */
#include "app/server/server_tls.h"

#include "app/core/keeper.h"
#include "app/core/log_limit.h"
#include "app/server/service_private.h"
#include "co/tls.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct err *server_tls_missing(const char *file)
{
    return err_new(ERR_CONFIG,
                   "no such file: %s; conf/make-certificate.sh makes a certificate for tests, "
                   "as does: openssl genrsa -out server.key 2048 && openssl req -new -x509 "
                   "-key server.key -out server.crt -days 3650 -subj "
                   "\"/C=CN/ST=Beijing/L=Beijing/O=Me/OU=Me/CN=ossrs.net\"",
                   file);
}

static struct err *server_tls_make(struct server *server, const struct tls_options *options,
                                   struct tls **out)
{
    /* In a folder that this process may not enter it may exist: the keeper opens it. */
    if (access(options->key, F_OK) != 0 && errno != EACCES)
        return server_tls_missing(options->key);
    if (access(options->cert, F_OK) != 0 && errno != EACCES)
        return server_tls_missing(options->cert);
    return tls_server_new(options, server->log, out);
}

/* Whether this type of listener needs a certificate; then *options says which. */
static int server_tls_wants(const struct server *server, const struct config *config, int type,
                            struct tls_options *options)
{
    const struct listener_type *row = server->tables->listeners[type];

    if (row->tls == NULL || row->addresses(config) == NULL)
        return 0;
    *options =
        (struct tls_options){.ktls = config->ktls,
                             .secret = server->shared != NULL ? server->shared->tls_secret : NULL,
                             .secret_arg = server->shared_arg,
                             .opener = {keeper_open_secret, server->keeper}};
    row->tls->identity(config, options);
    return 1;
}

struct err *server_tls_prepare(struct server *server, const struct config *config,
                               struct server_tls_plan *plan)
{
    const struct listener_type *const *types = server->tables->listeners;
    struct tls_options options;

    memset(plan, 0, sizeof(*plan));
    for (int i = 0; types[i] != NULL; i++) {
        struct err *err;

        if (!server_tls_wants(server, config, i, &options))
            continue;
        err = server_tls_make(server, &options, &plan->made[i]);
        if (err != NULL) {
            server_tls_abandon(plan);
            return err_wrap(err, "%s", types[i]->tls->block);
        }
    }
    return NULL;
}

void server_tls_abandon(struct server_tls_plan *plan)
{
    for (int i = 0; i < LISTENER_TYPES_MAX; i++) {
        tls_free(plan->made[i]);
        plan->made[i] = NULL;
    }
}

static int server_tls_offers_same(const struct tls_options *old, const struct tls_options *new)
{
    return strcmp(old->alpn != NULL ? old->alpn : "", new->alpn != NULL ? new->alpn : "") == 0;
}

/* Whether the type had the same certificate files and settings before. */
static int server_tls_is_same(const struct server *server, const struct config *before, int type)
{
    struct tls_options old, new;

    return server_tls_wants(server, before, type, &old) &&
           server_tls_wants(server, server->config, type, &new) &&
           old.ktls == new.ktls &&server_tls_offers_same(&old, &new) &&
           strcmp(old.cert, new.cert) == 0 && strcmp(old.key, new.key) == 0;
}

void server_tls_commit(struct server *server, const struct config *before,
                       struct server_tls_plan *plan)
{
    struct tls **tls = server->service->tls;

    for (int i = 0; server->tables->listeners[i] != NULL; i++) {
        /* A type that is off keeps its own: connections may not have begun their handshake. */
        if (plan->made[i] == NULL)
            continue;
        if (tls[i] != NULL && server_tls_is_same(server, before, i)) {
            /* Session tickets stay valid. */
            (void)tls_reload(tls[i]);
            continue;
        }
        tls_free(tls[i]);
        tls[i] = plan->made[i];
        plan->made[i] = NULL;
    }
    server_tls_abandon(plan);
}

struct err *server_tls_open(struct server *server)
{
    struct server_tls_plan plan;
    struct err *err = server_tls_prepare(server, server->config, &plan);

    if (err == NULL)
        memcpy(server->service->tls, plan.made, sizeof(plan.made));
    return err;
}

void server_tls_close(struct server *server)
{
    for (int i = 0; i < LISTENER_TYPES_MAX; i++) {
        tls_free(server->service->tls[i]);
        server->service->tls[i] = NULL;
    }
}

/* Answers a client that speaks the protocol without TLS, unencrypted. Its input is read first:
 * closing a socket with unread input resets the connection before the answer arrives. */
static void server_tls_explain(struct server *server, const struct listener_type *type,
                               struct net_conn *conn)
{
    struct buf answer;
    char scratch[4096];

    buf_init(&answer, LISTENER_REFUSAL_MAX);
    if (type->protocol->refusal(server, type->flags, 400, type->tls->plain_reason, &answer) == 0) {
        struct iovec iov = {buf_data(&answer), answer.len};

        (void)net_try_read(conn, scratch, sizeof(scratch));
        (void)net_try_writev(conn, &iov, 1);
    }
    buf_fini(&answer);
}

int server_tls_accept(struct server *server, int listener, struct net_conn *conn, usec_t timeout)
{
    const struct listener_type *type = server->tables->listeners[listener];
    struct err *err;

    if (type->tls == NULL)
        return 0;
    err = tls_accept(server->service->tls[listener], conn, timeout);
    if (err == NULL)
        return 0;
    /* Port scanners cause many of these. */
    log_peer_err(server, err_code(err) == ERR_LIMIT ? LOG_WARN : LOG_INFO, "TLS handshake failed",
                 conn->ip, err, "%s: %s", conn->ip, err_text(err));
    if (type->tls->plain_reason != NULL && err_code(err) == ERR_PROTO &&
        strstr(err_text(err), "http request"))
        server_tls_explain(server, type, conn);
    err_free(err);
    return -1;
}
