/*
 * The server's TLS identities. HTTPS and RTMPS have each their own certificate
 * in the configuration, even if it is usually the same one. A certificate is not shipped: the one
 * error that a new installation is likely to make is to have none, so that error says what to do.
 */
#include "app/server/server_tls.h"

#include "app/core/log_limit.h"
#include "app/http/http_session.h"
#include "app/server/service_private.h"
#include "app/workers/worker.h"
#include "co/tls.h"

#include <string.h>
#include <unistd.h>

static struct err *server_tls_missing(const char *file)
{
    return err_new(ERR_CONFIG,
                   "there is no %s; conf/make-certificate.sh makes a certificate for trying things "
                   "out, as does: openssl genrsa -out server.key 2048 && openssl req -new -x509 "
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
    const struct config *config = server->config;
    const struct config_https *https = &config->http_server.https;
    struct tls_options options = {.ktls = config->ktls,
                                  .secret = worker_of(server) != NULL ? worker_tls_secret : NULL,
                                  .secret_arg = worker_of(server)};
    struct err *err;

    if (config->http_server.enabled && https->enabled) {
        options.cert = https->cert;
        options.key = https->key;
        options.alpn = "http/1.1";
        err = server_tls_make(server, &options, &server->service->https);
        if (err != NULL)
            return err_wrap(err, "http_server { https");
    }
    if (config->rtmps.enabled) {
        options.cert = config->rtmps.cert;
        options.key = config->rtmps.key;
        options.alpn = NULL;
        err = server_tls_make(server, &options, &server->service->rtmps);
        if (err != NULL)
            return err_wrap(err, "rtmps");
    }
    return NULL;
}

void server_tls_close(struct server *server)
{
    tls_free(server->service->https);
    tls_free(server->service->rtmps);
    server->service->https = server->service->rtmps = NULL;
}

void server_tls_reload(struct server *server)
{
    if (server->service->https != NULL)
        (void)tls_reload(server->service->https);
    if (server->service->rtmps != NULL)
        (void)tls_reload(server->service->rtmps);
}

/* Who says http:// to this port is told so, in the clear. What it sent is taken first: closing over
 * unread bytes would reset the answer away. */
static void server_tls_explain(struct server *server, struct net_conn *conn)
{
    struct buf answer;
    char scratch[4096];

    buf_init(&answer, HTTP_ANSWER_HEAD_MAX);
    if (http_session_refusal(server, 0, 400, "this port speaks https", &answer) == 0) {
        struct iovec iov = {buf_data(&answer), answer.len};

        (void)net_try_read(conn, scratch, sizeof(scratch));
        (void)net_try_writev(conn, &iov, 1);
    }
    buf_fini(&answer);
}

int server_tls_accept(struct server *server, struct tls *tls, struct net_conn *conn, usec_t timeout)
{
    struct err *err = tls_accept(tls, conn, timeout);

    if (err == NULL)
        return 0;
    /* Whoever scans for servers makes many of these. */
    log_peer(server, err_code(err) == ERR_LIMIT ? LOG_WARN : LOG_INFO, "TLS handshake failed",
             conn->ip, "%s: %s", conn->ip, err_text(err));
    if (tls == server->service->https && err_code(err) == ERR_PROTO &&
        strstr(err_text(err), "http request"))
        server_tls_explain(server, conn);
    err_free(err);
    return -1;
}
