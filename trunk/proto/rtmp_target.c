/*
 * RTMP puts the vhost, the app, the stream and the parameters into two texts, and most servers
 * decode no escapes: a '?' in a stream's name begins the parameters, "...vhost..." names a vhost.
 * Names come from viewers and publishers. So the texts are built here from the parts, and then
 * parsed again with our own server's parser: they are sent only if the result equals the parts.
 */
#include "proto/rtmp_target.h"

#include "base/str.h"
#include "proto/url_param.h"
#include "proto/url_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Whether other servers read a vhost here where our parser does not. */
static int names_vhost(const char *text)
{
    static const char *const marks[] = {"vhost=", "vhost...", "domain=", "domain..."};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strstr(text, marks[i]) != NULL)
            return 1;
    return 0;
}

static int is_plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || strchr("?#\\", *p) != NULL)
            return 0;
    return !names_vhost(text);
}

static int has_vhost(const struct rtmp_parts *parts)
{
    return parts->vhost[0] != '\0' && strcmp(parts->vhost, URL_DEFAULT_VHOST) != 0 &&
           strcmp(parts->vhost, parts->host) != 0;
}

int rtmp_target_name(char *out, size_t cap, const char *name)
{
    size_t len = strlen(out);

    for (; *name != '\0'; name++) {
        const char *text = *name == '%' ? "%25" : (char[]){*name, '\0'};

        if (str_copy(out + len, cap - len, text) != 0)
            return -1;
        len += strlen(text);
    }
    return 0;
}

/* Builds the texts, one after the other. */
static int put_texts(struct rtmp_target *out, const struct rtmp_parts *parts)
{
    char *name = out->name;
    size_t cap = sizeof(out->name);
    size_t len;

    if (rtmp_target_name(out->app, sizeof(out->app), parts->app) != 0 ||
        rtmp_target_tc_url(out) != 0 || rtmp_target_name(name, cap, parts->stream) != 0)
        return -1;
    len = strlen(out->tc_url);
    if (has_vhost(parts) &&
        str_format(out->tc_url + len, sizeof(out->tc_url) - len, "?vhost=%s", parts->vhost) != 0)
        return -1;
    len = strlen(name);
    if (len + 2 > cap)
        return -1;
    name[len] = '?';
    if (url_param_pass(parts->param, name + len + 1, cap - len - 1) != 0)
        return -1;
    if (name[len + 1] == '\0')
        name[len] = '\0';
    return 0;
}

/* Whether a server parses the same parts. */
static int is_understood(const struct rtmp_target *target, const struct rtmp_parts *parts)
{
    struct url_rtmp *url = malloc(sizeof(*url)); /* too large for a coroutine's stack */
    int is_same = url != NULL && url_rtmp_parse(url, target->tc_url, target->name) == SCAN_DONE &&
                  strcmp(url->schema, parts->schema) == 0 && str_ieq(url->host, parts->host) &&
                  url->port == parts->port && strcmp(url->app, parts->app) == 0 &&
                  strcmp(url->stream, parts->stream) == 0 &&
                  str_ieq(url->vhost, has_vhost(parts)                          ? parts->vhost
                                      : str_ieq(parts->host, URL_DEFAULT_VHOST) ? URL_DEFAULT_VHOST
                                                                                : parts->host);

    free(url);
    return is_same;
}

int rtmp_target_make(struct rtmp_target *out, const struct rtmp_parts *parts)
{
    memset(out, 0, sizeof(*out));
    if (!is_plain(parts->app) || !is_plain(parts->stream) || parts->stream[0] == '\0' ||
        parts->host[0] == '\0')
        return -1;
    out->port = parts->port;
    if (str_copy(out->schema, sizeof(out->schema), parts->schema) != 0 ||
        str_copy(out->host, sizeof(out->host), parts->host) != 0 || put_texts(out, parts) != 0)
        return -1;
    return is_understood(out, parts) ? 0 : -1;
}

/* ---- whole addresses ---- */

/* "/app/" to "app", undecoded. */
static int put_app(struct rtmp_target *out, const char *path, size_t len)
{
    while (len > 0 && path[len - 1] == '/')
        len--;
    while (len > 0 && *path == '/') {
        path++;
        len--;
    }
    return len > 0 ? str_copy_n(out->app, sizeof(out->app), path, len) : -1;
}

int rtmp_target_tc_url(struct rtmp_target *target)
{
    int is_v6 = strchr(target->host, ':') != NULL;

    return str_format(target->tc_url, sizeof(target->tc_url), "%s://%s%s%s:%d/%s", target->schema,
                      is_v6 ? "[" : "", target->host, is_v6 ? "]" : "", target->port, target->app);
}

/* Decodes "%40" and similar. 0, or -1 for bytes that cannot be part of a name, or when it is too
 * long. */
static int put_decoded(char *out, size_t cap, const char *p, const char *end)
{
    size_t len = 0;

    while (p < end) {
        int c = *p == '%' ? url_decode_next(&p, end) : (unsigned char)*p++;

        if (c <= 0x20 || c == 0x7f || len + 1 >= cap)
            return -1;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return 0;
}

const char *rtmp_target_read_user(struct rtmp_target *out, const char *authority, size_t len)
{
    const char *at = memrchr(authority, '@', len);
    const char *colon;

    out->user[0] = out->password[0] = '\0';
    if (at == NULL)
        return authority;
    colon = memchr(authority, ':', (size_t)(at - authority));
    if (colon == NULL)
        colon = at;
    if (put_decoded(out->user, sizeof(out->user), authority, colon) != 0 || out->user[0] == '\0' ||
        strpbrk(out->user, "?&=#/") != NULL || /* it goes into a query */
        (colon < at && put_decoded(out->password, sizeof(out->password), colon + 1, at) != 0))
        return NULL;
    return at + 1;
}

int rtmp_target_read(struct rtmp_target *out, const char *address)
{
    size_t schema_len = strcspn(address, ":");
    const char *authority = address + schema_len + 3;
    const char *path, *name;

    memset(out, 0, sizeof(*out));
    if (!str_starts(address, "rtmp://") && !str_starts(address, "rtmps://"))
        return -1;
    for (const char *p = address; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return -1;
    path = authority + strcspn(authority, "/?#");
    name = *path != '\0' ? url_rtmp_split(path) : NULL;
    out->port = str_starts(address, "rtmps") ? 443 : 1935;
    authority = rtmp_target_read_user(out, authority, (size_t)(path - authority));
    if (authority == NULL || name == NULL || *name == '\0' ||
        str_copy_n(out->schema, sizeof(out->schema), address, schema_len) != 0 ||
        url_authority_parse(authority, (size_t)(path - authority), out->host, sizeof(out->host),
                            &out->port) != 0 ||
        out->host[0] == '\0' || put_app(out, path, (size_t)(name - path)) != 0 ||
        str_copy(out->name, sizeof(out->name), name) != 0)
        return -1;
    return str_format(out->tc_url, sizeof(out->tc_url), "%s://%.*s/%s", out->schema,
                      (int)(path - authority), authority, out->app);
}

/* ---- redirections ---- */

/* "app/stream" to "app", if the last part is this stream. */
static void cut_stream(char *app, const char *stream)
{
    size_t app_len = strlen(app);
    size_t len = strlen(stream);

    if (app_len > len + 1 && app[app_len - len - 1] == '/' &&
        strcmp(app + app_len - len, stream) == 0)
        app[app_len - len - 1] = '\0';
}

struct redirection {
    struct url_rtmp from, to;
    struct rtmp_target target;
};

static int redirect(struct redirection *r, const struct rtmp_target *target, const char *to)
{
    struct rtmp_parts parts;
    int had_vhost;

    if (url_rtmp_parse(&r->from, target->tc_url, target->name) != SCAN_DONE ||
        url_rtmp_parse(&r->to, to, NULL) != SCAN_DONE || strcmp(r->to.schema, "rtmp") != 0 ||
        r->to.host[0] == '\0')
        return -1;
    cut_stream(r->to.app, r->from.stream);
    had_vhost = strcmp(r->from.vhost, r->from.host) != 0;
    parts = (struct rtmp_parts){.schema = r->to.schema,
                                .host = r->to.host,
                                .port = r->to.port,
                                .vhost = had_vhost ? r->from.vhost : r->to.vhost,
                                .app = r->to.app,
                                .stream = r->from.stream,
                                .param = strchr(target->name, '?') != NULL ? r->from.param
                                                                           : r->to.param};
    return rtmp_target_make(&r->target, &parts);
}

int rtmp_target_redirect(struct rtmp_target *target, const char *to)
{
    struct redirection *r = malloc(sizeof(*r));
    int rc = r != NULL ? redirect(r, target, to) : -1;

    assert(to != NULL);
    if (rc == 0)
        *target = r->target;
    free(r);
    return rc;
}
