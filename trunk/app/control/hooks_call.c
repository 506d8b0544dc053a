/*
 * The request and its answer, of limited length, within one deadline. A server may close a kept
 * connection at the moment at which it is used again: then the call is made once more on a new one.
 */
#include "app/control/hooks_call.h"

#include "app/cluster/upstream_tls.h"
#include "base/buf.h"
#include "base/str.h"
#include "co/co.h"
#include "co/http_client.h"

#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

/* Too large for a coroutine's stack. */
struct calling {
    struct server *of;
    struct hooks_pool *pool;
    const struct hooks_call *call;
    int status;
    struct url_http url;
    char server[sizeof(((struct url_http *)NULL)->host) + CONFIG_STRING_MAX + 40];
    char headers[160];
    char location[HOOKS_LOCATION_MAX];
    struct buf body;
};

void hooks_call_sign(const char *secret, const char *body, char out[HOOKS_SIGNATURE_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    out[0] = '\0';
    if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)body, strlen(body), mac,
             &len) == NULL)
        return;
    for (unsigned i = 0; i < len && 2 * i + 2 < HOOKS_SIGNATURE_SIZE; i++) {
        out[2 * i] = digits[mac[i] >> 4];
        out[2 * i + 1] = digits[mac[i] & 15];
        out[2 * i + 2] = '\0';
    }
}

static struct err *calling_init(struct calling *c)
{
    const struct hooks_call *call = c->call;
    char signature[HOOKS_SIGNATURE_SIZE] = "";
    int rc;

    if (url_http_parse(&c->url, call->url) != SCAN_DONE)
        return err_new(ERR_CONFIG, "not an HTTP URL");
    if (call->secret != NULL) {
        hooks_call_sign(call->secret, call->body, signature);
        if (signature[0] == '\0')
            return err_new(ERR_NOMEM, "cannot sign the request");
    }
    rc = str_format(c->server, sizeof(c->server), "%s %s %d %s", c->url.schema, c->url.host,
                    c->url.port, call->ca);
    rc |= str_format(c->headers, sizeof(c->headers), "Content-Type: application/json\r\n%s%s%s",
                     signature[0] != '\0' ? "X-Millrace-Signature: sha256=" : "", signature,
                     signature[0] != '\0' ? "\r\n" : "");
    return rc == 0 ? NULL : err_new(ERR_LIMIT, "the request is too long");
}

/* Reads the whole body. */
static struct err *read_body(struct http_client *client, struct buf *body, usec_t deadline)
{
    struct err *err = NULL;

    while (err == NULL) {
        const uint8_t *data;
        size_t len;

        err = http_client_read(client, &data, &len, co_left(deadline));
        if (err == NULL && buf_append(body, data, len) != 0)
            err = err_new(ERR_LIMIT, "the answer is longer than %zu bytes", HOOKS_ANSWER_MAX);
    }
    if (err_code(err) != ERR_CLOSED)
        return err;
    err_free(err);
    return http_client_is_whole(client) ? NULL : err_new(ERR_PROTO, "the answer is incomplete");
}

/* A location that does not fit is like none. */
static void take_head(struct calling *c, const struct http_client *client)
{
    const char *location = http_client_header(client, "Location");

    c->status = http_client_status(client);
    if (location == NULL || str_copy(c->location, sizeof(c->location), location) != 0)
        c->location[0] = '\0';
}

/* Sends the request on conn (NULL: on a new connection), and reads the answer. */
static struct err *call_once(struct calling *c, struct net_conn *conn, usec_t deadline)
{
    struct http_client_options options = {.method = "POST",
                                          .headers = c->headers,
                                          .body = c->call->body,
                                          .body_len = strlen(c->call->body),
                                          .is_final = 1,
                                          .is_kept = 1,
                                          .conn = conn};
    struct http_client *client = NULL;
    struct err *err = NULL;

    buf_reset(&c->body);
    if (strcmp(c->url.schema, "https") == 0)
        options.tls = upstream_tls(c->of, c->call->ca, &err);
    if (err != NULL) {
        net_free(conn);
        return err;
    }
    err = http_client_open_at(&client, &c->url, &options, co_left(deadline));
    if (err != NULL)
        return err;
    take_head(c, client);
    err = read_body(client, &c->body, deadline);
    conn = http_client_detach(client);
    if (conn != NULL)
        hooks_pool_give(c->pool, c->server, conn, co_now());
    return err;
}

/* Whether the server has closed the connection before it answered. */
static int was_stale(const struct err *err)
{
    return err != NULL && (err_code(err) == ERR_CLOSED || err_code(err) == ERR_SYS);
}

static const char *reason_of(const struct err *err)
{
    switch (err_code(err)) {
    case ERR_TIMEOUT:
        return "the callback server timed out";
    case ERR_LIMIT:
    case ERR_PROTO:
        return "the callback server's answer is invalid";
    default:
        return "the callback server is unreachable";
    }
}

struct err *hooks_call_run(struct server *server, struct hooks_pool *pool,
                           const struct hooks_call *call, int *status, struct hooks_answer *out,
                           usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct calling *c = calloc(1, sizeof(*c));
    struct net_conn *conn = NULL;
    struct err *err;

    *status = 0;
    if (c == NULL) {
        hooks_answer_none("service unavailable: memory", out);
        return err_new(ERR_NOMEM, "no memory for a call");
    }
    c->of = server;
    c->pool = pool;
    c->call = call;
    buf_init(&c->body, HOOKS_ANSWER_MAX);
    err = calling_init(c);
    if (err == NULL) {
        conn = hooks_pool_take(pool, c->server);
        err = call_once(c, conn, deadline);
    }
    if (conn != NULL && was_stale(err) && co_left(deadline) > 0) {
        err_free(err);
        err = call_once(c, NULL, deadline);
    }
    *status = c->status;
    if (err == NULL)
        hooks_answer_parse(c->status, c->location,
                           c->body.len > 0 ? (const char *)buf_data(&c->body) : "", c->body.len,
                           out);
    else
        hooks_answer_none(reason_of(err), out);
    buf_fini(&c->body);
    free(c);
    return err;
}
