/*
 * HTTP messages: fed whole and fed in two pieces, the same events come out; a
 * body never exceeds its limit; a request that is let through has one meaning.
 * The first byte chooses the side and where the input is cut.
 */
#include "proto/http.h"

#include "base/buf.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct http_in *in;
    enum http_side side;
    struct buf events;
    int is_full;       /* events are missing, of every run alike */
    uint64_t body_len; /* of this message */
    int is_bad;
};

static void check_head(const struct run *run)
{
    const struct http_message *m = http_in_message(run->in);
    size_t hosts = 0;

    for (size_t i = 0; i < m->header_count; i++) {
        const char *p = m->headers[i].value;

        assert(m->headers[i].name[0] != '\0' && strchr(m->headers[i].name, ' ') == NULL);
        assert(strpbrk(p, "\r\n") == NULL);
        hosts += str_ieq(m->headers[i].name, "Host");
    }
    assert(!(m->is_chunked && m->content_length >= 0));
    if (run->side == HTTP_RESPONSES)
        return;
    assert(hosts <= 1 && (hosts == 1 || m->minor == 0));
    assert(m->method[0] != '\0' && m->content_length <= BODY_MAX);
    assert(m->path[0] == '/' || strcmp(m->path, "*") == 0);
    assert(strstr(m->path, "/../") == NULL && strpbrk(m->host, "/ ?@") == NULL);
}

static void on_event(struct run *run, enum http_event event, const uint8_t *body, size_t len)
{
    if (event == HTTP_EVENT_HEAD) {
        check_head(run);
        run->body_len = 0;
        run->is_full |=
            buf_printf(&run->events, "|H %zu|", http_in_message(run->in)->header_count) != 0;
    } else if (event == HTTP_EVENT_BODY) {
        assert(len > 0);
        run->body_len += len;
        assert(run->side == HTTP_RESPONSES || run->body_len <= BODY_MAX);
        run->is_full |= buf_append(&run->events, body, len) != 0;
    } else {
        run->is_full |= buf_printf(&run->events, "|E|") != 0;
    }
}

static void feed(struct run *run, const uint8_t *data, size_t len)
{
    enum scan scan = run->is_bad ? SCAN_BAD : SCAN_DONE;
    size_t idle = 0;

    while (scan == SCAN_DONE) {
        enum http_event event = HTTP_EVENT_END;
        const uint8_t *body = NULL;
        size_t body_len = 0;
        size_t used = 0;

        scan = http_in_feed(run->in, data, len, &used, &event, &body, &body_len);
        assert(used <= len);
        if (scan == SCAN_DONE)
            on_event(run, event, body, body_len);
        idle = used > 0 ? 0 : idle + 1;
        assert(idle < 3);
        data += used;
        len -= used;
    }
    if (scan == SCAN_BAD && !run->is_bad) {
        run->is_bad = 1;
        assert(http_in_status(run->in) >= 400 && http_in_reason(run->in)[0] != '\0');
        run->is_full |= buf_printf(&run->events, "!%d", http_in_status(run->in)) != 0;
    }
}

static int begin(struct run *run, enum http_side side)
{
    memset(run, 0, sizeof(*run));
    run->side = side;
    run->in = http_in_new(side, BODY_MAX);
    buf_init(&run->events, 4 * 1024 * 1024);
    return run->in != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum http_side side = size > 0 && (data[0] & 1) ? HTTP_RESPONSES : HTTP_REQUESTS;
    size_t cut = size > 0 ? (data[0] >> 1) * size / 128 : 0;
    struct run whole;
    struct run pieces;

    if (size < 2)
        return 0;
    if (begin(&whole, side) && begin(&pieces, side)) {
        feed(&whole, data + 1, size - 1);
        if (cut > size - 1)
            cut = size - 1;
        feed(&pieces, data + 1, cut);
        feed(&pieces, data + 1 + cut, size - 1 - cut);
        assert(whole.events.len == pieces.events.len);
        assert(whole.events.len == 0 ||
               memcmp(whole.events.data, pieces.events.data, whole.events.len) == 0);
        http_in_free(pieces.in);
        buf_fini(&pieces.events);
    }
    http_in_free(whole.in);
    buf_fini(&whole.events);
    return 0;
}
