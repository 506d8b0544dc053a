/*
 * One worker has the segments of a stream, and players ask any of them: a worker that does not have
 * them fetches the answer over that worker's own socket, and passes it on piece by piece. So all
 * players see the same numbers and the same bytes. Permissions, sessions and counts are the concern
 * of the worker that the player talks to.
 */
#include "app/hls/hls_worker.h"

#include "app/hls/hls_private.h"
#include "app/workers/worker.h"
#include "base/str.h"
#include "co/http_client.h"
#include "proto/url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* Followed by the stream's key. */
#define WORKER_PATH "/hls/"
/* How a playlist's addresses are spelled. */
#define WORKER_STREAM "X-Millrace-Hls-Stream"
#define WORKER_QUERY  "X-Millrace-Hls-Query"
/* How long the other worker waits for the first segment at a time. */
#define WORKER_WAIT USEC_PER_SEC

/* ---- the side that asks ---- */

static int url_make(const struct hls_request *request, struct buf *out)
{
    const struct hls_address *address = request->address;
    const struct hls_reload wanted = {address->number, address->part, 0};
    char query[128];
    int rc = buf_printf(out, "http://worker" WORKER_PATH);

    rc |= hls_address_encode(out, address->key);
    rc |= hls_reload_write(address->is_segment ? &wanted : &request->reload, query, sizeof(query));
    rc |= buf_printf(out, "?%s%s", address->is_segment ? "segment&" : "", query);
    return rc != 0 ? rc : buf_append(out, "", 1);
}

static int headers_make(const struct hls_names *names, struct buf *out)
{
    int rc = buf_printf(out, WORKER_STREAM ": %s\r\n" WORKER_QUERY ": %s\r\n", names->stream,
                        names->query);

    return rc != 0 ? rc : buf_append(out, "", 1);
}

/* Passes the answer on. */
static struct err *pass_on(const struct hls_request *request, struct http_client *client,
                           usec_t timeout)
{
    struct http_exchange *x = request->x;
    const char *type = http_client_header(client, "Content-Type");
    const char *cache = http_client_header(client, "Cache-Control");
    const char *text = http_client_header(client, "Content-Length");
    struct err *err = NULL;
    char lines[160];
    struct buf head;
    int64_t left;

    if (type == NULL || cache == NULL || text == NULL || str_to_i64(text, 0, INT64_MAX, &left) != 0)
        return err_new(ERR_PROTO, "another worker's answer is incomplete");
    (void)str_format(lines, sizeof(lines), "Cache-Control: %s\r\n", cache);
    buf_init(&head, HTTP_ANSWER_HEAD_MAX);
    if (http_head(x, 200, type, lines, left, &head) != 0)
        err = err_new(ERR_LIMIT, "response header too long");
    x->has_answered = err == NULL;
    if (err == NULL)
        err = io_write(&x->conn->io, buf_data(&head), head.len, timeout);
    buf_fini(&head);
    while (err == NULL && left > 0 && !x->is_head) {
        const uint8_t *data;
        size_t len;

        err = http_client_read(client, &data, &len, timeout);
        if (err == NULL)
            err = io_write(&x->conn->io, data, len, timeout);
        if (err == NULL) {
            left -= (int64_t)len;
            hls_http_touch(request, len);
        }
    }
    return err;
}

static struct err *fetch(const struct hls_request *request, const struct hls_names *names, int slot,
                         struct http_client **client, usec_t timeout)
{
    const struct worker *worker = worker_of(request->hls->server);
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct http_client_options options = {
        .host = "worker", .unix_path = path, .connect_timeout = timeout};
    struct err *err = NULL;
    struct buf url, headers;

    buf_init(&url, HTTP_TARGET_MAX);
    buf_init(&headers, 4 * HTTP_TARGET_MAX);
    if (worker_socket_path(worker, slot, path, sizeof(path)) != 0 || url_make(request, &url) != 0 ||
        headers_make(names, &headers) != 0) {
        err = err_new(ERR_LIMIT, "address too long");
    } else {
        options.headers = (const char *)buf_data(&headers);
        err = http_client_open(client, (const char *)buf_data(&url), &options, timeout);
    }
    buf_fini(&url);
    buf_fini(&headers);
    return err;
}

enum http_step hls_worker_answer(struct hls_request *request, const struct hls_names *names,
                                 int slot, usec_t timeout)
{
    struct http_exchange *x = request->x;
    struct http_client *client = NULL;
    struct err *err;
    int status;

    if (worker_of(request->hls->server) == NULL)
        return HTTP_STEP_NEXT;
    err = fetch(request, names, slot, &client, timeout);
    status = err == NULL ? http_client_status(client) : 0;
    if (status == 200 || status == 400 || status == 503) {
        err = status == 200
                  ? pass_on(request, client, timeout)
                  : http_answer_error(x, status, NULL, timeout, "%s",
                                      status == 400 ? "this segment is too far ahead"
                                                    : "service unavailable: no new segment");
        http_client_close(client);
        return http_step_answered(x, err);
    }
    http_client_close(client);
    /* It may have just ended; the next one to have the stream is asked then. */
    err_free(err);
    return HTTP_STEP_NEXT;
}

/* ---- the side that answers ---- */

static struct err *worker_answer(struct http_exchange *x, struct hls *hls, const char *key,
                                 usec_t timeout)
{
    struct hls_names names = {http_message_header(x->request, WORKER_STREAM),
                              http_message_header(x->request, WORKER_QUERY)};
    int is_segment = str_starts(x->request->query, "segment&");
    struct hls_reload wanted;

    if (names.stream == NULL || names.query == NULL ||
        hls_reload_read(x->request->query, &wanted) != 0 || (is_segment && wanted.number < 0))
        return http_answer_error(x, 400, NULL, timeout, "incomplete request");
    if (!is_segment)
        (void)hls_http_wait(hls, key, WORKER_WAIT);
    if (hls_find(hls, key) == NULL)
        return http_answer_error(x, 404, NULL, timeout, "this worker has no segments of it");
    if (is_segment)
        return hls_http_send_segment(x, NULL, key, &wanted, timeout);
    return hls_http_send_playlist(x, NULL, key, &names, &wanted, timeout);
}

static struct err *hls_worker_serve(struct http_handler *self, struct http_exchange *x,
                                    usec_t timeout)
{
    struct hls *hls = hls_of(x->server);

    if (hls == NULL || !str_starts(x->request->path, WORKER_PATH))
        return http_next(self, x, timeout);
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    return worker_answer(x, hls, x->request->path + strlen(WORKER_PATH), timeout);
}

struct http_handler *hls_worker_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = hls_worker_serve;
    handler->next = next;
    return handler;
}
