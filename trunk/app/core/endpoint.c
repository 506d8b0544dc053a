/*
 * The order is the one in which listeners are opened, and so in which the log names them. Both
 * families have a socket of their own: an IPv4 client shows its IPv4 address in every table, rule,
 * and log line, and "1935" may stand beside "[::1]:1935".
 */
#include "app/core/endpoint.h"

#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void add_one(struct endpoints *out, const char *text, enum server_kind kind)
{
    /* There are five lists, and this is room for all that they can hold. */
    assert(out->count < ENDPOINTS_MAX);
    out->item[out->count++] = (struct endpoint){text, kind};
}

/* "8080", ":8080", "*:8080" and "0.0.0.0:8080" are one address. */
static const char *port_of(const char *endpoint)
{
    if (str_starts(endpoint, "0.0.0.0:"))
        return endpoint + 8;
    if (str_starts(endpoint, "*:"))
        return endpoint + 2;
    return endpoint[0] == ':' ? endpoint + 1 : endpoint;
}

int endpoint_is_shared(const struct config *config, const char *endpoint)
{
    const struct config_strings *listen = &config->http_server.listen;

    if (!config->http_server.enabled)
        return 0;
    for (int i = 0; i < listen->count; i++)
        if (strcmp(port_of(listen->item[i]), port_of(endpoint)) == 0)
            return 1;
    return 0;
}

static void add(struct endpoints *out, const struct config_strings *listen, enum server_kind kind)
{
    for (int i = 0; i < listen->count; i++)
        add_one(out, listen->item[i], kind);
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

/* The IPv6 side of what is written as a port alone stands right after its IPv4 side. */
static void add_v6(const struct endpoints *written, struct endpoints *out)
{
    for (int i = 0; i < written->count; i++) {
        const struct endpoint *one = &written->item[i];
        int64_t port = port_alone(one->text);
        char *text = out->spelt[out->spelt_count];

        add_one(out, one->text, one->kind);
        /* Port 0 would be another one for each. */
        if (port <= 0 || has_v6(written, port))
            continue;
        (void)str_format(text, sizeof(out->spelt[0]), "[::]:%d", (int)port);
        add_one(out, text, one->kind);
        out->spelt_count++;
    }
}

static void list_written(const struct config *config, struct endpoints *out)
{
    const struct config_strings *api = &config->http_api.listen;

    out->count = 0;
    add(out, &config->listen, SERVER_RTMP);
    if (config->http_server.enabled)
        add(out, &config->http_server.listen, SERVER_HTTP);
    for (int i = 0; config->http_api.enabled && i < api->count; i++)
        if (!endpoint_is_shared(config, api->item[i]))
            add_one(out, api->item[i], SERVER_API);
    if (config->http_server.enabled && config->http_server.https.enabled)
        add(out, &config->http_server.https.listen, SERVER_HTTPS);
    if (config->rtmps.enabled)
        add(out, &config->rtmps.listen, SERVER_RTMPS);
}

void endpoints_list(const struct config *config, int has_ipv6, struct endpoints *out)
{
    struct endpoints *written = has_ipv6 ? calloc(1, sizeof(*written)) : NULL;

    out->spelt_count = 0;
    if (written == NULL) {
        list_written(config, out);
        return;
    }
    out->count = 0;
    list_written(config, written);
    add_v6(written, out);
    free(written);
}

const char *server_kind_name(enum server_kind kind)
{
    static const char *const names[] = {"RTMP", "HTTP", "HTTP API", "HTTPS", "RTMPS", "worker"};

    assert((size_t)kind < sizeof(names) / sizeof(names[0]));
    return names[kind];
}
