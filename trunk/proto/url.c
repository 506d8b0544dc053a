/*
 * HTTP addresses, and the parts shared with RTMP's (url_rtmp.c): scheme, host, port, queries. HTTP
 * paths are decoded and cleaned here once (RFC 3986, sections 2.1 and 5.2.4); the rest of the
 * server never decodes again.
 */
#include "proto/url.h"

#include "base/str.h"
#include "proto/url_private.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define URL_HTTP_PORT  80
#define URL_HTTPS_PORT 443

static int is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

int url_has_control(const char *s, int also_space)
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

struct url_piece url_piece_until(const char *s, const char *stops)
{
    struct url_piece piece = {s, strcspn(s, stops)};

    return piece;
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
    for (const char *c = host; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("/\\?#@[]<>\"^`{|}", *c) != NULL)
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

int url_schema_parse(const char *text, char *schema, size_t cap, struct url_piece *authority,
                     const char **rest)
{
    const char *p = strstr(text, "://");

    if (p == NULL || p == text || str_copy_n(schema, cap, text, (size_t)(p - text)) != 0)
        return -1;
    lower(schema);
    *authority = url_piece_until(p + 3, "/?#");
    *rest = authority->p + authority->len;
    return 0;
}

enum scan url_http_parse(struct url_http *url, const char *address)
{
    struct url_piece authority;
    struct url_piece part;
    const char *rest;

    assert(url != NULL && address != NULL);
    memset(url, 0, sizeof(*url));
    if (url_has_control(address, 1) ||
        url_schema_parse(address, url->schema, sizeof(url->schema), &authority, &rest) != 0)
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
    part = url_piece_until(rest, "?#");
    if (str_copy_n(url->path, sizeof(url->path), part.len > 0 ? part.p : "/",
                   part.len > 0 ? part.len : 1) != 0)
        return SCAN_BAD;
    rest += part.len;
    if (*rest == '?') {
        part = url_piece_until(rest + 1, "#");
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

int url_decode_next(const char **p, const char *end)
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
 * Called with a complete segment at out[start..*len): removes "." and "..". out[start - 1] is a
 * slash. -1 above the root.
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
    size_t start = 1; /* of the current segment */

    assert(out != NULL && path != NULL);
    if (cap < 2 || len == 0 || *p++ != '/')
        return SCAN_BAD;
    out[0] = '/';
    while (p < end) {
        int c = url_decode_next(&p, end);

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
        struct url_piece item = url_piece_until(query, "&");
        const char *p = item.p + name_len;
        const char *end = item.p + item.len;
        size_t n = 0;

        query = *end == '&' ? end + 1 : end;
        if (item.len < name_len || memcmp(item.p, name, name_len) != 0 || (p < end && *p != '='))
            continue;
        if (p < end)
            p++;
        while (p < end) {
            int c = *p == '+' ? (p++, ' ') : url_decode_next(&p, end);

            if (c < 0 || n + 1 >= cap)
                return -1;
            out[n++] = (char)c;
        }
        out[n] = '\0';
        return 0;
    }
    return -1;
}
