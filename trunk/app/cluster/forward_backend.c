/*
 * The request to forward's backend: one connection, one deadline, and an answer of limited length.
 * forward_json.c writes the question and reads the answer.
 */
#include "app/cluster/forward_backend.h"

#include "base/buf.h"
#include "co/co.h"
#include "co/http_client.h"

#include <string.h>

static struct err *read_body(struct http_client *client, struct buf *body, usec_t deadline)
{
    struct err *err = NULL;

    while (err == NULL) {
        const uint8_t *data;
        size_t len;

        err = http_client_read(client, &data, &len, co_left(deadline));
        if (err == NULL && buf_append(body, data, len) != 0)
            err = err_new(ERR_LIMIT, "response too long");
    }
    if (err_code(err) != ERR_CLOSED)
        return err;
    err_free(err);
    return NULL;
}

static struct err *read_answer(struct http_client *client, const struct origin_stream *stream,
                               struct forward_urls *out, usec_t deadline)
{
    int status = http_client_status(client);
    struct err *err;
    struct buf body;

    if (status != 200)
        return err_new(ERR_PROTO, "response status %d", status);
    buf_init(&body, FORWARD_ANSWER_MAX);
    err = read_body(client, &body, deadline);
    if (err == NULL && body.len == 0)
        err = err_new(ERR_PROTO, "response is empty");
    if (err == NULL)
        err = forward_json_answer((const char *)buf_data(&body), body.len, stream, out);
    buf_fini(&body);
    return err;
}

struct err *forward_backend_ask(const char *backend, const char *body, struct tls *tls,
                                const struct origin_stream *stream, struct forward_urls *out,
                                usec_t timeout)
{
    struct http_client_options options = {.method = "POST",
                                          .headers = "Content-Type: application/json\r\n",
                                          .body = body,
                                          .body_len = strlen(body),
                                          .tls = tls,
                                          .connect_timeout = timeout};
    usec_t deadline = co_deadline(timeout);
    struct http_client *client = NULL;
    struct err *err = http_client_open(&client, backend, &options, timeout);

    out->count = 0;
    if (err == NULL)
        err = read_answer(client, stream, out, deadline);
    http_client_close(client);
    return err;
}
