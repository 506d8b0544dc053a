/*
 * The client side of HTTP/1.1 (RFC 9112) for edges, proxies and hooks: one request, one answer,
 * whose body may last for hours. It uses the server's parser and adds the connection, the request's
 * text and redirections (RFC 9110, section 15.4).
 */
#include "co/http_client.h"

#include "base/str.h"
#include "base/version.h"
#include "co/co.h"
#include "proto/url.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_BUFFER_SIZE  ((size_t)32 * 1024)
#define CLIENT_REQUEST_MAX  ((size_t)16 * 1024)
#define CLIENT_LOCATION_MAX 2048

struct http_client {
    struct net_conn *conn;
    struct net_conn **shown;
    struct http_in *in;
    size_t at, end; /* bytes [at, end) of data are not parsed yet */
    int is_over;
    int is_kept;
    uint8_t data[CLIENT_BUFFER_SIZE];
};

/* State for one address until the head of its answer; too large for a stack. */
struct client_hop {
    struct url_http url;
    char next[CLIENT_LOCATION_MAX];
    const char *host;      /* NULL: the url's */
    const char *unix_path; /* NULL: TCP */
    int must_be_secure;    /* redirected from https */
};

static void client_show(struct http_client *client, struct net_conn *conn)
{
    if (client->shown != NULL)
        *client->shown = conn;
}

static void client_hang_up(struct http_client *client)
{
    client_show(client, NULL);
    net_free(client->conn);
    client->conn = NULL;
    http_in_free(client->in);
    client->in = NULL;
    client->at = client->end = 0;
    client->is_over = 0;
}

void http_client_close(struct http_client *client)
{
    if (client == NULL)
        return;
    client_hang_up(client);
    free(client);
}

struct net_conn *http_client_detach(struct http_client *client)
{
    struct net_conn *conn = NULL;

    if (client == NULL)
        return NULL;
    if (client->is_kept && client->is_over && client->at == client->end &&
        http_in_message(client->in)->keep_alive) {
        conn = client->conn;
        client->conn = NULL;
    }
    http_client_close(client);
    return conn;
}

/* ---- requests ---- */

static struct err *client_connect(struct http_client *client, const struct client_hop *hop,
                                  const struct http_client_options *options, usec_t deadline)
{
    int is_secure = strcmp(hop->url.schema, "https") == 0;
    struct err *err;

    if (is_secure && options->tls == NULL)
        return err_new(ERR_CONFIG, "%s: TLS is not configured for https", hop->url.host);
    if (!is_secure && hop->must_be_secure)
        return err_new(ERR_DENIED, "%s: redirect from https to http refused", hop->url.host);
    if (client->conn != NULL) {
        client_show(client, client->conn);
        return NULL;
    }
    if (hop->unix_path != NULL)
        err = net_connect_unix(hop->unix_path, &client->conn, co_left(deadline));
    else
        err = net_connect(hop->url.host, hop->url.port, &client->conn, co_left(deadline));
    if (err != NULL)
        return err;
    client_show(client, client->conn);
    if (hop->unix_path == NULL)
        net_tune(client->conn, 0, 1);
    if (is_secure)
        err = tls_connect(options->tls, client->conn, hop->url.host, co_left(deadline));
    return err;
}

static int client_has_port(const struct url_http *url)
{
    return url->port != (strcmp(url->schema, "https") == 0 ? 443 : 80);
}

static int client_request(const struct client_hop *hop, const struct http_client_options *options,
                          struct buf *out)
{
    const struct url_http *url = &hop->url;
    int is_v6 = strchr(url->host, ':') != NULL;
    int rc = buf_printf(
        out, "%s %s%s%s HTTP/1.1\r\nHost: ", options->method != NULL ? options->method : "GET",
        url->path, url->query[0] != '\0' ? "?" : "", url->query);

    if (hop->host != NULL)
        rc |= buf_printf(out, "%s", hop->host);
    else
        rc |= buf_printf(out, "%s%s%s", is_v6 ? "[" : "", url->host, is_v6 ? "]" : "");
    if (hop->host == NULL && client_has_port(url))
        rc |= buf_printf(out, ":%d", url->port);
    rc |= buf_printf(out,
                     "\r\nUser-Agent: " MILLRACE_NAME "/" MILLRACE_VERSION
                     "\r\nAccept: */*\r\nConnection: %s\r\n%s",
                     options->is_kept ? "keep-alive" : "close",
                     options->headers != NULL ? options->headers : "");
    if (options->body != NULL)
        rc |= buf_printf(out, "Content-Length: %zu\r\n", options->body_len);
    rc |= buf_append(out, "\r\n", 2);
    if (options->body != NULL)
        rc |= buf_append(out, options->body, options->body_len);
    return rc;
}

static struct err *client_send(struct http_client *client, const struct client_hop *hop,
                               const struct http_client_options *options, usec_t deadline)
{
    struct err *err = NULL;
    struct buf text;

    assert(client->conn != NULL);
    buf_init(&text, CLIENT_REQUEST_MAX + options->body_len);
    if (client_request(hop, options, &text) != 0)
        err = err_new(ERR_LIMIT, "the request is too long");
    else
        err = io_write(&client->conn->io, buf_data(&text), text.len, co_left(deadline));
    buf_fini(&text);
    return err;
}

/* ---- the answer ---- */

static struct err *client_fill(struct http_client *client, usec_t timeout)
{
    struct err *err;

    assert(client->at == client->end);
    client->at = client->end = 0;
    err = io_read(&client->conn->io, client->data, sizeof(client->data), &client->end, timeout);
    if (err != NULL)
        client->end = 0;
    return err;
}

/* The next event; each read has the timeout, or the time left until the deadline. */
static struct err *client_event(struct http_client *client, enum http_event *event,
                                struct iovec *body, usec_t deadline)
{
    for (;;) {
        const uint8_t *data = NULL;
        size_t len = 0, used = 0;
        enum scan scan = http_in_feed(client->in, client->data + client->at,
                                      client->end - client->at, &used, event, &data, &len);
        struct err *err;

        client->at += used;
        if (scan == SCAN_BAD)
            return err_new(ERR_PROTO, "malformed response: %s", http_in_reason(client->in));
        if (scan == SCAN_DONE) {
            *body = (struct iovec){(void *)(uintptr_t)data, len};
            return NULL;
        }
        if (co_left(deadline) == 0)
            return err_new(ERR_TIMEOUT, "timed out waiting for a response");
        err = client_fill(client, co_left(deadline));
        if (err != NULL)
            return err;
    }
}

static struct err *client_head(struct http_client *client, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    enum http_event event;
    struct iovec body;
    struct err *err;

    client->in = http_in_new(HTTP_RESPONSES, SIZE_MAX);
    if (client->in == NULL)
        return err_new(ERR_NOMEM, "no memory for an answer");
    /* Interim answers (100, 103) precede the final one. */
    do {
        err = client_event(client, &event, &body, deadline);
    } while (err == NULL && (event != HTTP_EVENT_HEAD || http_client_status(client) < 200));
    return err;
}

static int is_redirection(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The address that the answer redirects to. 0, or -1 if it does not. */
static int client_next(const struct http_client *client, struct client_hop *hop)
{
    const char *location = http_client_header(client, "Location");

    if (!is_redirection(http_client_status(client)) || location == NULL)
        return -1;
    return url_http_next(&hop->url, location, hop->next, sizeof(hop->next));
}

static struct err *client_parse(struct client_hop *hop, const char *address)
{
    if (url_http_parse(&hop->url, address) != SCAN_DONE || hop->url.schema[0] != 'h')
        return err_new(ERR_PROTO, "redirect without a valid HTTP address");
    return NULL;
}

static struct err *client_hop(struct http_client *client, struct client_hop *hop,
                              const struct http_client_options *options, usec_t timeout)
{
    int is_part = options->connect_timeout == 0;
    usec_t deadline = co_deadline(is_part ? timeout : options->connect_timeout);
    struct err *err;

    err = client_connect(client, hop, options, deadline);
    if (err == NULL)
        err = client_send(client, hop, options, deadline);
    if (err == NULL && options->on_sent != NULL)
        options->on_sent(options->arg);
    if (err == NULL)
        err = client_head(client, is_part ? co_left(deadline) : timeout);
    return err != NULL ? err_wrap(err, "%s:%d", hop->url.host, hop->url.port) : NULL;
}

static struct err *client_ask(struct http_client *client, struct client_hop *hop,
                              const struct http_client_options *options, usec_t timeout)
{
    for (int i = 0; i <= HTTP_CLIENT_HOPS_MAX; i++) {
        struct err *err = client_hop(client, hop, options, timeout);

        if (err != NULL || options->is_final || client_next(client, hop) != 0)
            return err;
        client_hang_up(client);
        hop->must_be_secure |= strcmp(hop->url.schema, "https") == 0;
        hop->host = NULL;
        hop->unix_path = NULL;
        err = client_parse(hop, hop->next);
        if (err != NULL)
            return err;
    }
    return err_new(ERR_LIMIT, "more than %d redirects", HTTP_CLIENT_HOPS_MAX);
}

/* Requests hop's url, and frees hop. */
static struct err *client_open(struct http_client **out, struct client_hop *hop,
                               const struct http_client_options *options, usec_t timeout)
{
    struct http_client *client = malloc(sizeof(*client));
    struct err *err;

    if (client == NULL) {
        free(hop);
        net_free(options->conn);
        return err_new(ERR_NOMEM, "no memory for a request");
    }
    memset(client, 0, offsetof(struct http_client, data));
    client->shown = options->shown;
    client->is_kept = options->is_kept;
    client->conn = options->conn;
    hop->host = options->host;
    hop->unix_path = options->unix_path;
    err = client_ask(client, hop, options, timeout);
    free(hop);
    if (err != NULL) {
        http_client_close(client);
        return err;
    }
    *out = client;
    return NULL;
}

struct err *http_client_open(struct http_client **out, const char *url,
                             const struct http_client_options *options, usec_t timeout)
{
    struct client_hop *hop = calloc(1, sizeof(*hop));
    struct err *err;

    *out = NULL;
    err = hop != NULL ? client_parse(hop, url) : err_new(ERR_NOMEM, "no memory for a request");
    if (err != NULL) {
        net_free(options->conn);
        free(hop);
        return err;
    }
    return client_open(out, hop, options, timeout);
}

struct err *http_client_open_at(struct http_client **out, const struct url_http *url,
                                const struct http_client_options *options, usec_t timeout)
{
    struct client_hop *hop = calloc(1, sizeof(*hop));

    *out = NULL;
    if (hop == NULL) {
        net_free(options->conn);
        return err_new(ERR_NOMEM, "no memory for a request");
    }
    hop->url = *url;
    return client_open(out, hop, options, timeout);
}

int http_client_status(const struct http_client *client)
{
    return http_in_message(client->in)->status;
}

const char *http_client_header(const struct http_client *client, const char *name)
{
    return http_message_header(http_in_message(client->in), name);
}

struct err *http_client_read(struct http_client *client, const uint8_t **data, size_t *len,
                             usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    while (!client->is_over) {
        enum http_event event;
        struct iovec body;
        struct err *err = client_event(client, &event, &body, deadline);

        if (err != NULL)
            return err;
        client->is_over = event == HTTP_EVENT_END;
        *data = body.iov_base;
        *len = body.iov_len;
        if (event == HTTP_EVENT_BODY && body.iov_len > 0)
            return NULL;
    }
    return err_new(ERR_CLOSED, "response ended");
}

int http_client_is_whole(const struct http_client *client)
{
    return client->is_over || !http_in_is_inside(client->in);
}

void http_client_text(struct http_client *client, char *out, size_t cap, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    size_t at = 0;

    assert(cap > 0);
    while (at + 1 < cap) {
        const uint8_t *data;
        size_t len;
        struct err *err = http_client_read(client, &data, &len, co_left(deadline));

        if (err != NULL) {
            err_free(err);
            break;
        }
        for (size_t i = 0; i < len && at + 1 < cap; i++)
            out[at++] = (char)(data[i] >= ' ' && data[i] < 0x7f ? data[i] : ' ');
    }
    out[at] = '\0';
}
