/*
 * Addresses as clients write them. RTMP has no one place for virtual host and
 * parameters: encoders put them behind the app, behind the stream or, where a
 * form field refuses '?', as "...vhost...name"; some split a deep path between
 * app and stream at another slash than others. All of these become one
 * (vhost, app, stream, param), so that every client means the same stream.
 * HTTP paths are decoded and cleaned here once
 * (RFC 3986, sections 2.1 and 5.2.4), and nobody behind decodes again.
 */
#include "proto/url.h"

#include "base/str.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define URL_RTMP_PORT    1935
#define URL_RTMPS_PORT   443
#define URL_HTTP_PORT    80
#define URL_HTTPS_PORT   443
#define URL_PATH_MAX     1024 /* app and stream together, as sent */
#define URL_DOTS         "..."
#define URL_DOTS_VHOST   "...vhost..."
#define URL_INSTANCE     "_definst_"
#define URL_INSTANCE_LEN (sizeof(URL_INSTANCE) - 1)

/* A piece of the text that is parsed. */
struct piece {
    const char *p;
    size_t len;
};

static int is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static int has_control(const char *s, int also_space)
{
    for (; *s != '\0'; s++)
        if (is_control(*s) || (also_space && *s == ' '))
            return 1;
    return 0;
}

static void lower(char *s)
{
    for (; *s != '\0'; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
}

static struct piece piece_until(const char *s, const char *stops)
{
    struct piece piece = {s, strcspn(s, stops)};

    return piece;
}

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

int url_authority_parse(const char *text, size_t len, char *host, size_t cap, int *port)
{
    const char *end = text + len;
    const char *host_end;
    const char *at = memrchr(text, '@', len);
    const char *p = at != NULL ? at + 1 : text;
    int64_t number = 0;
    char digits[8];

    assert(host != NULL && cap > 0 && port != NULL);
    if (p < end && *p == '[') {
        p++;
        host_end = memchr(p, ']', (size_t)(end - p));
        if (host_end == NULL || (host_end + 1 < end && host_end[1] != ':'))
            return -1;
        if (str_copy_n(host, cap, p, (size_t)(host_end - p)) != 0)
            return -1;
        host_end++;
    } else {
        host_end = memchr(p, ':', (size_t)(end - p));
        if (host_end == NULL)
            host_end = end;
        if (str_copy_n(host, cap, p, (size_t)(host_end - p)) != 0)
            return -1;
    }
    if (strpbrk(host, "/\\?#@[] ") != NULL)
        return -1;
    lower(host);
    if (end - host_end <= 1) /* no port, or an empty one */
        return 0;
    if (str_copy_n(digits, sizeof(digits), host_end + 1, (size_t)(end - host_end - 1)) != 0 ||
        str_to_i64(digits, 1, 65535, &number) != 0)
        return -1;
    *port = (int)number;
    return 0;
}

/* "schema://authority"; *rest is what follows. 0 or -1. */
static int schema_parse(const char *text, char *schema, size_t cap, struct piece *authority,
                        const char **rest)
{
    const char *p = strstr(text, "://");

    if (p == NULL || p == text || str_copy_n(schema, cap, text, (size_t)(p - text)) != 0)
        return -1;
    lower(schema);
    *authority = piece_until(p + 3, "/?#");
    *rest = authority->p + authority->len;
    return 0;
}

/* Adds "a=b&c=d" to what is there already. */
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
 * "...vhost...name...key...value": the same as a query, for forms that refuse '?'.
 * Becomes "vhost=name&key=value".
 */
static int param_add_dots(struct url_rtmp *url, const char *text, size_t len)
{
    char query[URL_PATH_MAX] = "";
    const char *end = text + len;
    const char *separator = "";

    while (text < end) {
        const char *next = memmem(text, (size_t)(end - text), URL_DOTS, strlen(URL_DOTS));
        size_t n = (size_t)((next != NULL ? next : end) - text);

        if (append(query, sizeof(query), separator, strlen(separator)) != 0 ||
            append(query, sizeof(query), text, n) != 0)
            return -1;
        separator = *separator == '=' ? "&" : "=";
        text = next != NULL ? next + strlen(URL_DOTS) : end;
    }
    return param_add(url, query, strlen(query));
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
static struct piece segment_next(const char **p)
{
    struct piece segment;

    *p += strspn(*p, "/");
    segment = piece_until(*p, "/");
    *p += segment.len;
    return segment;
}

/* Distributes the joined path: the last segment is the stream if there is one, the rest the app. */
static int path_split(struct url_rtmp *url, const char *path, int has_stream)
{
    const char *p = path;
    struct piece segment = segment_next(&p);

    while (segment.len > 0) {
        struct piece next = segment_next(&p);
        int is_stream = next.len == 0 && has_stream;

        if (memcmp(segment.p, "..", segment.len < 2 ? 1 : 2) == 0 && segment.len <= 2)
            return -1;
        if (is_stream) {
            if (str_copy_n(url->stream, sizeof(url->stream), segment.p, segment.len) != 0)
                return -1;
        } else if (segment.len != URL_INSTANCE_LEN ||
                   memcmp(segment.p, URL_INSTANCE, URL_INSTANCE_LEN) != 0) {
            if (url->app[0] != '\0' && append(url->app, sizeof(url->app), "/", 1) != 0)
                return -1;
            if (append(url->app, sizeof(url->app), segment.p, segment.len) != 0)
                return -1;
        }
        segment = next;
    }
    return url->app[0] != '\0' ? 0 : -1;
}

static int vhost_set(struct url_rtmp *url)
{
    const char *const names[] = {"vhost", "domain"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char value[sizeof(url->vhost)];

        if (url_query_get(url->param, names[i], value, sizeof(value)) != 0 || value[0] == '\0')
            continue;
        /* The vhost is the first part of a stream's key, so no slash may hide in it. */
        if (strpbrk(value, "/\\? ") != NULL)
            return -1;
        return str_copy(url->vhost, sizeof(url->vhost), value);
    }
    /* The name is a host's in the tcUrl of forwarders; hosts were made lower case. */
    if (url->host[0] == '\0' || str_ieq(url->host, URL_DEFAULT_VHOST))
        return str_copy(url->vhost, sizeof(url->vhost), URL_DEFAULT_VHOST);
    return str_copy(url->vhost, sizeof(url->vhost), url->host);
}

/* Schema, host and port; *rest is the path. */
static int rtmp_front_parse(struct url_rtmp *url, const char *address, const char **rest)
{
    struct piece authority;

    memset(url, 0, sizeof(*url));
    if (has_control(address, 0) ||
        schema_parse(address, url->schema, sizeof(url->schema), &authority, rest) != 0)
        return -1;
    if (strcmp(url->schema, "rtmp") == 0)
        url->port = URL_RTMP_PORT;
    else if (strcmp(url->schema, "rtmps") == 0)
        url->port = URL_RTMPS_PORT;
    else
        return -1;
    return url_authority_parse(authority.p, authority.len, url->host, sizeof(url->host),
                               &url->port);
}

enum scan url_rtmp_parse(struct url_rtmp *url, const char *tc_url, const char *stream)
{
    char path[URL_PATH_MAX] = "";
    const char *rest;

    assert(url != NULL && tc_url != NULL);
    if (rtmp_front_parse(url, tc_url, &rest) != 0)
        return SCAN_BAD;
    if (path_add(url, path, rest, strlen(rest)) != 0)
        return SCAN_BAD;
    if (stream != NULL) {
        size_t have = strlen(path);

        if (has_control(stream, 0) || path_add(url, path, stream, strlen(stream)) != 0)
            return SCAN_BAD;
        /* Nothing but slashes or a query names no stream; the app keeps its last segment. */
        if (path[have + strspn(path + have, "/")] == '\0')
            stream = NULL;
    }
    if (path_split(url, path, stream != NULL) != 0 || vhost_set(url) != 0)
        return SCAN_BAD;
    return SCAN_DONE;
}

/*
 * Where the stream begins in "/app/stream?x=y", or in "/app?vhost=v/stream?x=y".
 * A slash behind '?' may also belong to a token, so it is taken for the stream's
 * only when the path before has no stream, or when it would end up in the vhost.
 */
static const char *stream_find(const char *rest)
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
    if (rtmp_front_parse(url, address, &rest) != 0 || url->host[0] == '\0')
        return SCAN_BAD;
    stream = stream_find(rest);
    if (stream == NULL || path_add(url, path, rest, (size_t)(stream - 1 - rest)) != 0 ||
        path_add(url, path, stream, strlen(stream)) != 0)
        return SCAN_BAD;
    if (path_split(url, path, 1) != 0 || url->stream[0] == '\0' || vhost_set(url) != 0)
        return SCAN_BAD;
    return SCAN_DONE;
}

enum scan url_http_parse(struct url_http *url, const char *address)
{
    struct piece authority;
    struct piece part;
    const char *rest;

    assert(url != NULL && address != NULL);
    memset(url, 0, sizeof(*url));
    if (has_control(address, 1) ||
        schema_parse(address, url->schema, sizeof(url->schema), &authority, &rest) != 0)
        return SCAN_BAD;
    if (strcmp(url->schema, "http") == 0 || strcmp(url->schema, "ws") == 0)
        url->port = URL_HTTP_PORT;
    else if (strcmp(url->schema, "https") == 0 || strcmp(url->schema, "wss") == 0)
        url->port = URL_HTTPS_PORT;
    else
        return SCAN_BAD;
    if (url_authority_parse(authority.p, authority.len, url->host, sizeof(url->host), &url->port) !=
            0 ||
        url->host[0] == '\0')
        return SCAN_BAD;
    part = piece_until(rest, "?#");
    if (str_copy_n(url->path, sizeof(url->path), part.len > 0 ? part.p : "/",
                   part.len > 0 ? part.len : 1) != 0)
        return SCAN_BAD;
    rest += part.len;
    if (*rest == '?') {
        part = piece_until(rest + 1, "#");
        if (str_copy_n(url->query, sizeof(url->query), part.p, part.len) != 0)
            return SCAN_BAD;
    }
    return SCAN_DONE;
}

int url_http_next(const struct url_http *at, const char *location, char *out, size_t cap)
{
    int is_v6 = strchr(at->host, ':') != NULL;

    if (location[0] != '/')
        return str_copy(out, cap, location);
    if (location[1] == '/')
        return str_format(out, cap, "%s:%s", at->schema, location);
    return str_format(out, cap, "%s://%s%s%s:%d%s", at->schema, is_v6 ? "[" : "", at->host,
                      is_v6 ? "]" : "", at->port, location);
}

/* The next decoded byte (1 to 255) of what is left, -1 for a bad escape or a control character. */
static int decode_next(const char **p, const char *end)
{
    unsigned char c = (unsigned char)*(*p)++;

    if (c == '%') {
        int high;
        int low;

        if (end - *p < 2)
            return -1;
        high = str_hex_digit((*p)[0]);
        low = str_hex_digit((*p)[1]);
        if (high < 0 || low < 0)
            return -1;
        *p += 2;
        c = (unsigned char)(high << 4 | low);
    }
    return is_control((char)c) ? -1 : c;
}

/*
 * Called with a whole segment at out[start..*len): takes away "." and "..".
 * out[start - 1] is a slash. -1 above the root.
 */
static int segment_resolve(char *out, size_t start, size_t *len)
{
    size_t n = *len - start;

    if (n == 1 && out[start] == '.') {
        *len = start;
    } else if (n == 2 && out[start] == '.' && out[start + 1] == '.') {
        if (start == 1)
            return -1;
        start--; /* the slash before ".." */
        while (out[start - 1] != '/')
            start--;
        *len = start;
    }
    return 0;
}

enum scan url_path_clean(char *out, size_t cap, const char *path, size_t len)
{
    const char *end = path + len;
    const char *p = path;
    size_t n = 1;     /* bytes in out */
    size_t start = 1; /* of the segment that is being written */

    assert(out != NULL && path != NULL);
    if (cap < 2 || len == 0 || *p++ != '/')
        return SCAN_BAD;
    out[0] = '/';
    while (p < end) {
        int c = decode_next(&p, end);

        if (c < 0 || c == '\\')
            return SCAN_BAD;
        if (c == '/') {
            if (segment_resolve(out, start, &n) != 0)
                return SCAN_BAD;
            start = n;
            if (out[n - 1] == '/')
                continue;
            start = n + 1;
        }
        if (n + 1 >= cap)
            return SCAN_BAD;
        out[n++] = (char)c;
    }
    if (segment_resolve(out, start, &n) != 0)
        return SCAN_BAD;
    out[n] = '\0';
    return SCAN_DONE;
}

int url_query_get(const char *query, const char *name, char *out, size_t cap)
{
    size_t name_len = strlen(name);

    assert(query != NULL && out != NULL && cap > 0 && name_len > 0);
    if (*query == '?')
        query++;
    while (*query != '\0') {
        struct piece item = piece_until(query, "&");
        const char *p = item.p + name_len;
        const char *end = item.p + item.len;
        size_t n = 0;

        query = *end == '&' ? end + 1 : end;
        if (item.len < name_len || memcmp(item.p, name, name_len) != 0 || (p < end && *p != '='))
            continue;
        if (p < end)
            p++;
        while (p < end) {
            int c = *p == '+' ? (p++, ' ') : decode_next(&p, end);

            if (c < 0 || n + 1 >= cap)
                return -1;
            out[n++] = (char)c;
        }
        out[n] = '\0';
        return 0;
    }
    return -1;
}
