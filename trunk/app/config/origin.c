/*
 * Combines a configured address ("host:port") and a stream's names into the address that this
 * server requests. The names come from publishers and viewers: for HTTP they are escaped; RTMP has
 * no escapes, so a name that the other server would read differently is refused.
 */
#include "app/config/origin.h"

#include "base/str.h"
#include "proto/url.h"
#include "proto/url_param.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HOST_SIZE 256
#define RTMP      "rtmp://"
#define RTMPS     "rtmps://"

int origin_check(const char *text)
{
    char host[HOST_SIZE];
    int port = 1;

    if ((strpbrk(text, "/?#@[] ") != NULL && text[0] != '[') || str_ends(text, ":"))
        return -1;
    if (url_authority_parse(text, strlen(text), host, sizeof(host), &port) != 0)
        return -1;
    return host[0] != '\0' && port > 0 ? 0 : -1;
}

/* Brackets may only enclose app and stream. */
static int brackets_check(const char *text)
{
    for (const char *p = strchr(text, '['); p != NULL; p = strchr(p + 1, '['))
        if (!str_starts(p, "[app]") && !str_starts(p, "[stream]"))
            return -1;
    return 0;
}

static int has_place(const char *url)
{
    return strstr(url, "[stream]") != NULL;
}

/* The part after "schema://host". */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://");

    assert(host != NULL);
    return host + 3 + strcspn(host + 3, "/?");
}

/* Whether an address that names its own stream can be sent unchanged. */
static int is_whole(const char *url)
{
    struct rtmp_target *target = malloc(sizeof(*target)); /* too large for a coroutine's stack */
    int is_good = target != NULL && rtmp_target_read(target, url) == 0;

    free(target);
    return is_good;
}

/* Whether the "user:password@" of an authority, if present, can be used. */
static int user_is_good(const char *authority, const char *end)
{
    struct rtmp_target *target = malloc(sizeof(*target)); /* too large for a coroutine's stack */
    int is_good = target != NULL &&
                  rtmp_target_read_user(target, authority, (size_t)(end - authority)) != NULL;

    free(target);
    return is_good;
}

/* Checks an address with this schema. */
static int rtmp_check(const char *url, const char *schema, const char **why)
{
    const char *path = path_of(url);
    const char *host = url + strlen(schema);
    const char *at;
    char authority[HOST_SIZE + 16];

    *why =
        "an RTMP address must be rtmp://host[:port], optionally with a path of [app] and [stream]";
    if (!str_starts(url, schema) || !user_is_good(host, path))
        return -1;
    at = memrchr(host, '@', (size_t)(path - host));
    host = at != NULL ? at + 1 : host;
    if (str_copy_n(authority, sizeof(authority), host, (size_t)(path - host)) != 0 ||
        origin_check(authority) != 0)
        return -1;
    if (*path != '\0' && strcmp(path, "/") != 0 && (!has_place(path) || brackets_check(path) != 0))
        return -1;
    return 0;
}

int origin_destination_check(const char *text, const char **why)
{
    const char *schema = str_starts(text, RTMPS) ? RTMPS : RTMP;

    if (strstr(text, "://") != NULL && rtmp_check(text, schema, why) == 0)
        return 0;
    *why = "a destination must be host:port, rtmp://host:port/[app]/[stream]?vhost=name or a whole "
           "address";
    if (strstr(text, "://") != NULL)
        return strchr(path_of(text), '[') == NULL && is_whole(text) ? 0 : -1;
    return origin_check(text);
}

int origin_source_check(const char *name, const char *url, const char **why)
{
    struct url_http http;

    *why = "a source name consists of letters, digits, '-', '.' and '_'";
    if (name[0] == '\0' || strlen(name) > 64)
        return -1;
    for (const char *p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("-._", *p) == NULL)
            return -1;
    if (str_starts(url, RTMP))
        return rtmp_check(url, RTMP, why);
    *why = "a source must be rtmp://host[:port] or http://host[:port]/path";
    if (!str_starts(url, "http://") && !str_starts(url, "https://"))
        return -1;
    if (url_http_parse(&http, url) != SCAN_DONE)
        return -1;
    return brackets_check(path_of(url));
}

int origin_is_http(enum origin_scheme scheme)
{
    return scheme == ORIGIN_FLV || scheme == ORIGIN_FLVS;
}

/* ---- names ---- */

/* Whether each segment of a name is valid in a path. */
static int name_is_good(const char *name, int is_deep)
{
    const char *p = name;

    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '\\' || (*c == '/' && !is_deep))
            return 0;
    for (;;) {
        size_t len = strcspn(p, "/");

        if (len == 0 || (len <= 2 && strspn(p, ".") >= len))
            return 0;
        if (p[len] == '\0')
            return 1;
        p += len + 1;
    }
}

static int names_are_good(const struct origin_stream *stream)
{
    return name_is_good(stream->app, 1) && name_is_good(stream->name, 0);
}

/* Appends text with all characters escaped that have a meaning in a path or query; slashes stay. 0
 * or -1. */
static int put_escaped(char *out, size_t cap, const char *text)
{
    size_t len = strlen(out);

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        int is_plain = isalnum(c) || strchr("-._~/", c) != NULL;

        if (str_format(out + len, cap - len, is_plain ? "%c" : "%%%02X", c) != 0)
            return -1;
        len += is_plain ? 1 : 3;
    }
    return 0;
}

static int put_text(char *out, size_t cap, const char *text, size_t len)
{
    size_t at = strlen(out);

    return str_copy_n(out + at, cap - at, text, len);
}

static int put_name(char *out, size_t cap, const char *name, int is_escaped)
{
    return is_escaped ? put_escaped(out, cap, name) : rtmp_target_name(out, cap, name);
}

/* Appends len bytes of a template with [app] and [stream] filled in. 0 or -1. */
static int put_template(char *out, size_t cap, const char *p, size_t len,
                        const struct origin_stream *stream, int is_escaped)
{
    const char *end = p + len;
    int rc = 0;

    while (p < end && rc == 0) {
        size_t n = strcspn(p + 1, "[") + 1;

        if (str_starts(p, "[app]")) {
            rc = put_name(out, cap, stream->app, is_escaped);
            n = strlen("[app]");
        } else if (str_starts(p, "[stream]")) {
            rc = put_name(out, cap, stream->name, is_escaped);
            n = strlen("[stream]");
        } else {
            n = n < (size_t)(end - p) ? n : (size_t)(end - p);
            rc = put_text(out, cap, p, n);
        }
        p += n;
    }
    return rc;
}

/* Appends the client's parameters to a query. 0 or -1. */
static int put_param(char *out, size_t cap, const struct origin_stream *stream)
{
    const char *param = stream->param != NULL ? stream->param : "";
    size_t size = strlen(param) + 1;
    char *kept = malloc(size);
    int rc = kept != NULL ? url_param_pass(param, kept, size) : -1;

    if (rc == 0 && kept[0] != '\0' && out[0] != '\0')
        rc = put_text(out, cap, "&", 1);
    if (rc == 0)
        rc = url_param_query_encode(kept, out, cap);
    free(kept);
    return rc;
}

/* ---- targets ---- */

/* Host and port of an address's authority. 0 or -1. */
static int take_authority(const char *text, size_t len, char *host, size_t cap, int *port)
{
    return url_authority_parse(text, len, host, cap, port) == 0 && host[0] != '\0' ? 0 : -1;
}

static int target_http(struct origin_target *out, const char *schema, const char *authority,
                       size_t len)
{
    out->http.port = strcmp(schema, "https") == 0 ? 443 : 80;
    (void)str_copy(out->http.schema, sizeof(out->http.schema), schema);
    return take_authority(authority, len, out->http.host, sizeof(out->http.host), &out->http.port);
}

static int target_flv(const char *origin, const struct origin_stream *stream,
                      struct origin_target *out)
{
    static const char path[] = "/[app]/[stream].flv";
    const char *schema = out->scheme == ORIGIN_FLVS ? "https" : "http";
    const char *vhost = stream->vhost != NULL ? stream->vhost : "";

    if (strcmp(vhost, URL_DEFAULT_VHOST) == 0)
        vhost = "";
    if (strpbrk(vhost, "\r\n\t /\\?#@") != NULL || !names_are_good(stream) ||
        str_copy(out->vhost, sizeof(out->vhost), vhost) != 0 ||
        target_http(out, schema, origin, strlen(origin)) != 0)
        return -1;
    return put_template(out->http.path, sizeof(out->http.path), path, strlen(path), stream, 1) != 0
               ? -1
               : put_param(out->http.query, sizeof(out->http.query), stream);
}

static int target_rtmp(const char *schema, const char *origin, const struct origin_stream *stream,
                       struct rtmp_target *out)
{
    char host[HOST_SIZE];
    struct rtmp_parts parts = {.schema = schema,
                               .host = host,
                               .port = strcmp(schema, "rtmps") == 0 ? 443 : 1935,
                               .vhost = stream->vhost != NULL ? stream->vhost : "",
                               .app = stream->app,
                               .stream = stream->name,
                               .param = stream->param != NULL ? stream->param : ""};

    if (!names_are_good(stream) ||
        take_authority(origin, strcspn(origin, "/"), host, sizeof(host), &parts.port) != 0 ||
        rtmp_target_make(out, &parts) != 0)
        return -1;
    return rtmp_target_read_user(out, origin, strcspn(origin, "/")) != NULL ? 0 : -1;
}

int origin_target(enum origin_scheme scheme, const char *origin, const struct origin_stream *stream,
                  struct origin_target *out)
{
    memset(out, 0, sizeof(*out));
    out->scheme = scheme;
    if (origin_is_http(scheme))
        return target_flv(origin, stream, out);
    return target_rtmp(scheme == ORIGIN_RTMPS ? "rtmps" : "rtmp", origin, stream, &out->rtmp);
}

/* ---- destinations ---- */

/* Whether a name can be part of an RTMP text: it must not contain separators. */
static int fits_template(const char *name)
{
    return strpbrk(name, "?#&=") == NULL && strstr(name, "...") == NULL &&
           strstr(name, "_definst_") == NULL;
}

/* Fills in an address with [app] and [stream]: parses it first, so that names cannot change its
 * structure. */
static int destination_filled(const char *text, const struct origin_stream *stream,
                              struct rtmp_target *out)
{
    struct rtmp_target *tmpl = malloc(sizeof(*tmpl)); /* too large for a coroutine's stack */
    int rc = -1;

    if (tmpl != NULL && names_are_good(stream) && fits_template(stream->app) &&
        fits_template(stream->name) && rtmp_target_read(tmpl, text) == 0) {
        *out = *tmpl;
        out->app[0] = out->name[0] = '\0';
        rc = put_template(out->app, sizeof(out->app), tmpl->app, strlen(tmpl->app), stream, 0);
        rc |= put_template(out->name, sizeof(out->name), tmpl->name, strlen(tmpl->name), stream, 0);
        rc |= rtmp_target_tc_url(out);
    }
    free(tmpl);
    return rc == 0 ? 0 : -1;
}

/* "schema://host[:port]" without more: *origin is "host[:port]". */
static int is_server_only(const char *text, const char **origin)
{
    const char *mark = strstr(text, "://");
    const char *path;

    *origin = mark != NULL ? mark + 3 : text;
    path = *origin + strcspn(*origin, "/?");
    return *path == '\0' || strcmp(path, "/") == 0;
}

int origin_destination(const char *text, const struct origin_stream *stream,
                       struct rtmp_target *out)
{
    const char *origin;

    memset(out, 0, sizeof(*out));
    if (is_server_only(text, &origin))
        return target_rtmp(str_starts(text, RTMPS) ? "rtmps" : "rtmp", origin, stream, out);
    return has_place(text) ? destination_filled(text, stream, out) : rtmp_target_read(out, text);
}

/* ---- sources ---- */

static int source_http(const char *url, const struct origin_stream *stream, const char *port,
                       struct origin_target *out)
{
    const char *authority = strstr(url, "://") + 3;
    const char *path = path_of(url);
    size_t path_len = strcspn(path, "?#");
    const char *query = path[path_len] == '?' ? path + path_len + 1 : "";
    size_t query_len = strcspn(query, "#");
    char *q = out->http.query;
    size_t cap = sizeof(out->http.query);
    int rc;

    out->scheme = str_starts(url, "https:") ? ORIGIN_FLVS : ORIGIN_FLV;
    if (!names_are_good(stream) || target_http(out, out->scheme == ORIGIN_FLVS ? "https" : "http",
                                               authority, (size_t)(path - authority)) != 0)
        return -1;
    rc = put_template(out->http.path, sizeof(out->http.path), path_len > 0 ? path : "/",
                      path_len > 0 ? path_len : 1, stream, 1);
    rc |= put_template(q, cap, query, query_len, stream, 1);
    if (!has_place(url)) {
        rc |= put_text(q, cap, query_len > 0 ? "&app=" : "app=", query_len > 0 ? 5 : 4);
        rc |= put_escaped(q, cap, stream->app);
        rc |= put_text(q, cap, "&stream=", strlen("&stream="));
        rc |= put_escaped(q, cap, stream->name);
        if (port[0] != '\0') {
            rc |= put_text(q, cap, "&port=", strlen("&port="));
            rc |= put_escaped(q, cap, port);
        }
    }
    return rc == 0 ? put_param(q, cap, stream) : -1;
}

int origin_source(const char *url, const struct origin_stream *stream, const char *port,
                  struct origin_target *out)
{
    memset(out, 0, sizeof(*out));
    if (!str_starts(url, "rtmp:"))
        return source_http(url, stream, port, out);
    out->scheme = ORIGIN_RTMP;
    return origin_destination(url, stream, &out->rtmp);
}

/* ---- whole targets ---- */

int origin_is_same(const struct origin_target *a, const struct origin_target *b)
{
    if (a->scheme != b->scheme)
        return 0;
    if (origin_is_http(a->scheme))
        return a->http.port == b->http.port && strcmp(a->http.host, b->http.host) == 0 &&
               strcmp(a->http.path, b->http.path) == 0 &&
               strcmp(a->http.query, b->http.query) == 0 && strcmp(a->vhost, b->vhost) == 0;
    return strcmp(a->rtmp.tc_url, b->rtmp.tc_url) == 0 && strcmp(a->rtmp.name, b->rtmp.name) == 0;
}

void origin_target_show(const struct origin_target *target, char *out, size_t cap)
{
    int is_http = origin_is_http(target->scheme);
    const char *host = is_http ? target->http.host : target->rtmp.host;
    const char *bracket = strchr(host, ':') != NULL ? "[" : "";

    if (str_format(out, cap, "%s://%s%s%s:%d", is_http ? target->http.schema : target->rtmp.schema,
                   bracket, host, bracket[0] != '\0' ? "]" : "",
                   is_http ? target->http.port : target->rtmp.port) != 0 &&
        cap > 0)
        out[cap - 1] = '\0';
}

void origin_show(const char *url, char *out, size_t cap)
{
    const char *host = strstr(url, "://");
    const char *end = host != NULL ? host + 3 + strcspn(host + 3, "/?") : url + strlen(url);
    const char *at = host != NULL ? memrchr(host + 3, '@', (size_t)(end - host - 3)) : NULL;
    int rc;

    /* Leave out user and password. */
    if (at != NULL)
        rc = str_format(out, cap, "%.*s%.*s", (int)(host + 3 - url), url, (int)(end - at - 1),
                        at + 1);
    else
        rc = str_copy_n(out, cap, url, (size_t)(end - url));
    if (rc != 0 && cap > 0)
        out[cap - 1] = '\0';
}
