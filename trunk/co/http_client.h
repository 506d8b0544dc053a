#ifndef CO_HTTP_CLIENT_H
#define CO_HTTP_CLIENT_H

/*
 * An HTTP/1.1 request to another server, over TCP, TLS or a UNIX socket, and its
 * answer: head, then body piece by piece, plain or chunked. Redirections are followed.
 * One request per connection, unless the caller keeps the connection for the next one.
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
    struct tls *tls;            /* for https; NULL: https addresses are refused */
    usec_t connect_timeout;     /* until a request is sent, for each address; 0: part of timeout */
    void (*on_sent)(void *arg); /* called when a request is sent; NULL: none */
    void *arg;
    int is_final;            /* a redirection is an answer like all others: do not follow it */
    int is_kept;             /* ask the server to keep the connection: http_client_detach() */
    struct net_conn *conn;   /* kept from an earlier request to this address, and taken over; NULL:
                                connect */
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
/*
 * The same, but returns the connection if another request may follow on it, which then belongs to
 * the caller: is_kept was set, the body was read to its end, and the server keeps the connection,
 * too. Else NULL.
 */
struct net_conn *http_client_detach(struct http_client *client);

/* The answer's status, 100 to 599. */
int http_client_status(const struct http_client *client);
/* A header of the answer, or NULL; valid until the body is read to its end. */
const char *http_client_header(const struct http_client *client, const char *name);

/* The body's next bytes, valid until the next call. ERR_CLOSED at its end. */
struct err *http_client_read(struct http_client *client, const uint8_t **data, size_t *len,
                             usec_t timeout);

/* After ERR_CLOSED: 1 when that was the end of the body, 0 when the connection ended before it. */
int http_client_is_whole(const struct http_client *client);

/* Reads the body as text, truncated to cap: for the reason of a refusal. */
void http_client_text(struct http_client *client, char *out, size_t cap, usec_t timeout);

#endif
