/*
 * HTTP/2: the input's first byte says how the handlers answer, the rest is what a client sends
 * after the preface. Requests are text that the HTTP/1 parser accepts or refuses, never more than
 * one of them; what the server sends is limited.
 */
#include "base/buf.h"
#include "proto/http.h"
#include "proto/http2.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX 128
#define PREFACE      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct request {
    struct http2_stream *stream;
    struct http_in *in; /* reads the request as the server's session does */
    size_t unread;      /* bytes since http2_took() */
    const char *answer;
    size_t left;
};

struct client {
    struct http2 *h2;
    struct request *request[REQUESTS_MAX];
    unsigned how;
};

static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "HTTP/1.1 404 Not Found\r\nContent-Le"};

/* Feeds the request's text to a parser: it must be one request at most. */
static void hear(struct request *request, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (request->in != NULL && len > 0) {
        enum http_event event = HTTP_EVENT_BODY;
        const uint8_t *body = NULL;
        size_t body_len = 0;
        size_t used = 0;
        enum scan scan = http_in_feed(request->in, p, len, &used, &event, &body, &body_len);

        p += used;
        len -= used;
        if (scan == SCAN_BAD || (scan == SCAN_DONE && event == HTTP_EVENT_END)) {
            assert(scan == SCAN_BAD || len == 0);
            http_in_free(request->in);
            request->in = NULL;
        }
        if (scan == SCAN_MORE)
            return;
    }
}

static void *on_request(void *arg, struct http2_stream *stream, const void *text, size_t len)
{
    struct client *client = arg;
    struct request *request;
    int i = 0;

    while (i < REQUESTS_MAX && client->request[i] != NULL)
        i++;
    assert(i < HTTP2_STREAMS_MAX + 1);
    request = calloc(1, sizeof(*request));
    assert(request != NULL);
    request->stream = stream;
    request->in = http_in_new(HTTP_REQUESTS, 1 << 20);
    request->unread = len;
    request->answer = answers[client->how & 3];
    request->left = client->how & 4 ? 0 : strlen(request->answer);
    hear(request, text, len);
    client->request[i] = request;
    return request;
}

static int on_body(void *arg, void *own, const void *data, size_t len)
{
    struct request *request = own;

    (void)arg;
    request->unread += len;
    hear(request, data, len);
    return request->unread <= HTTP2_INPUT_MAX ? 0 : -1;
}

static size_t on_peek(void *arg, void *own, const uint8_t **data, int *is_over)
{
    const struct request *request = own;
    const struct client *client = arg;

    *data = (const uint8_t *)request->answer;
    *is_over = (client->how & 8) != 0;
    return request->left;
}

static void on_consume(void *arg, void *own, size_t n)
{
    struct request *request = own;

    (void)arg;
    assert(n <= request->left);
    request->answer += n;
    request->left -= n;
}

static void on_answered(void *arg, void *own)
{
    (void)arg;
    (void)own;
}

static void on_closed(void *arg, void *own)
{
    struct client *client = arg;
    struct request *request = own;
    int i = 0;

    while (client->request[i] != request)
        i++;
    client->request[i] = NULL;
    http_in_free(request->in);
    free(request);
}

static const struct http2_events events = {on_request, on_body,     on_peek,
                                           on_consume, on_answered, on_closed};

static void take(struct http2 *h2)
{
    const uint8_t *data;

    while (http2_pull(h2, &data) > 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client client = {.how = size > 0 ? data[0] : 0};
    usec_t now = USEC_PER_SEC;
    int failed;

    client.h2 = http2_new(&events, &client, now);
    assert(client.h2 != NULL);
    failed = http2_feed(client.h2, PREFACE, strlen(PREFACE), now);
    for (size_t at = 1; at < size && failed == 0;) {
        size_t n = client.how & 16 ? 7 : size - at;

        n = n < size - at ? n : size - at;
        failed = http2_feed(client.h2, data + at, n, now);
        at += n;
        for (int i = 0; i < REQUESTS_MAX; i++) {
            struct request *request = client.request[i];

            if (request == NULL)
                continue;
            http2_ready(client.h2, request->stream);
            if (client.how & 32)
                http2_took(client.h2, request->stream);
            request->unread = client.how & 32 ? 0 : request->unread;
            if (client.how & 64)
                http2_cancel(client.h2, request->stream);
        }
        if (!(client.how & 128))
            take(client.h2);
    }
    http2_go_away(client.h2);
    take(client.h2);
    http2_free(client.h2);
    for (int i = 0; i < REQUESTS_MAX; i++)
        assert(client.request[i] == NULL);
    return 0;
}
