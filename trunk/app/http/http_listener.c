/*
 * The listener types of http_server: HTTP, and HTTPS. The API's own listener and the one for other
 * workers speak the same protocol; their rows are in app/control/http_api.c and
 * app/workers/worker_http.c.
 */
#include "app/http/http_listener.h"

#include "app/http/http2_session.h"
#include "app/http/http_session.h"

#include <stddef.h>

static usec_t http_first_timeout(const struct config *config)
{
    return config->http_header_timeout;
}

static MAY_YIELD void http_serve(struct server *server, struct net_conn *conn, int flags)
{
    if (http2_session_is_agreed(conn))
        http2_session_run(server, conn, flags);
    else
        http_session_run(server, conn, flags);
}

static MAY_YIELD void http_turn_away(struct server *server, struct net_conn *conn, int flags,
                                     int status)
{
    /* A close tells an HTTP/2 client the same: its requests were not processed. */
    if (!http2_session_is_agreed(conn))
        http_session_turn_away(server, conn, flags, status);
}

const struct listener_protocol http_listener_protocol = {.serve = http_serve,
                                                         .turn_away = http_turn_away,
                                                         .refusal = http_session_refusal,
                                                         .first_timeout = http_first_timeout,
                                                         .has_idle = 1};

/* ---- HTTP ---- */

static const struct config_strings *http_addresses(const struct config *config)
{
    return config->http_server.enabled ? &config->http_server.listen : NULL;
}

static int http_has_proxy_header(const struct config *config)
{
    return config->http_server.proxy_protocol;
}

const struct listener_type http_listener = {.name = "HTTP",
                                            .protocol = &http_listener_protocol,
                                            .addresses = http_addresses,
                                            .has_proxy_header = http_has_proxy_header,
                                            .quota = QUOTA_NEW};

/* ---- HTTPS ---- */

static const struct config_strings *https_addresses(const struct config *config)
{
    const struct config_http_server *http = &config->http_server;

    return http->enabled && http->https.enabled ? &http->https.listen : NULL;
}

static int https_has_proxy_header(const struct config *config)
{
    return config->http_server.https.proxy_protocol;
}

static void https_identity(const struct config *config, struct tls_options *options)
{
    options->cert = config->http_server.https.cert;
    options->key = config->http_server.https.key;
    options->alpn = config->http_server.https.http2 ? "h2,http/1.1" : "http/1.1";
}

static const struct listener_tls https_tls = {.block = "http_server { https",
                                              .identity = https_identity,
                                              .plain_reason = "this port speaks https"};

const struct listener_type http_listener_tls = {.name = "HTTPS",
                                                .protocol = &http_listener_protocol,
                                                .tls = &https_tls,
                                                .addresses = https_addresses,
                                                .has_proxy_header = https_has_proxy_header,
                                                .flags = HTTP_SESSION_TLS,
                                                .quota = QUOTA_NEW};
