/*
 * The listener types that speak RTMP: plain, and over TLS (RTMPS). A client beyond a limit is
 * closed without an answer: RTMP has none before its handshake and connect.
 */
#include "app/rtmp/rtmp_listener.h"

#include "app/rtmp/rtmp_session.h"

static MAY_YIELD void rtmp_serve(struct server *server, struct net_conn *conn, int flags)
{
    (void)flags;
    rtmp_session_run(server, conn);
}

static usec_t rtmp_first_timeout(const struct config *config)
{
    return config->rtmp_handshake_timeout;
}

static const struct listener_protocol rtmp_protocol = {.serve = rtmp_serve,
                                                       .first_timeout = rtmp_first_timeout};

/* ---- RTMP ---- */

static const struct config_strings *rtmp_addresses(const struct config *config)
{
    return &config->listen;
}

static int rtmp_has_proxy_header(const struct config *config)
{
    return config->proxy_protocol;
}

const struct listener_type rtmp_listener = {.name = "RTMP",
                                            .protocol = &rtmp_protocol,
                                            .addresses = rtmp_addresses,
                                            .has_proxy_header = rtmp_has_proxy_header,
                                            .quota = QUOTA_NEW,
                                            .is_player_port = 1};

/* ---- RTMPS ---- */

static const struct config_strings *rtmps_addresses(const struct config *config)
{
    return config->rtmps.enabled ? &config->rtmps.listen : NULL;
}

static int rtmps_has_proxy_header(const struct config *config)
{
    return config->rtmps.proxy_protocol;
}

static void rtmps_identity(const struct config *config, struct tls_options *options)
{
    options->cert = config->rtmps.cert;
    options->key = config->rtmps.key;
    options->alpn = NULL;
}

static const struct listener_tls rtmps_tls = {.block = "rtmps", .identity = rtmps_identity};

const struct listener_type rtmp_listener_tls = {.name = "RTMPS",
                                                .protocol = &rtmp_protocol,
                                                .tls = &rtmps_tls,
                                                .addresses = rtmps_addresses,
                                                .has_proxy_header = rtmps_has_proxy_header,
                                                .quota = QUOTA_NEW};
