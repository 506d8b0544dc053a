/*
 * Addresses: whatever comes in, what comes out holds no control character, no
 * "..", no doubled slash, and is terminated within its field.
 */
#include "proto/url.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s, size_t cap)
{
    size_t len = strnlen(s, cap);

    assert(len < cap);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)s[i] >= 0x20 && s[i] != 0x7f);
}

static void check_rtmp(const struct url_rtmp *url)
{
    check_text(url->host, sizeof(url->host));
    check_text(url->vhost, sizeof(url->vhost));
    check_text(url->app, sizeof(url->app));
    check_text(url->stream, sizeof(url->stream));
    check_text(url->param, sizeof(url->param));
    assert(url->app[0] != '\0' && url->vhost[0] != '\0' && url->port > 0 && url->port < 65536);
    assert(strchr(url->vhost, '/') == NULL && strchr(url->stream, '/') == NULL);
    assert(url->app[0] != '/' && url->app[strlen(url->app) - 1] != '/');
    assert(strstr(url->app, "//") == NULL && strchr(url->app, '?') == NULL);
    assert(strstr(url->app, "/../") == NULL && strcmp(url->app, "..") != 0);
    assert(url->param[0] == '\0' || url->param[0] == '?');
}

/* What a client spells in any way holds nothing that would be read in another way. */
static void check_decoded(const struct url_rtmp *url)
{
    check_rtmp(url);
    assert(strpbrk(url->app, "?\\") == NULL && strpbrk(url->stream, "?\\") == NULL);
    assert(strstr(url->app, "...vhost...") == NULL && strstr(url->stream, "...vhost...") == NULL);
    assert(strlen(url->param) <= URL_RTMP_MAX);
}

/* A redirect from an address leads to a valid address or to none, and fits the buffer. */
static void check_next(const struct url_http *at, const char *location)
{
    struct url_http next;
    char out[300];

    if (url_http_next(at, location, out, sizeof(out)) != 0)
        return;
    assert(strnlen(out, sizeof(out)) < sizeof(out));
    if (location[0] == '/' && location[1] != '/' && url_http_parse(&next, out) == SCAN_DONE)
        assert(strcmp(next.host, at->host) == 0 && next.port == at->port &&
               strcmp(next.schema, at->schema) == 0);
}

static void check_path(const char *path, size_t cap)
{
    size_t len = strnlen(path, cap);

    check_text(path, cap);
    assert(path[0] == '/' && strstr(path, "//") == NULL && strchr(path, '\\') == NULL);
    assert(strstr(path, "/../") == NULL && strstr(path, "/./") == NULL);
    assert(len < 3 || strcmp(path + len - 3, "/..") != 0);
    assert(strcmp(path + len - 2 * (len >= 2), "/.") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *second;
    struct url_rtmp url;
    struct url_http http;
    char out[256];

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    /* The raw bytes are in a block of their own so that one byte too far is seen. */
    second = malloc(size > 0 ? size : 1);
    if (second != NULL) {
        if (size > 0)
            memcpy(second, data, size);
        if (url_path_clean(out, sizeof(out), second, size) == SCAN_DONE)
            check_path(out, sizeof(out));
        free(second);
    }
    if (url_rtmp_parse_full(&url, text) == SCAN_DONE) {
        check_rtmp(&url);
        assert(url.stream[0] != '\0' && url.host[0] != '\0');
    }
    if (url_http_parse(&http, text) == SCAN_DONE) {
        check_text(http.path, sizeof(http.path));
        check_text(http.query, sizeof(http.query));
        assert(http.path[0] == '/' && http.host[0] != '\0');
    }
    if (url_query_get(text, "a", out, sizeof(out)) == 0)
        check_text(out, sizeof(out));
    /* A line feed parts tcUrl and stream. */
    second = strchr(text, '\n');
    if (second != NULL)
        *second++ = '\0';
    if (url_rtmp_parse(&url, text, second) == SCAN_DONE)
        check_decoded(&url);
    /* The same line as an app: of a tcUrl without a path. */
    if (second != NULL &&
        url_rtmp_parse_call(&url, &(struct url_rtmp_call){"rtmp://h", text, second}) == SCAN_DONE)
        check_decoded(&url);
    if (second != NULL && url_http_parse(&http, text) == SCAN_DONE)
        check_next(&http, second);
    free(text);
    return 0;
}
