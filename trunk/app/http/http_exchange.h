#ifndef APP_HTTP_HTTP_EXCHANGE_H
#define APP_HTTP_HTTP_EXCHANGE_H

/*
 * One request and its answer, which the chain cors -> auth -> live mounts -> static passes along. A
 * handler answers the request, passes it to its `next`, or takes the connection over for a stream.
 */
#include "app/http/http_target.h"
#include "base/buf.h"
#include "base/yield.h"
#include "co/net.h"
#include "proto/http.h"

#include <assert.h>

struct server;

/* A request body up to this size is kept for the handlers. */
#define HTTP_BODY_MAX ((size_t)16 * 1024)

/* The via_chain: the Millrace servers that a request for a stream has passed. */
#define HTTP_VIA_HEADER "X-Millrace-Relay"
/* Its value in an answer 508: the stream would return to the server that asks for it. Other servers
 * answer 508 for other reasons. */
#define HTTP_VIA_LOOP "loop"

/* Runs in the connection's coroutine with a short stack, after the request's memory is freed. Frees
 * arg. The caller owns conn and closes it afterwards. */
typedef MAY_YIELD void (*http_stream_fn)(struct net_conn *conn, void *arg);

struct http_exchange {
    struct server *server; /* borrowed */
    struct config *config; /* the snapshot at the request's arrival; the session holds it */
    struct net_conn *conn; /* borrowed */
    const struct http_message *request;
    usec_t requested_at; /* when the request had arrived */
    int is_tls;
    int is_api;      /* arrived at http_api's own address, or the exporter's */
    int is_exporter; /* the exporter's */
    int is_worker;   /* from another worker, at this worker's own socket */
    int is_head;
    int keep_alive;   /* what the answer says; the session reads it afterwards */
    int has_answered; /* the head is sent */
    int is_granted;   /* the gates that need no stream have granted the request */
    int wants_auto;   /* ?quality=auto: the viewer may be moved to other rungs */
    int has_target;   /* target is resolved: http_target() */
    struct http_target target;
    const uint8_t *body; /* of the request; NULL: none, or longer than HTTP_BODY_MAX */
    size_t body_len;
    const uint8_t *rest; /* the bytes after the head of an upgrade that were already read */
    size_t rest_len;
    struct buf extra;      /* header lines ("Name: value\r\n") that middleware adds to any answer */
    http_stream_fn stream; /* set by a handler that takes the connection over */
    void *stream_arg;
    struct err *err; /* the error of a failed step, until http_step_err() takes it */
    /* Reads a body that is a stream (http_publish_is_stream()), in place of `body`: the next piece,
     * valid until the next call; *len 0: its end, after which it is not called again. NULL: the
     * body has been read. */
    MAY_YIELD struct err *(*read_body)(void *arg, const uint8_t **data, size_t *len,
                                       usec_t timeout);
    void *body_arg;
};

/* The result of a step that may answer the request. */
enum http_step {
    HTTP_STEP_NEXT,  /* not answered: continue */
    HTTP_STEP_DONE,  /* the request is answered */
    HTTP_STEP_FAILED /* http_step_err() returns the error */
};

/* The result of a step that has answered, or tried to; takes over err. */
static inline enum http_step http_step_answered(struct http_exchange *x, struct err *err)
{
    assert(x->err == NULL);
    x->err = err;
    return err != NULL ? HTTP_STEP_FAILED : HTTP_STEP_DONE;
}

/*
 * What a handler returns after a step that was not HTTP_STEP_NEXT: NULL if it was DONE, else its
 * error, which the caller then owns.
 */
static inline struct err *http_step_err(struct http_exchange *x)
{
    struct err *err = x->err;

    x->err = NULL;
    return err;
}

/* A link of a chain: one block of memory that begins with this struct, freed by free(). */
struct http_handler {
    /* Serves the request, or calls http_next(). An error closes the connection. */
    struct err *(*serve)(struct http_handler *self, struct http_exchange *x, usec_t timeout);
    struct http_handler *next;
};

static inline struct err *http_next(struct http_handler *self, struct http_exchange *x,
                                    usec_t timeout)
{
    return self->next->serve(self->next, x, timeout);
}

/* The target of the request's address, resolved at the first call. Its vhost belongs to the
 * configuration that the session holds until the end of the request. */
const struct http_target *http_target(struct http_exchange *x);

/* Sends status line, Server, Date, Content-Length, Connection, the extra lines and `headers` (lines
 * or NULL), then body (not for HEAD). */
struct err *http_answer(struct http_exchange *x, int status, const char *content_type,
                        const char *headers, const void *body, size_t len, usec_t timeout);

/* Sends the JSON error body {"code":…,"reason":"…"}; headers as above. */
struct err *http_answer_error(struct http_exchange *x, int status, const char *headers,
                              usec_t timeout, const char *reason_fmt, ...)
    __attribute__((format(printf, 5, 6)));

/*
 * Appends a whole error answer (head with the extra lines and `Connection: close`, JSON body)
 * without sending it, for a later decision. 0 or -1.
 */
int http_render_error(struct http_exchange *x, int status, const char *reason,
                      struct buf *out) ERR_MUST_CHECK;

/*
 * Appends a head like http_answer()'s, for a body of content_length bytes (-1: no body at all, as
 * for 204) that the caller sends itself. 0 or -1.
 */
int http_head(const struct http_exchange *x, int status, const char *content_type,
              const char *headers, int64_t content_length, struct buf *out) ERR_MUST_CHECK;

/* 1 for GET and HEAD. For other methods call http_answer_method(): 405 with Allow. */
int http_is_read(const struct http_exchange *x);
struct err *http_answer_method(struct http_exchange *x, usec_t timeout);

/* Appends the path percent-encoded for a Location header. 0 or -1. */
int http_path_encode(struct buf *out, const char *path) ERR_MUST_CHECK;

/* The maximum size of a head. */
#define HTTP_ANSWER_HEAD_MAX 32768
/* The maximum size of x->extra. */
#define HTTP_EXTRA_MAX 4096

/*
 * Appends the head that switches to WebSocket (RFC 6455, section 4.2.2), with the extra lines.
 * protocol: the selected subprotocol, "" for none. 0 or -1.
 */
int http_upgrade_head(const struct http_exchange *x, const char *accept, const char *protocol,
                      struct buf *out) ERR_MUST_CHECK;

/*
 * Appends the head of a live answer: no Content-Length, chunked for HTTP/1.1 (*is_chunked),
 * unframed with close for 1.0, no-cache, X-Accel-Buffering, the extra lines. The caller sends it
 * together with its first media bytes. For HEAD the lines are the same, but the connection stays
 * open if the request allows it. 0 or -1.
 */
int http_stream_head(struct http_exchange *x, const char *content_type, struct buf *out,
                     int *is_chunked) ERR_MUST_CHECK;

#endif
