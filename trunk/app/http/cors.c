/*
 * CORS (fetch.spec.whatwg.org, "HTTP-CORS protocol"). A request with an Origin gets an answer that
 * names this origin and allows credentials; one without gets "*", which browsers accept only
 * without credentials. "null", the origin of sandboxed frames and local files, identifies no site
 * and gets "*" as well. A preflight is answered here, before any check of permissions: browsers
 * send no credentials with it.
 *
 * The API's answers never name an origin: no credentials, no reflected Origin, and no
 * Access-Control-Allow-Private-Network, with which a public page could read a server in a home
 * network.
 */
#include "app/http/cors.h"

#include "app/core/server.h"
#include "app/http/api_access.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CORS_VALUE_MAX   1024 /* maximum bytes of Origin or requested headers that are sent back */
#define CORS_METHODS     "GET, HEAD, OPTIONS"
#define CORS_HEADERS     "Accept, Authorization, Cache-Control, Content-Type, Range, X-Requested-With"
#define CORS_API_HEADERS "Accept, Authorization, Cache-Control, Range"
#define CORS_EXPOSE                                                                     \
    "Server, Date, Content-Length, Content-Range, Accept-Ranges, ETag, Last-Modified, " \
    "Location"

/* The request's header, if it is present and short enough to be sent back. */
static const char *short_header(const struct http_exchange *x, const char *name)
{
    const char *value = http_message_header(x->request, name);

    if (value == NULL || value[0] == '\0' || strlen(value) > CORS_VALUE_MAX)
        return NULL;
    return value;
}

static int is_crossdomain(const struct http_exchange *x)
{
    const struct config *config = x->server->config;

    return x->is_api ? config->http_api.crossdomain : config->http_server.crossdomain;
}

/* Whether pages of other sites may read the answer. Of the API's answers these are the public ones,
 * or all where the operator has opened the API, or where the page has to know the password. */
static int is_shared(const struct http_exchange *x)
{
    const struct config_http_api *api = &x->server->config->http_api;

    return is_crossdomain(x) && (!api_access_has(x) || api->open || api->auth.enabled ||
                                 api_access_is_public(x->server->config, x->request->path));
}

int cors_append(struct http_exchange *x)
{
    const char *origin = short_header(x, "Origin");

    if (!is_shared(x))
        return 0;
    if (origin == NULL || api_access_has(x) || strcmp(origin, "null") == 0)
        return buf_printf(&x->extra, "Access-Control-Allow-Origin: *\r\nVary: Origin\r\n"
                                     "Access-Control-Expose-Headers: " CORS_EXPOSE "\r\n");
    return buf_printf(&x->extra,
                      "Access-Control-Allow-Origin: %s\r\n"
                      "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
                      "Access-Control-Expose-Headers: " CORS_EXPOSE "\r\n",
                      origin);
}

int cors_is_same_host(const char *a, const char *b)
{
    size_t a_len, b_len;

    a += a[0] == '[';
    b += b[0] == '[';
    a_len = strcspn(a, "]");
    b_len = strcspn(b, "]");
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Host has no port if it is the default port of the scheme. With a proxy that terminates TLS, the
 * request's scheme differs from the page's, so both default ports are compared. */
int cors_is_other_page(const struct http_exchange *x)
{
    const char *origin = http_message_header(x->request, "Origin");
    struct url_http url;

    if (origin == NULL)
        return 0;
    if (url_http_parse(&url, origin) != SCAN_DONE || !cors_is_same_host(url.host, x->request->host))
        return 1;
    if (x->request->port != 0)
        return url.port != x->request->port;
    return url.port != (strcmp(url.schema, "https") == 0 ? 443 : 80);
}

int cors_allows_page(const struct http_exchange *x)
{
    return is_crossdomain(x) || !cors_is_other_page(x);
}

static int preflight_append(struct http_exchange *x)
{
    /* The API's own header and JSON bodies are how it knows that no other page asks. */
    const char *headers =
        api_access_has(x) ? CORS_API_HEADERS : short_header(x, "Access-Control-Request-Headers");
    const char *network = http_message_header(x->request, "Access-Control-Request-Private-Network");

    if (network != NULL && str_ieq(network, "true") && !api_access_has(x) &&
        buf_printf(&x->extra, "Access-Control-Allow-Private-Network: true\r\n") != 0)
        return -1;
    return buf_printf(&x->extra,
                      "Access-Control-Allow-Methods: " CORS_METHODS "\r\n"
                      "Access-Control-Allow-Headers: %s\r\n"
                      "Access-Control-Max-Age: 86400\r\n",
                      headers != NULL ? headers : CORS_HEADERS);
}

static struct err *cors_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    int is_on = is_shared(x);
    int is_options = strcmp(x->request->method, "OPTIONS") == 0;

    if (cors_append(x) != 0)
        return err_new(ERR_NOMEM, "cors");
    if (!is_options)
        return http_next(self, x, timeout);
    if (is_on && preflight_append(x) != 0)
        return err_new(ERR_NOMEM, "cors");
    return http_answer(x, 204, NULL, "Allow: " CORS_METHODS "\r\n", NULL, 0, timeout);
}

struct http_handler *cors_new(struct http_handler *next)
{
    struct http_handler *cors = calloc(1, sizeof(*cors));

    assert(next != NULL);
    if (cors == NULL)
        return NULL;
    cors->serve = cors_serve;
    cors->next = next;
    return cors;
}
