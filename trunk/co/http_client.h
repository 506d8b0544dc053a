#ifndef CO_HTTP_CLIENT_H
#define CO_HTTP_CLIENT_H

/*
 * An HTTP/1.1 request to another server, over TCP, TLS or a UNIX socket, and its
 * answer: head, then body piece by piece, plain or chunked. Redirections are followed.
 * One request per connection.
 */
#include "co/net.h"
#include "co/tls.h"
#include "proto/http.h"
#include "proto/url.h"

#define HTTP_CLIENT_HOPS_MAX 3 /* redirections */

struct http_client;

struct http_client_options {
    const char *method;    /* NULL: GET */
    const char *host;      /* the Host header, until a redirection; NULL: as the address says */
    const char *unix_path; /* connect there, until a redirection; NULL: to the address's host */
    const char *headers;   /* additional lines, each with its CRLF; NULL: none */
    const void *body;      /* sent with its length; NULL: none */
    size_t body_len;
    struct tls *tls;             /* for https; NULL: https addresses are refused */
    usec_t connect_timeout;      /* until a request is sent, for each address */
    void (*on_asked)(void *arg); /* called when a request is sent; NULL: none */
    void *arg;
    struct net_conn **shown; /* where the connection is stored while it exists, so that others can
                                abort it with io_close(); NULL: nowhere */
};

/*
 * Requests url ("http://…", "https://…") and reads the answer's head, whatever its status; timeout
 * applies to each head. A redirection from https is followed only to https. Errors: ERR_PROTO,
 * ERR_LIMIT beyond HTTP_CLIENT_HOPS_MAX, and those of connecting.
 */
struct err *http_client_open(struct http_client **out, const char *url,
                             const struct http_client_options *options, usec_t timeout);
/* The same with a parsed address, whose path and query are sent unchanged. */
struct err *http_client_open_at(struct http_client **out, const struct url_http *url,
                                const struct http_client_options *options, usec_t timeout);
void http_client_close(struct http_client *client);

/* The answer's status, 100 to 599. */
int http_client_status(const struct http_client *client);
/* A header of the answer, or NULL; valid until the body is read to its end. */
const char *http_client_header(const struct http_client *client, const char *name);

/* The body's next bytes, valid until the next call. ERR_CLOSED at its end. */
struct err *http_client_read(struct http_client *client, const uint8_t **data, size_t *len,
                             usec_t timeout);

/* Reads the body as text, truncated to cap: for the reason of a refusal. */
void http_client_text(struct http_client *client, char *out, size_t cap, usec_t timeout);

#endif
