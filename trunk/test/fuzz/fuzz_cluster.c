/*
 * What servers say to each other and what becomes of names on the way: trails of relays, read,
 * joined and written; addresses made of configured ones and of a publisher's or viewer's names. The
 * input's lines are the texts. Whatever they are, an address stays at the host that was configured.
 */
#include "app/origin.h"
#include "app/relay.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 6

static void check_relay(const char *text, const char *other_text)
{
    struct relay relay, other, back;
    char out[RELAY_TEXT_MAX];
    const char *why;

    if (relay_parse(&relay, text) != 0) {
        assert(relay.hops == 0);
        return;
    }
    assert(relay.hops > 0 && relay.count >= 0 && relay.count <= RELAY_IDS_MAX);
    if (relay_parse(&other, other_text) == 0)
        (void)relay_merge(&relay, &other);
    relay_write(&relay, "own.id", out);
    assert(strnlen(out, sizeof(out)) < sizeof(out));
    /* What we say is read back as it was meant, and we know ourselves in it. */
    assert(relay_parse(&back, out) == 0 && back.count > 0);
    assert(relay_check(&back, "own.id", &why) == -1 && why != NULL);
    assert(strcmp(back.id[back.count - 1], "own.id") == 0 || relay_check(&relay, "own.id", &why));
}

static void check_url(const char *url, int port)
{
    struct url_rtmp rtmp;
    struct url_http http;

    if (str_starts(url, "rtmp")) {
        if (url_rtmp_parse_full(&rtmp, url) == SCAN_DONE)
            assert(strcmp(rtmp.host, "origin.example") == 0 && rtmp.port == port);
    } else if (url_http_parse(&http, url) == SCAN_DONE) {
        assert(strcmp(http.host, "origin.example") == 0 && http.port == port);
        assert(strpbrk(http.path, "\r\n ") == NULL && strpbrk(http.query, "\r\n ") == NULL);
    }
}

/* Names of strangers at configured addresses. */
static void check_names(const struct origin_stream *stream, const char *port)
{
    static const char *const sources[] = {"rtmp://origin.example:81",
                                          "http://origin.example:81/live",
                                          "http://origin.example:81/[app]/[stream].flv?k=v"};
    static const char *const destinations[] = {"origin.example:81",
                                               "rtmp://origin.example:81/x/[app]/[stream]?vhost=w",
                                               "rtmps://origin.example:81"};
    char out[ORIGIN_URL_MAX];
    char show[288];

    for (int scheme = ORIGIN_RTMP; scheme <= ORIGIN_RTMPS; scheme++)
        if (origin_url((enum origin_scheme)scheme, "origin.example:81", stream, out) == 0)
            check_url(out, 81);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (origin_source_url(sources[i], stream, port, out) == 0)
            check_url(out, 81);
    for (size_t i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++)
        if (origin_destination_url(destinations[i], stream, out) == 0)
            check_url(out, 81);
    origin_show(out, show, sizeof(show));
    assert(strnlen(show, sizeof(show)) < sizeof(show));
}

/* Configured addresses of any kind: what passes the check can be made a stream's address. */
static void check_configured(const char *name, const char *url)
{
    static const struct origin_stream plain = {"v.example", "live", "s", "?a=b"};
    char out[ORIGIN_URL_MAX];
    const char *why = NULL;

    if (origin_check(url) == 0)
        (void)origin_url(ORIGIN_FLV, url, &plain, out);
    if (origin_destination_check(url, &why) == 0)
        (void)origin_destination_url(url, &plain, out);
    else
        assert(why != NULL);
    why = NULL;
    if (origin_source_check(name, url, &why) == 0)
        (void)origin_source_url(url, &plain, "1935", out);
    else
        assert(why != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    const char *line[LINES];
    struct origin_stream stream;
    char *at = text;

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    for (int i = 0; i < LINES; i++) {
        char *end = strchr(at, '\n');

        line[i] = at;
        if (end != NULL)
            *end = '\0';
        at = end != NULL ? end + 1 : at + strlen(at);
    }
    check_relay(line[0], line[1]);
    check_configured(line[0], line[1]);
    /* As http_pull and the RTMP session let names in: without control characters. */
    stream = (struct origin_stream){line[2], line[3], line[4], line[5]};
    check_names(&stream, "1935");
    free(text);
    return 0;
}
