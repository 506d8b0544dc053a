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
    const char *headers;   /* further lines, each with its CRLF; NULL: none */
    const void *body;      /* sent with its length; NULL: none */
    size_t body_len;
    struct tls *tls;             /* for https; NULL: such an address is refused */
    usec_t connect_timeout;      /* until a request is out, for each address */
    void (*on_asked)(void *arg); /* a request is out; NULL: nobody wants to know */
    void *arg;
    struct net_conn **shown; /* where the connection is shown while there is one, for others to
                                break it off with io_close(); NULL: nowhere */
};

/*
 * Asks for url ("http://…", "https://…") and reads the answer's head, whatever its status; timeout
 * is for each head. After a redirection from https nothing goes on unencrypted. Errors:
 * ERR_PROTO, ERR_LIMIT beyond HTTP_CLIENT_HOPS_MAX, and those of connecting.
 */
struct err *http_client_open(struct http_client **out, const char *url,
                             const struct http_client_options *options, usec_t timeout);
/* The same by the address's parts, whose path and query are sent as they are. */
struct err *http_client_open_at(struct http_client **out, const struct url_http *url,
                                const struct http_client_options *options, usec_t timeout);
void http_client_close(struct http_client *client);

/* The answer's status, 100 to 599. */
int http_client_status(const struct http_client *client);
/* A header of the answer, or NULL; valid until the body was read to its end. */
const char *http_client_header(const struct http_client *client, const char *name);

/* The body's next bytes, valid until the next call. ERR_CLOSED at its end. */
struct err *http_client_read(struct http_client *client, const uint8_t **data, size_t *len,
                             usec_t timeout);

/* Reads what there is of a body as text, cut to cap: for what a refusal says. */
void http_client_text(struct http_client *client, char *out, size_t cap, usec_t timeout);

#endif
