/*
 * Listeners are opened, and so logged, in this order. Each address family has its own socket: an
 * IPv4 client then appears with its IPv4 address in every table, rule, and log line, and "1935" and
 * "[::1]:1935" can be configured together.
 */
#include "app/core/endpoint.h"

#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void add_one(struct endpoints *out, const char *text, int type)
{
    /* There is room for the longest lists of all types. */
    assert(out->count < ENDPOINTS_MAX);
    out->item[out->count++] = (struct endpoint){text, type};
}

/* "8080", ":8080", "*:8080", and "0.0.0.0:8080" are the same address. */
static const char *port_of(const char *endpoint)
{
    if (str_starts(endpoint, "0.0.0.0:"))
        return endpoint + 8;
    if (str_starts(endpoint, "*:"))
        return endpoint + 2;
    return endpoint[0] == ':' ? endpoint + 1 : endpoint;
}

int endpoint_is_in(const struct config_strings *listen, const char *endpoint)
{
    for (int i = 0; i < listen->count; i++)
        if (strcmp(port_of(listen->item[i]), port_of(endpoint)) == 0)
            return 1;
    return 0;
}

int endpoint_is_shared(const struct config *config, const char *endpoint)
{
    return config->http_server.enabled && endpoint_is_in(&config->http_server.listen, endpoint);
}

/* The same for an address with TLS, which can only be one with TLS. */
static int is_shared(const struct config *config, const struct listener_type *row,
                     const char *endpoint)
{
    const struct config_http_server *http = &config->http_server;

    if (row->tls == NULL)
        return endpoint_is_shared(config, endpoint);
    return http->enabled && http->https.enabled && endpoint_is_in(&http->https.listen, endpoint);
}

/* The port of an endpoint without an address; else -1. */
static int64_t port_alone(const char *text)
{
    int64_t port;

    if (text[0] == '*' && text[1] == ':')
        text++;
    if (text[0] == ':')
        text++;
    return str_to_i64(text, 0, UINT16_MAX, &port) == 0 ? port : -1;
}

/* Whether an IPv6 address is listed with this port. */
static int has_v6(const struct endpoints *list, int64_t port)
{
    for (int i = 0; i < list->count; i++) {
        const char *text = list->item[i].text;
        const char *colon = text[0] == '[' ? strrchr(text, ':') : NULL;
        int64_t other;

        if (colon != NULL && str_to_i64(colon + 1, 0, UINT16_MAX, &other) == 0 && other == port)
            return 1;
    }
    return 0;
}

/* A port alone becomes two addresses, IPv6 right after IPv4. */
static void add_v6(const struct endpoints *written, struct endpoints *out)
{
    for (int i = 0; i < written->count; i++) {
        const struct endpoint *one = &written->item[i];
        int64_t port = port_alone(one->text);
        char *text = out->spelt[out->spelt_count];

        add_one(out, one->text, one->type);
        /* Port 0 would be a different port for each family. */
        if (port <= 0 || has_v6(written, port))
            continue;
        (void)str_format(text, sizeof(out->spelt[0]), "[::]:%d", (int)port);
        add_one(out, text, one->type);
        out->spelt_count++;
    }
}

static void list_written(const struct listener_type *const *types, const struct config *config,
                         struct endpoints *out)
{
    out->count = 0;
    for (int type = 0; types[type] != NULL; type++) {
        const struct listener_type *row = types[type];
        const struct config_strings *listen =
            row->addresses != NULL ? row->addresses(config) : NULL;

        for (int i = 0; listen != NULL && i < listen->count; i++)
            if (!row->is_joined_with_http || !is_shared(config, row, listen->item[i]))
                add_one(out, listen->item[i], type);
    }
}

void endpoints_list(const struct listener_type *const *types, const struct config *config,
                    int has_ipv6, struct endpoints *out)
{
    struct endpoints *written = has_ipv6 ? calloc(1, sizeof(*written)) : NULL;

    out->spelt_count = 0;
    if (written == NULL) {
        list_written(types, config, out);
        return;
    }
    out->count = 0;
    list_written(types, config, written);
    add_v6(written, out);
    free(written);
}

int endpoint_rank(const char *listener_name)
{
    if (str_starts(listener_name, "unix:"))
        return 0;
    if (str_starts(listener_name, "127.") || str_starts(listener_name, "[::1]:"))
        return 1;
    if (str_starts(listener_name, "0.0.0.0:") || str_starts(listener_name, "[::]:"))
        return 3;
    return 2;
}
