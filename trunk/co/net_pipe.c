/*
 * Both ends share one block of memory, which the end that closes last frees. The ready bits of the
 * connection change here as the reactor would change them: a bit is cleared by EAGAIN, and set
 * again when the reason has gone.
 */
#include "co/net_pipe.h"

#include "base/buf.h"
#include "co/net_private.h"
#include "co/reactor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct net_pipe {
    struct net_pipe_conn *conn; /* NULL: freed */
    struct net_pipe_options options;
    struct buf in, out;
    int is_ended; /* no input follows */
    int is_left;  /* the owner of this end has closed it */
};

struct net_pipe_conn {
    struct net_conn net; /* first: net_free() frees it */
    struct net_pipe *pipe;
};

static struct net_pipe *pipe_of(const struct net_conn *conn)
{
    return ((const struct net_pipe_conn *)conn)->pipe;
}

static void pipe_changed(const struct net_pipe *pipe)
{
    if (!pipe->is_left)
        pipe->options.changed(pipe->options.arg);
}

/* Sets ready bits, and wakes the coroutine that waits for one of them. */
static void pipe_set(const struct net_pipe *pipe, unsigned bits)
{
    struct net_conn *conn = pipe->conn != NULL ? &pipe->conn->net : NULL;

    if (conn == NULL)
        return;
    conn->ready |= (uint8_t)bits;
    if (conn->waiter != NULL && (conn->ready & conn->wanted) != 0)
        co_wake(conn->waiter);
}

static ssize_t pipe_read(struct net_conn *conn, void *buf, size_t len)
{
    struct net_pipe *pipe = pipe_of(conn);
    size_t n = len < pipe->in.len ? len : pipe->in.len;

    if (conn->closed)
        return net_refuse(ESHUTDOWN);
    if (n == 0) {
        if (pipe->is_ended || len == 0)
            return 0;
        conn->ready &= (uint8_t)~NET_IN;
        return net_refuse(EAGAIN);
    }
    memcpy(buf, buf_data(&pipe->in), n);
    buf_consume(&pipe->in, n);
    if (pipe->in.len == 0) {
        buf_reset(&pipe->in);
        if (!pipe->is_ended)
            conn->ready &= (uint8_t)~NET_IN;
    }
    conn->bytes_in += n;
    pipe_changed(pipe);
    return (ssize_t)n;
}

static ssize_t pipe_writev(struct net_conn *conn, const struct iovec *iov, int n)
{
    struct net_pipe *pipe = pipe_of(conn);
    size_t sent = 0;

    if (conn->closed)
        return net_refuse(ESHUTDOWN);
    if (pipe->is_left)
        return net_refuse(EPIPE);
    for (int i = 0; i < n; i++) {
        size_t room = pipe->options.out_max - pipe->out.len;
        size_t part = iov[i].iov_len < room ? iov[i].iov_len : room;

        if (part > 0 && buf_append(&pipe->out, iov[i].iov_base, part) != 0)
            return net_refuse(ENOMEM);
        sent += part;
        if (part < iov[i].iov_len)
            break;
    }
    if (sent > 0)
        pipe_changed(pipe);
    if (sent == 0 && pipe->out.len == pipe->options.out_max)
        return net_sent(conn, net_refuse(EAGAIN));
    return net_sent(conn, (ssize_t)sent);
}

static void pipe_destroy(struct net_pipe *pipe)
{
    buf_fini(&pipe->in);
    buf_fini(&pipe->out);
    free(pipe);
}

static void pipe_fini(struct net_conn *conn)
{
    struct net_pipe *pipe = pipe_of(conn);

    pipe->conn = NULL;
    buf_reset(&pipe->in);
    if (pipe->is_left)
        pipe_destroy(pipe);
    else
        pipe_changed(pipe);
}

static const struct net_ops pipe_ops = {
    .try_read = pipe_read, .try_writev = pipe_writev, .fini = pipe_fini};

struct err *net_pipe_new(const struct net_pipe_options *options, struct net_conn **conn,
                         struct net_pipe **pipe)
{
    struct net_pipe *p = calloc(1, sizeof(*p));
    struct net_pipe_conn *c = calloc(1, sizeof(*c));

    assert(options->in_max > 0 && options->out_max > 0 && options->changed != NULL);
    *conn = NULL;
    *pipe = NULL;
    if (p == NULL || c == NULL) {
        free(p);
        free(c);
        return err_new(ERR_NOMEM, "connection in memory");
    }
    p->options = *options;
    buf_init(&p->in, options->in_max);
    buf_init(&p->out, options->out_max);
    p->conn = c;
    c->pipe = p;
    net_init(&c->net, -1, &pipe_ops, NET_OUT);
    *conn = &c->net;
    *pipe = p;
    return NULL;
}

int net_pipe_put(struct net_pipe *pipe, const void *data, size_t len)
{
    assert(!pipe->is_ended);
    if (pipe->conn == NULL || len == 0)
        return 0;
    if (buf_append(&pipe->in, data, len) != 0)
        return -1;
    pipe_set(pipe, NET_IN);
    return 0;
}

size_t net_pipe_unread(const struct net_pipe *pipe)
{
    return pipe->in.len;
}

void net_pipe_end(struct net_pipe *pipe)
{
    pipe->is_ended = 1;
    pipe_set(pipe, NET_IN | NET_HUP);
}

size_t net_pipe_peek(const struct net_pipe *pipe, const uint8_t **data)
{
    *data = pipe->out.len > 0 ? buf_data(&pipe->out) : NULL;
    return pipe->out.len;
}

void net_pipe_consume(struct net_pipe *pipe, size_t n)
{
    assert(n <= pipe->out.len);
    buf_consume(&pipe->out, n);
    if (pipe->out.len == 0)
        buf_reset(&pipe->out);
    /* Room for a few bytes is not worth a wake-up. */
    if (pipe->out.len <= pipe->options.out_max / 2)
        pipe_set(pipe, NET_OUT);
}

int net_pipe_is_over(const struct net_pipe *pipe)
{
    return pipe->conn == NULL || pipe->conn->net.closed;
}

void net_pipe_free(struct net_pipe *pipe)
{
    if (pipe == NULL)
        return;
    pipe->is_left = 1;
    if (pipe->conn == NULL) {
        pipe_destroy(pipe);
        return;
    }
    buf_reset(&pipe->in);
    buf_reset(&pipe->out);
    pipe->is_ended = 1;
    pipe_set(pipe, NET_IN | NET_OUT | NET_HUP);
}
