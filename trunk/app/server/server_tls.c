/*
 * The server's TLS identities, one for each listener type that has TLS, even if their certificates
 * are usually the same. No certificate is shipped: a missing one is the likeliest error of a new
 * installation, so its message says what to do.
 */
#include "app/server/server_tls.h"

#include "app/core/log_limit.h"
#include "app/server/service_private.h"
#include "app/workers/worker.h"
#include "co/tls.h"

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
    if (access(options->key, F_OK) != 0)
        return server_tls_missing(options->key);
    if (access(options->cert, F_OK) != 0)
        return server_tls_missing(options->cert);
    return tls_server_new(options, server->log, out);
}

struct err *server_tls_open(struct server *server)
{
    const struct listener_type *const *types = server->tables->listeners;
    struct tls_options options = {.ktls = server->config->ktls,
                                  .secret = worker_of(server) != NULL ? worker_tls_secret : NULL,
                                  .secret_arg = worker_of(server)};

    for (int i = 0; types[i] != NULL; i++) {
        struct err *err;

        if (types[i]->tls == NULL || types[i]->addresses(server->config) == NULL)
            continue;
        types[i]->tls->identity(server->config, &options);
        err = server_tls_make(server, &options, &server->service->tls[i]);
        if (err != NULL)
            return err_wrap(err, "%s", types[i]->tls->block);
    }
    return NULL;
}

void server_tls_close(struct server *server)
{
    for (int i = 0; i < LISTENER_TYPES_MAX; i++) {
        tls_free(server->service->tls[i]);
        server->service->tls[i] = NULL;
    }
}

void server_tls_reload(struct server *server)
{
    for (int i = 0; i < LISTENER_TYPES_MAX; i++)
        if (server->service->tls[i] != NULL)
            (void)tls_reload(server->service->tls[i]);
}

/* Tells a client that speaks the protocol without TLS, in the clear. What it sent is read first:
 * closing over unread bytes would reset the connection before the answer arrives. */
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
