/*
 * The order is the one in which listeners are opened, and so in which the log names them.
 */
#include "app/server_endpoint.h"

#include "app/http_api.h"

#include <assert.h>

static void add(struct server_endpoints *out, const struct config_strings *listen,
                enum server_kind kind)
{
    for (int i = 0; i < listen->count; i++) {
        /* There are five lists, and this is room for all that they can hold. */
        assert(out->count < SERVER_LISTENERS_MAX);
        out->item[out->count++] = (struct server_endpoint){listen->item[i], kind};
    }
}

void server_endpoints_list(const struct config *config, struct server_endpoints *out)
{
    const struct config_strings *api = &config->http_api.listen;

    out->count = 0;
    add(out, &config->listen, SERVER_RTMP);
    if (config->http_server.enabled)
        add(out, &config->http_server.listen, SERVER_HTTP);
    for (int i = 0; config->http_api.enabled && i < api->count; i++)
        if (!http_api_is_shared(config, api->item[i]))
            out->item[out->count++] = (struct server_endpoint){api->item[i], SERVER_API};
    if (config->http_server.enabled && config->http_server.https.enabled)
        add(out, &config->http_server.https.listen, SERVER_HTTPS);
    if (config->rtmps.enabled)
        add(out, &config->rtmps.listen, SERVER_RTMPS);
}

const char *server_kind_name(enum server_kind kind)
{
    static const char *const names[] = {"RTMP", "HTTP", "HTTP API", "HTTPS", "RTMPS", "worker"};

    assert((size_t)kind < sizeof(names) / sizeof(names[0]));
    return names[kind];
}
