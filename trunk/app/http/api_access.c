/*
 * The API has no password, so it is open to this machine only until the operator opens it. This
 * file closes three ways around that. A proxy on this machine forwards requests of other machines:
 * the headers that proxies add show it, and only trusted_proxies are believed about the client. A
 * web page in a browser on this machine can send requests, but not read the answers: it gets no
 * CORS headers (cors.c). And a page whose host name resolves to this machine (DNS rebinding) would
 * have the same origin: so the Host header must be an address or localhost.
 */
#include "app/http/api_access.h"

#include "app/config/trust.h"
#include "app/core/server.h"
#include "base/ip.h"
#include "base/str.h"

#include <string.h>

/* The peer of a UNIX socket has no address. */
static int is_loopback(const char *text)
{
    struct ip ip;

    if (text[0] == '\0')
        return 1;
    return ip_parse(text, &ip) == 0 && ip_is_loopback(&ip);
}

static int is_forwarded(const struct http_message *request)
{
    static const char *const names[] = {"X-Forwarded-For",  "X-Real-IP", "Forwarded",
                                        "X-Forwarded-Host", "Via",       "X-Forwarded-Proto"};

    for (size_t i = 0; i < request->header_count; i++)
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
            if (str_ieq(request->headers[i].name, names[j]))
                return 1;
    return 0;
}

/* "localhost", "api.localhost", an address, or none, which HTTP/1.0 allows. */
static int is_own_name(const char *host)
{
    static const char local[] = "localhost";
    char text[IP_TEXT_MAX];
    size_t len = strlen(host);
    struct ip ip;

    if (len == 0 || (len >= strlen(local) && str_ieq(host + len - strlen(local), local) &&
                     (len == strlen(local) || host[len - strlen(local) - 1] == '.')))
        return 1;
    if (host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    return str_copy_n(text, sizeof(text), host, len) == 0 && ip_parse(text, &ip) == 0;
}

int api_access_has(const struct http_exchange *x)
{
    return x->is_api || (x->server->config->http_api.enabled && x->request->path != NULL &&
                         str_starts(x->request->path, API_ACCESS_PREFIX));
}

int api_access_is_public(const char *path)
{
    static const char *const names[] = {"versions", "streams"};

    if (path == NULL || !str_starts(path, API_ACCESS_PREFIX))
        return 0;
    path += strlen(API_ACCESS_PREFIX);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);

        if (strncmp(path, names[i], len) == 0 && (path[len] == '\0' || path[len] == '/'))
            return 1;
    }
    return 0;
}

const char *api_access_check(const struct http_exchange *x)
{
    const struct config *config = x->server->config;
    const char *ip = x->conn->ip;

    if (x->is_worker || config->http_api.open)
        return NULL;
    if (!is_loopback(ip))
        return "the API is open to this machine only: see http_api { open on; }";
    if (is_forwarded(x->request) && !trust_has(&config->trusted_proxies, ip))
        return "the API accepts proxied requests from trusted_proxies only";
    if (!is_own_name(x->request->host))
        return "the API needs localhost or an address as host: see http_api { open on; }";
    return NULL;
}
