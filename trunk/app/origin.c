/*
 * From "h:p" and a stream's names to the address to ask. Names are made of what
 * publishers and viewers send, so they are escaped on their way into an address.
 */
#include "app/origin.h"

#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <ctype.h>
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

/* Brackets may only stand around app and stream. */
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

/* Behind "schema://host". */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://");

    assert(host != NULL);
    return host + 3 + strcspn(host + 3, "/?");
}

/* Of an address with this schema. */
static int rtmp_check(const char *url, const char *schema, const char **why)
{
    const char *path = path_of(url);
    const char *host = url + strlen(schema);
    char authority[HOST_SIZE + 16];

    *why = "an RTMP address is rtmp://host[:port], perhaps with a path of [app] and [stream]";
    if (!str_starts(url, schema) ||
        str_copy_n(authority, sizeof(authority), host, (size_t)(path - host)) != 0 ||
        origin_check(authority) != 0)
        return -1;
    if (*path != '\0' && strcmp(path, "/") != 0 && (!has_place(path) || brackets_check(path) != 0))
        return -1;
    return 0;
}

int origin_destination_check(const char *text, const char **why)
{
    if (strstr(text, "://") != NULL)
        return rtmp_check(text, str_starts(text, RTMPS) ? RTMPS : RTMP, why);
    *why = "a destination is host:port or rtmp://host:port/[app]/[stream]?vhost=name";
    return origin_check(text);
}

int origin_source_check(const char *name, const char *url, const char **why)
{
    struct url_http http;

    *why = "a source's name is made of letters, digits, '-', '.' and '_'";
    if (name[0] == '\0' || strlen(name) > 64)
        return -1;
    for (const char *p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("-._", *p) == NULL)
            return -1;
    if (str_starts(url, RTMP))
        return rtmp_check(url, RTMP, why);
    *why = "a source is rtmp://host[:port] or http://host[:port]/path";
    if (!str_starts(url, "http://") && !str_starts(url, "https://"))
        return -1;
    if (url_http_parse(&http, url) != SCAN_DONE)
        return -1;
    return brackets_check(path_of(url));
}

/* Whatever may be misread in a path or a query is escaped; slashes stay. */
static int put_escaped(struct buf *out, const char *text)
{
    int rc = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (isalnum(c) || strchr("-._~/", c) != NULL)
            rc |= buf_append(out, text, 1);
        else
            rc |= buf_printf(out, "%%%02X", c);
    }
    return rc;
}

/* Servers that decode RTMP names, as ours do, must not take a '%' of a name for an escape. All else
 * goes as it is, for those that do not. */
static int put_name(struct buf *out, const char *text, int is_http)
{
    int rc = 0;

    if (is_http)
        return put_escaped(out, text);
    for (; *text != '\0'; text++)
        rc |= *text == '%' ? buf_append(out, "%25", 3) : buf_append(out, text, 1);
    return rc;
}

static int put_template(struct buf *out, const char *tmpl, const struct origin_stream *stream,
                        int is_http)
{
    const char *p = tmpl;
    int rc = 0;

    while (*p != '\0') {
        size_t len = strcspn(p + 1, "[") + 1;

        if (str_starts(p, "[app]")) {
            rc |= put_name(out, stream->app, is_http);
            p += strlen("[app]");
        } else if (str_starts(p, "[stream]")) {
            rc |= put_name(out, stream->name, is_http);
            p += strlen("[stream]");
        } else {
            rc |= buf_append(out, p, len);
            p += len;
        }
    }
    return rc;
}

static int has_vhost(const struct origin_stream *stream)
{
    return stream->vhost != NULL && stream->vhost[0] != '\0' &&
           strcmp(stream->vhost, URL_DEFAULT_VHOST) != 0;
}

/* The client's parameters, and RTMP's way to name a vhost. */
static int put_query(struct buf *out, const struct origin_stream *stream, int is_http, char mark)
{
    const char *param = stream->param != NULL ? stream->param : "";
    int rc = 0;

    if (!is_http && has_vhost(stream)) {
        rc |= buf_printf(out, "%cvhost=%s", mark, stream->vhost);
        mark = '&';
    }
    if (*param == '?')
        param++;
    if (*param != '\0')
        rc |= buf_printf(out, "%c%s", mark, param);
    return rc;
}

static int take(struct buf *buf, int rc, char out[ORIGIN_URL_MAX])
{
    if (rc == 0)
        rc = str_copy_n(out, ORIGIN_URL_MAX, (const char *)buf_data(buf), buf->len);
    buf_fini(buf);
    return rc == 0 ? 0 : -1;
}

int origin_url(enum origin_scheme scheme, const char *origin, const struct origin_stream *stream,
               char out[ORIGIN_URL_MAX])
{
    static const char *const schemas[] = {"rtmp", "http", "https", "rtmps"};
    int is_http = scheme == ORIGIN_FLV || scheme == ORIGIN_FLVS;
    struct buf buf;
    int rc;

    buf_init(&buf, ORIGIN_URL_MAX);
    rc = buf_printf(&buf, "%s://%s", schemas[scheme], origin);
    rc |= put_template(&buf, is_http ? "/[app]/[stream].flv" : "/[app]/[stream]", stream, is_http);
    rc |= put_query(&buf, stream, is_http, '?');
    return take(&buf, rc, out);
}

int origin_destination_url(const char *text, const struct origin_stream *stream,
                           char out[ORIGIN_URL_MAX])
{
    struct origin_stream plain = *stream;
    struct buf buf;
    int rc;

    if (strstr(text, "://") == NULL)
        return origin_url(ORIGIN_RTMP, text, stream, out);
    if (!has_place(text))
        return str_starts(text, RTMPS) ? origin_url(ORIGIN_RTMPS, text + strlen(RTMPS), stream, out)
                                       : origin_url(ORIGIN_RTMP, text + strlen(RTMP), stream, out);
    buf_init(&buf, ORIGIN_URL_MAX);
    rc = put_template(&buf, text, stream, 0);
    /* An address that is written in full says its vhost itself. */
    plain.vhost = NULL;
    rc |= put_query(&buf, &plain, 0, strchr(text, '?') != NULL ? '&' : '?');
    return take(&buf, rc, out);
}

int origin_source_url(const char *url, const struct origin_stream *stream, const char *port,
                      char out[ORIGIN_URL_MAX])
{
    int is_http = !str_starts(url, "rtmp:");
    char mark = strchr(url, '?') != NULL ? '&' : '?';
    struct buf buf;
    int rc;

    if (!is_http)
        return origin_destination_url(url, stream, out);
    buf_init(&buf, ORIGIN_URL_MAX);
    rc = put_template(&buf, url, stream, 1);
    if (!has_place(url)) {
        rc |= buf_printf(&buf, "%capp=", mark);
        rc |= put_escaped(&buf, stream->app);
        rc |= buf_printf(&buf, "&stream=");
        rc |= put_escaped(&buf, stream->name);
        if (port[0] != '\0')
            rc |= buf_printf(&buf, "&port=%s", port);
        mark = '&';
    }
    rc |= put_query(&buf, stream, 1, mark);
    return take(&buf, rc, out);
}

/* "app/stream" to "app", where the last part is this stream. */
static void cut_stream(char *app, const char *stream)
{
    size_t app_len = strlen(app);
    size_t len = strlen(stream);

    if (app_len > len + 1 && app[app_len - len - 1] == '/' &&
        strcmp(app + app_len - len, stream) == 0)
        app[app_len - len - 1] = '\0';
}

int origin_redirect(struct url_rtmp *url, const char *to)
{
    struct url_rtmp next;
    int had_vhost = strcmp(url->vhost, url->host) != 0;

    if (url_rtmp_parse(&next, to, NULL) != SCAN_DONE || strcmp(next.schema, "rtmp") != 0 ||
        next.host[0] == '\0')
        return -1;
    cut_stream(next.app, url->stream);
    if (had_vhost)
        (void)str_copy(next.vhost, sizeof(next.vhost), url->vhost);
    if (url->param[0] != '\0')
        (void)str_copy(next.param, sizeof(next.param), url->param);
    (void)str_copy(next.stream, sizeof(next.stream), url->stream);
    *url = next;
    return 0;
}

void origin_show(const char *url, char *out, size_t cap)
{
    const char *host = strstr(url, "://");
    size_t len = host != NULL ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?") : strlen(url);

    if (str_copy_n(out, cap, url, len) != 0 && cap > 0)
        out[cap - 1] = '\0';
}
