/*
 * RTMP addresses as clients write them. RTMP defines no single place for the vhost and the
 * parameters: encoders put them after the app, after the stream or, where a form field refuses '?',
 * as "...vhost...name"; clients split a deep path between app and stream at different slashes, or
 * leave one of the two empty. All of these are normalized to one (vhost, app, stream, param), so
 * that every client gets the same stream.
 */
#include "base/str.h"
#include "proto/url.h"
#include "proto/url_private.h"

#include <assert.h>
#include <string.h>

#define URL_RTMP_PORT    1935
#define URL_RTMPS_PORT   443
#define URL_PATH_MAX     2048 /* app and stream together, as sent */
#define URL_DOTS         "..."
#define URL_DOTS_VHOST   "...vhost..."
#define URL_INSTANCE     "_definst_"
#define URL_INSTANCE_LEN (sizeof(URL_INSTANCE) - 1)

/* Appends to a string that has `cap` bytes in all; 0 or -1 if it does not fit. */
static int append(char *dst, size_t cap, const char *src, size_t len)
{
    size_t have = strlen(dst);

    if (len >= cap - have)
        return -1;
    memcpy(dst + have, src, len);
    dst[have + len] = '\0';
    return 0;
}

/* Records the fault; -1. */
static int fault_set(struct url_rtmp *url, const char *fault)
{
    url->fault = fault;
    return -1;
}

/* Appends "a=b&c=d" to the parameters. */
static int param_add(struct url_rtmp *url, const char *text, size_t len)
{
    while (len > 0 && (*text == '?' || *text == '&')) {
        text++;
        len--;
    }
    if (len == 0)
        return 0;
    if (append(url->param, sizeof(url->param), url->param[0] == '\0' ? "?" : "&", 1) != 0)
        return -1;
    return append(url->param, sizeof(url->param), text, len);
}

/*
 * "...vhost...name...key...value": a query for forms that refuse '?'. Becomes
 * "vhost=name&key=value".
 */
static int param_add_dots(struct url_rtmp *url, const char *text, size_t len)
{
    const char *end = text + len;
    const char *separator = url->param[0] == '\0' ? "?" : "&";

    while (text < end) {
        const char *next = memmem(text, (size_t)(end - text), URL_DOTS, strlen(URL_DOTS));
        size_t n = (size_t)((next != NULL ? next : end) - text);

        if (append(url->param, sizeof(url->param), separator, strlen(separator)) != 0 ||
            append(url->param, sizeof(url->param), text, n) != 0)
            return -1;
        separator = *separator == '=' ? "&" : "=";
        text = next != NULL ? next + strlen(URL_DOTS) : end;
    }
    return 0;
}

/* Splits "path?query" or "path...vhost...name": the path goes to `path`, the rest to the
 * parameters. */
static int path_add(struct url_rtmp *url, char path[URL_PATH_MAX], const char *text, size_t len)
{
    const char *mark = memchr(text, '?', len);
    size_t path_len = mark != NULL ? (size_t)(mark - text) : len;
    const char *dots = memmem(text, path_len, URL_DOTS_VHOST, strlen(URL_DOTS_VHOST));

    if (append(path, URL_PATH_MAX, "/", 1) != 0)
        return -1;
    if (dots != NULL) {
        const char *from = dots + strlen(URL_DOTS);
        const char *slash = memchr(from, '/', (size_t)(text + path_len - from));
        const char *to = slash != NULL ? slash : text + path_len;

        if (append(path, URL_PATH_MAX, text, (size_t)(dots - text)) != 0 ||
            append(path, URL_PATH_MAX, to, (size_t)(text + path_len - to)) != 0 ||
            param_add_dots(url, from, (size_t)(to - from)) != 0)
            return -1;
    } else if (append(path, URL_PATH_MAX, text, path_len) != 0) {
        return -1;
    }
    return mark != NULL ? param_add(url, mark, len - path_len) : 0;
}

/* The next segment of a path, without its slashes; len 0 at the end. */
static struct url_piece segment_next(const char **p)
{
    struct url_piece segment;

    *p += strspn(*p, "/");
    segment = url_piece_until(*p, "/");
    *p += segment.len;
    return segment;
}

/*
 * Decodes the joined path in place, as url_path_clean() does for HTTP: a stream has one name, in
 * whatever spelling a client sends it. A character that has a meaning in addresses ('?', a
 * backslash, "..") is refused if it is encoded: the next server would parse the name differently.
 */
static int path_decode(char *path)
{
    const char *p = path;
    const char *end = path + strlen(path);
    char *out = path;

    while (p < end) {
        int c = url_decode_next(&p, end);

        if (c < 0 || c == '\\' || c == '?')
            return -1;
        *out++ = (char)c;
    }
    *out = '\0';
    return strstr(path, URL_DOTS_VHOST) != NULL ? -1 : 0;
}

static int is_instance(struct url_piece segment)
{
    return segment.len == URL_INSTANCE_LEN &&
           memcmp(segment.p, URL_INSTANCE, URL_INSTANCE_LEN) == 0;
}

static int is_dots(struct url_piece segment)
{
    return segment.len <= 2 && memcmp(segment.p, "..", segment.len) == 0;
}

static int app_add(struct url_rtmp *url, struct url_piece segment)
{
    if (url->app[0] != '\0' && append(url->app, sizeof(url->app), "/", 1) != 0)
        return -1;
    return append(url->app, sizeof(url->app), segment.p, segment.len);
}

/* Which segment of the path is the stream. */
enum stream_place {
    STREAM_NOWHERE, /* not known yet: everything is app */
    STREAM_GIVEN,   /* the last one, whatever it is */
    STREAM_IN_APP   /* the last one, if another remains for the app */
};

/* Splits the joined path into app and stream. */
static int path_split(struct url_rtmp *url, const char *path, enum stream_place place)
{
    const char *p = path;
    struct url_piece last = {NULL, 0};

    for (struct url_piece segment = segment_next(&p); segment.len > 0;) {
        struct url_piece next = segment_next(&p);
        int is_given = next.len == 0 && place == STREAM_GIVEN;

        if (is_dots(segment))
            return -1;
        if (is_given || !is_instance(segment)) {
            if (last.len > 0 && app_add(url, last) != 0)
                return -1;
            last = segment;
        }
        segment = next;
    }
    if (place == STREAM_NOWHERE || (place == STREAM_IN_APP && url->app[0] == '\0'))
        return last.len > 0 ? app_add(url, last) : 0;
    return str_copy_n(url->stream, sizeof(url->stream), last.len > 0 ? last.p : "", last.len);
}

static int vhost_set(struct url_rtmp *url)
{
    const char *const names[] = {"vhost", "domain"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char value[sizeof(url->vhost)];

        if (url_query_get(url->param, names[i], value, sizeof(value)) != 0 || value[0] == '\0')
            continue;
        /* The vhost is the first part of a stream's key, so it must not contain a slash. */
        if (strpbrk(value, "/\\? ") != NULL)
            return -1;
        return str_copy(url->vhost, sizeof(url->vhost), value);
    }
    /* Forwarders use that name as the host of the tcUrl; hosts were made lower case. */
    if (url->host[0] == '\0' || str_ieq(url->host, URL_DEFAULT_VHOST))
        return str_copy(url->vhost, sizeof(url->vhost), URL_DEFAULT_VHOST);
    return str_copy(url->vhost, sizeof(url->vhost), url->host);
}

/* Schema, host and port; *rest is the path. */
static int rtmp_front_parse(struct url_rtmp *url, const char *address, const char **rest)
{
    struct url_piece authority;

    if (url_has_control(address, 0) ||
        url_schema_parse(address, url->schema, sizeof(url->schema), &authority, rest) != 0)
        return -1;
    if (strcmp(url->schema, "rtmp") == 0)
        url->port = URL_RTMP_PORT;
    else if (strcmp(url->schema, "rtmps") == 0)
        url->port = URL_RTMPS_PORT;
    else
        return fault_set(url, "the address has an unknown scheme");
    return url_authority_parse(authority.p, authority.len, url->host, sizeof(url->host),
                               &url->port);
}

/* Parses the tcUrl. One without a scheme is ignored: then only the app counts. */
static int tc_url_parse(struct url_rtmp *url, const struct url_rtmp_call *call, const char **rest)
{
    int has_app = call->app != NULL && call->app[0] != '\0';

    if (strstr(call->tc_url, "://") != NULL || !has_app)
        return rtmp_front_parse(url, call->tc_url, rest);
    (void)str_copy(url->schema, sizeof(url->schema), "rtmp");
    url->port = URL_RTMP_PORT;
    *rest = "";
    return 0;
}

/* Joins the path: the tcUrl's, connect's app if the tcUrl has none, the stream's. */
static int path_join(struct url_rtmp *url, char path[URL_PATH_MAX], const char *rest,
                     const struct url_rtmp_call *call, enum stream_place *place)
{
    const char *stream = call->stream;
    size_t have;

    if (path_add(url, path, rest, strlen(rest)) != 0)
        return -1;
    if (path[strspn(path, "/")] == '\0' && call->app != NULL &&
        path_add(url, path, call->app, strlen(call->app)) != 0)
        return -1;
    *place = STREAM_NOWHERE;
    if (stream == NULL)
        return 0;
    have = strlen(path);
    if (path_add(url, path, stream, strlen(stream)) != 0)
        return -1;
    /* Nothing but slashes or a query names no stream. */
    *place = path[have + strspn(path + have, "/")] == '\0' ? STREAM_IN_APP : STREAM_GIVEN;
    return 0;
}

enum scan url_rtmp_parse_call(struct url_rtmp *url, const struct url_rtmp_call *call)
{
    char path[URL_PATH_MAX] = "";
    enum stream_place place;
    const char *rest;

    assert(url != NULL && call->tc_url != NULL);
    memset(url, 0, sizeof(*url));
    url->fault = "the address is malformed";
    if (tc_url_parse(url, call, &rest) != 0 ||
        (call->app != NULL && url_has_control(call->app, 0)) ||
        (call->stream != NULL && url_has_control(call->stream, 0)))
        return SCAN_BAD;
    if (path_join(url, path, rest, call, &place) != 0 ||
        strlen(path) + strlen(url->param) > URL_RTMP_MAX) {
        url->fault = "the address is too long";
        return SCAN_BAD;
    }
    if (path_decode(path) != 0 || path_split(url, path, place) != 0)
        return SCAN_BAD;
    if (url->app[0] == '\0') {
        url->fault = "the address has no app";
        return SCAN_BAD;
    }
    return vhost_set(url) == 0 ? SCAN_DONE : SCAN_BAD;
}

enum scan url_rtmp_parse(struct url_rtmp *url, const char *tc_url, const char *stream)
{
    struct url_rtmp_call call = {.tc_url = tc_url, .stream = stream};

    return url_rtmp_parse_call(url, &call);
}

/*
 * Where the stream begins in "/app/stream?x=y", or in "/app?vhost=v/stream?x=y". A slash after '?'
 * may also belong to a token, so it is taken as the stream's only when the path before it has no
 * stream, or when it would become part of the vhost.
 */
const char *url_rtmp_split(const char *rest)
{
    size_t path_len = strcspn(rest, "?");
    const char *path_end = rest + path_len;
    const char *last = path_len > 0 ? memrchr(rest, '/', path_len) : NULL;
    const char *first = rest + strspn(rest, "/");
    const char *slash = strrchr(path_end, '/');
    char vhost[256];

    if (slash != NULL) {
        if (last == NULL || last < first)
            return slash + 1;
        if (url_query_get(path_end, "vhost", vhost, sizeof(vhost)) == 0 &&
            strchr(vhost, '/') != NULL) {
            const char *question = strchr(path_end + 1, '?');

            if (question != NULL)
                slash = memrchr(path_end, '/', (size_t)(question - path_end));
            return slash != NULL ? slash + 1 : NULL;
        }
    }
    return last != NULL && last >= first ? last + 1 : NULL;
}

enum scan url_rtmp_parse_full(struct url_rtmp *url, const char *address)
{
    char path[URL_PATH_MAX] = "";
    const char *rest;
    const char *stream;

    assert(url != NULL && address != NULL);
    memset(url, 0, sizeof(*url));
    url->fault = "the address is malformed";
    if (rtmp_front_parse(url, address, &rest) != 0 || url->host[0] == '\0')
        return SCAN_BAD;
    stream = url_rtmp_split(rest);
    if (stream == NULL || path_add(url, path, rest, (size_t)(stream - 1 - rest)) != 0 ||
        path_add(url, path, stream, strlen(stream)) != 0)
        return SCAN_BAD;
    if (path_split(url, path, STREAM_GIVEN) != 0 || url->app[0] == '\0' || url->stream[0] == '\0' ||
        vhost_set(url) != 0)
        return SCAN_BAD;
    return SCAN_DONE;
}
