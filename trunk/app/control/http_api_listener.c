/*
 * The API's own listeners, with and without TLS. An address that http_server has as well is
 * http_server's: its chain contains the API, too.
 */
#include "app/control/http_api_listener.h"

#include "app/core/endpoint.h"
#include "app/http/http_listener.h"
#include "app/http/http_session.h"

static const struct config_strings *api_addresses(const struct config *config)
{
    return config->http_api.enabled ? &config->http_api.listen : NULL;
}

static int api_has_proxy_header(const struct config *config)
{
    return config->http_api.proxy_protocol;
}

const struct listener_type http_api_listener = {.name = "HTTP API",
                                                .protocol = &http_listener_protocol,
                                                .addresses = api_addresses,
                                                .has_proxy_header = api_has_proxy_header,
                                                .flags = HTTP_SESSION_API,
                                                .quota = QUOTA_API,
                                                .is_joined_with_http = 1,
                                                .is_admitted_always = 1};

/* ---- HTTPS ---- */

static const struct config_strings *tls_addresses(const struct config *config)
{
    const struct config_http_api *api = &config->http_api;

    return api->enabled && api->https.enabled ? &api->https.listen : NULL;
}

static int tls_has_proxy_header(const struct config *config)
{
    return config->http_api.https.proxy_protocol;
}

static void tls_identity(const struct config *config, struct tls_options *options)
{
    options->cert = config->http_api.https.cert;
    options->key = config->http_api.https.key;
    options->alpn = config->http_api.https.http2 ? "h2,http/1.1" : "http/1.1";
}

static const struct listener_tls api_tls = {.block = "http_api { https",
                                            .identity = tls_identity,
                                            .plain_reason = "this port speaks https"};

const struct listener_type http_api_listener_tls = {.name = "HTTPS API",
                                                    .protocol = &http_listener_protocol,
                                                    .tls = &api_tls,
                                                    .addresses = tls_addresses,
                                                    .has_proxy_header = tls_has_proxy_header,
                                                    .flags = HTTP_SESSION_API | HTTP_SESSION_TLS,
                                                    .quota = QUOTA_API,
                                                    .is_joined_with_http = 1,
                                                    .is_admitted_always = 1};

int http_api_listener_is_joined(const struct config *config)
{
    const struct config_http_api *api = &config->http_api;
    const struct config_https *https = &config->http_server.https;

    for (int i = 0; i < api->listen.count; i++)
        if (endpoint_is_shared(config, api->listen.item[i]))
            return 1;
    for (int i = 0; i < api->https.listen.count && api->https.enabled && https->enabled; i++)
        if (endpoint_is_in(&https->listen, api->https.listen.item[i]))
            return config->http_server.enabled;
    return 0;
}
