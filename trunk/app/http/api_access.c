/*
 * Without a password the API is open to this machine only until the operator opens it. This file
 * closes three ways around that. A proxy on this machine forwards requests of other machines: the
 * headers that proxies add show it, and only trusted_proxies are believed about the client. A web
 * page in a browser on this machine can send requests, but not read the answers: it gets no CORS
 * headers (cors.c). And a page whose host name resolves to this machine (DNS rebinding) would have
 * the same origin: so the Host header must be an address or localhost.
 *
 * Sending is enough to change something, and a browser adds the password by itself. So a request
 * that changes something must be one that browsers do not send for a page of another site, or not
 * without asking first: the method DELETE, a JSON body, or a header of our own. Programs that are
 * no browsers need none of that for GET.
 */
#include "app/http/api_access.h"

#include "app/config/trust.h"
#include "app/core/log_limit.h"
#include "app/core/server.h"
#include "app/http/api_login.h"
#include "app/http/cors.h"
#include "base/ip.h"
#include "base/str.h"
#include "proto/url.h"

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

/* "localhost", "api.localhost", an address, the name of a vhost, or none, which HTTP/1.0 allows. */
static int is_own_name(const struct config *config, const char *host)
{
    static const char local[] = "localhost";
    char text[IP_TEXT_MAX];
    size_t len = strlen(host);
    struct ip ip;

    if (len == 0 || (len >= strlen(local) && str_ieq(host + len - strlen(local), local) &&
                     (len == strlen(local) || host[len - strlen(local) - 1] == '.')))
        return 1;
    for (int i = 0; i < config->vhost_count; i++)
        if (str_ieq(config->vhost[i]->name, host))
            return 1;
    if (host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    return str_copy_n(text, sizeof(text), host, len) == 0 && ip_parse(text, &ip) == 0;
}

int api_access_has(const struct http_exchange *x)
{
    const char *path = x->request->path;

    if (x->is_api)
        return 1;
    return x->server->config->http_api.enabled && path != NULL &&
           (str_starts(path, "/api/") || strcmp(path, "/api") == 0);
}

/* Whether other origins may ask for streams, which have no password: SRS's send none. */
static int has_coworkers(const struct config *config)
{
    for (int i = 0; i < config->vhost_count; i++)
        if (config->vhost[i]->cluster.origin_cluster)
            return 1;
    return 0;
}

int api_access_is_public(const struct config *config, const char *path)
{
    static const char *const names[] = {"versions", "streams", "clusters"};

    if (path == NULL || !str_starts(path, API_ACCESS_PREFIX))
        return 0;
    path += strlen(API_ACCESS_PREFIX);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);

        if ((strcmp(names[i], "streams") == 0 && !config->http_api.list) ||
            (strcmp(names[i], "clusters") == 0 && !has_coworkers(config)))
            continue;
        if (strncmp(path, names[i], len) == 0 && (path[len] == '\0' || path[len] == '/'))
            return 1;
    }
    return 0;
}

/* Why the client sees only what is public, where no password is asked for; NULL: it does not. */
static const char *local_check(const struct http_exchange *x)
{
    const struct config *config = x->server->config;
    const char *ip = x->conn->ip;

    if (!is_loopback(ip))
        return "the API is open to this machine only: see http_api { open on; }";
    if (is_forwarded(x->request) && !trust_has(&config->trusted_proxies, ip))
        return "the API accepts proxied requests from trusted_proxies only";
    if (!is_own_name(config, x->request->host))
        return "the API needs localhost, an address or a vhost as host: see http_api { open on; }";
    if (cors_is_other_page(x))
        return "pages of other sites can read only public data";
    return NULL;
}

struct api_access api_access_check(const struct http_exchange *x)
{
    const struct config_http_api *api = &x->server->config->http_api;
    const char *why;

    if (x->is_worker)
        return (struct api_access){0, NULL};
    if (api->auth.enabled) {
        const char *sent = http_message_header(x->request, "Authorization");

        return (struct api_access){api_login_is_right(&api->auth, sent) ? 0 : 401, NULL};
    }
    if (api->open)
        return (struct api_access){0, NULL};
    why = local_check(x);
    return (struct api_access){why != NULL ? 403 : 0, why};
}

struct err *api_access_ask_login(struct http_exchange *x, usec_t timeout)
{
    if (http_message_header(x->request, "Authorization") != NULL)
        log_peer(x->server, LOG_WARN, "API login failed", x->conn->ip,
                 "API: %s: wrong name or password", x->conn->ip);
    return http_answer_error(x, 401, "WWW-Authenticate: Basic realm=\"API\", charset=\"UTF-8\"\r\n",
                             timeout,
                             "the API needs a name and a password: see http_api { auth { } }");
}

/* ---- pages ---- */

/* Every browser says so, and no page can change it for images, scripts and forms. */
static int is_browser(const struct http_message *request)
{
    const char *agent = http_message_header(request, "User-Agent");

    return (agent != NULL && str_starts(agent, "Mozilla/")) ||
           http_message_header(request, "Sec-Fetch-Site") != NULL;
}

/* Whether the page that the request names is one of this host, at any port. */
static int is_own_host(const struct http_message *request, const char *page)
{
    struct url_http url;

    return url_http_parse(&url, page) == SCAN_DONE && cors_is_same_host(url.host, request->host);
}

int api_access_is_foreign(const struct http_exchange *x)
{
    const char *site = http_message_header(x->request, "Sec-Fetch-Site");
    const char *page = http_message_header(x->request, "Origin");

    if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "same-site") != 0)
        return 1;
    if (page == NULL)
        page = http_message_header(x->request, "Referer");
    if (page != NULL)
        return !is_own_host(x->request, page);
    /* A page may have forbidden the browser to name it. */
    return is_browser(x->request) && (site == NULL || strcmp(site, "same-origin") != 0);
}

static int has_json(const struct http_message *request)
{
    static const char json[] = "application/json";
    const char *type = http_message_header(request, "Content-Type");
    char plain[sizeof(json)];

    return type != NULL && str_copy_n(plain, sizeof(plain), type, strcspn(type, "; ")) == 0 &&
           str_ieq(plain, json);
}

/* A host name that a page of another site cannot have had pointed here: ours, or one that no domain
 * name can be. */
static int is_safe_name(const struct http_exchange *x)
{
    const struct config *config = x->server->config;
    const char *host = x->request->host;

    return is_own_name(config, host) || strchr(host, '.') == NULL;
}

const char *api_access_check_change(const struct http_exchange *x, int is_script)
{
    const char *method = x->request->method;

    if (x->is_worker)
        return NULL;
    if (!x->server->config->http_api.auth.enabled && !is_safe_name(x))
        return "without http_api { auth { } } this needs an address, localhost or the name of a "
               "vhost as host";
    if (http_message_header(x->request, API_ACCESS_HEADER) != NULL && !cors_is_other_page(x))
        return NULL;
    if (api_access_is_foreign(x))
        return "requests that change something need the header " API_ACCESS_HEADER
               ", and pages of other sites cannot send them";
    if (is_script || strcmp(method, "DELETE") == 0 || strcmp(method, "GET") == 0 ||
        has_json(x->request))
        return NULL;
    return "requests that change something need the header " API_ACCESS_HEADER " or a JSON body";
}
