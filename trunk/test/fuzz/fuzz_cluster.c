/*
 * What servers say to each other and what becomes of names on the way: trails of relays, read,
 * joined and written; and what a client asks for at a configured server, by a publisher's or
 * viewer's names. The input's lines are the texts. Whatever they are, what the origin's own parser
 * reads out of it is the stream that was meant, or it is not sent at all.
 */
#include "app/config/origin.h"
#include "app/config/via_chain.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 6

static void check_chain(const char *text, const char *other_text)
{
    struct via_chain chain, other, back;
    char out[VIA_CHAIN_TEXT_MAX];
    const char *why;

    if (via_chain_parse(&chain, text) != 0) {
        assert(chain.hops == 0);
        return;
    }
    assert(chain.hops > 0 && chain.count >= 0 && chain.count <= VIA_CHAIN_MARKS_MAX);
    if (via_chain_parse(&other, other_text) == 0)
        (void)via_chain_merge(&chain, &other, VIA_CHAIN_MARKS_MAX);
    via_chain_write(&chain, "own.id", out);
    assert(strnlen(out, sizeof(out)) < sizeof(out));
    (void)via_chain_is_signed(text, "secret", 1000000);
    /* What we say is read back as it was meant, and we know ourselves in it. */
    assert(via_chain_parse(&back, out) == 0 && back.count > 0);
    assert(via_chain_check(&back, "own.id", &why) == -1 && why != NULL);
    assert(strcmp(back.mark[back.count - 1], "own.id") == 0 ||
           via_chain_check(&chain, "own.id", &why));
}

/* A signature is known by its secret alone, and for its time; marks of clients are told apart. */
static void check_signed(const char *text, const char *app, const char *stream)
{
    static const uint8_t key[VIA_CHAIN_KEY_SIZE] = {1, 2, 3};
    char own[VIA_CHAIN_MARK_SIZE];
    char out[VIA_CHAIN_TEXT_MAX];
    struct via_chain chain, back;
    const char *why = NULL;

    via_chain_mark(key, app, stream, own);
    if (via_chain_parse(&chain, text) != 0)
        return;
    via_chain_distrust(&chain);
    assert(via_chain_unverified(&chain) == chain.count);
    via_chain_write(&chain, own, out);
    via_chain_sign(out, "secret", 1000000);
    assert(via_chain_is_signed(out, "secret", 1000000 + VIA_CHAIN_SKEW));
    assert(!via_chain_is_signed(out, "secret", 1000001 + VIA_CHAIN_SKEW));
    assert(!via_chain_is_signed(out, "other", 1000000));
    assert(via_chain_parse(&back, out) == 0 && via_chain_has(&back, own));
    assert(via_chain_check(&back, own, &why) != 0);
    via_chain_keep_verified(&back);
    assert(via_chain_unverified(&back) == 0);
}

/* ---- what arrives at the origin ---- */

/* The stream that a server of ours serves for these two texts is the one that was meant. */
static void rtmp_arrives(const struct rtmp_target *target, const struct origin_stream *stream)
{
    static struct url_rtmp url;
    char value[512];

    assert(url_rtmp_parse(&url, target->tc_url, target->name) == SCAN_DONE);
    assert(strcmp(url.host, "origin.example") == 0 && url.port == 81);
    assert(strcmp(url.app, stream->app) == 0 && strcmp(url.stream, stream->name) == 0);
    if (stream->vhost[0] != '\0' && strcmp(stream->vhost, URL_DEFAULT_VHOST) != 0)
        assert(str_ieq(url.vhost, stream->vhost));
    else
        assert(strcmp(url.vhost, "origin.example") == 0);
    /* The viewer's parameters no longer name a vhost. */
    assert(url_query_get(url.param, "domain", value, sizeof(value)) != 0);
    if (strstr(target->tc_url, "?vhost=") == NULL)
        assert(url_query_get(url.param, "vhost", value, sizeof(value)) != 0);
}

/* The same for a request: its path is cleaned once, as by the origin. */
static void http_arrives(const struct url_http *http, const char *want)
{
    char path[4096], value[512];

    assert(strcmp(http->host, "origin.example") == 0 && http->port == 81);
    assert(url_path_clean(path, sizeof(path), http->path, strlen(http->path)) == SCAN_DONE);
    assert(strcmp(path, want) == 0);
    for (const char *p = http->path; *p != '\0'; p++)
        assert(*p > ' ' && *p < 0x7f && strchr("?#", *p) == NULL);
    for (const char *p = http->query; *p != '\0'; p++)
        assert(*p > ' ' && *p < 0x7f && *p != '#');
    assert(url_query_get(http->query, "vhost", value, sizeof(value)) != 0);
    assert(url_query_get(http->query, "domain", value, sizeof(value)) != 0);
}

static void check_origins(const struct origin_stream *stream)
{
    static struct origin_target target;
    char want[4096];

    for (int scheme = ORIGIN_RTMP; scheme <= ORIGIN_RTMPS; scheme++) {
        if (origin_target((enum origin_scheme)scheme, "origin.example:81", stream, &target) != 0)
            continue;
        if (origin_is_http(target.scheme)) {
            assert(str_format(want, sizeof(want), "/%s/%s.flv", stream->app, stream->name) == 0);
            http_arrives(&target.http, want);
        } else {
            rtmp_arrives(&target.rtmp, stream);
        }
        assert(origin_is_same(&target, &target));
    }
}

static void check_sources(const struct origin_stream *stream, const char *port)
{
    static struct origin_target target;
    struct origin_stream plain = *stream;
    char want[4096];

    plain.vhost = "";
    if (origin_source("rtmp://origin.example:81", &plain, port, &target) == 0)
        rtmp_arrives(&target.rtmp, &plain);
    if (origin_source("http://origin.example:81/p/[app]/[stream].flv?k=v", stream, port, &target) ==
        0) {
        assert(str_format(want, sizeof(want), "/p/%s/%s.flv", stream->app, stream->name) == 0);
        http_arrives(&target.http, want);
        assert(str_starts(target.http.query, "k=v"));
    }
    if (origin_source("http://origin.example:81/live", stream, port, &target) == 0) {
        http_arrives(&target.http, "/live");
        assert(url_query_get(target.http.query, "app", want, sizeof(want)) == 0 &&
               strcmp(want, stream->app) == 0);
        assert(url_query_get(target.http.query, "stream", want, sizeof(want)) == 0 &&
               strcmp(want, stream->name) == 0);
    }
}

/* A name in the middle of a destination's template stays in its place. */
static void check_template(const struct origin_stream *stream)
{
    static struct rtmp_target target;
    static struct url_rtmp url;
    char app[1024];

    if (origin_destination("rtmp://origin.example:81/x/[app]/[stream]?vhost=w", stream, &target) !=
        0)
        return;
    assert(strcmp(target.host, "origin.example") == 0 && target.port == 81);
    assert(url_rtmp_parse(&url, target.tc_url, target.name) == SCAN_DONE);
    assert(strcmp(url.vhost, "w") == 0 && strcmp(url.param, "?vhost=w") == 0);
    assert(str_format(app, sizeof(app), "x/%s", stream->app) == 0 && strcmp(url.app, app) == 0);
    assert(strcmp(url.stream, stream->name) == 0);
}

/* Configured addresses of any kind: what passes the check can be made a stream's target. */
static void check_configured(const char *name, const char *url)
{
    static const struct origin_stream plain = {"v.example", "live", "s", "?a=b"};
    static struct origin_target target;
    const char *why = NULL;
    char show[288];

    if (origin_check(url) == 0)
        assert(origin_target(ORIGIN_FLV, url, &plain, &target) == 0);
    if (origin_destination_check(url, &why) == 0)
        (void)origin_destination(url, &plain, &target.rtmp);
    else
        assert(why != NULL);
    why = NULL;
    if (origin_source_check(name, url, &why) == 0)
        (void)origin_source(url, &plain, "1935", &target);
    else
        assert(why != NULL);
    origin_target_show(&target, show, sizeof(show));
    origin_show(url, show, sizeof(show));
    assert(strnlen(show, sizeof(show)) < sizeof(show));
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
    check_chain(line[0], line[1]);
    check_signed(line[0], line[3], line[4]);
    check_configured(line[0], line[1]);
    stream = (struct origin_stream){line[2], line[3], line[4], line[5]};
    check_origins(&stream);
    check_sources(&stream, "1935");
    check_template(&stream);
    free(text);
    return 0;
}
