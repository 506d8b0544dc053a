/*
 * Looking at bytes without consuming them: for a header whose length is not known before it is
 * read, and to see whether more input has already arrived.
 */
#include "co/net.h"
#include "co/net_private.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

/* Copies readable bytes without consuming them; as net_socket_read(). */
static ssize_t net_try_peek(struct net_conn *conn, void *buf, size_t len)
{
    ssize_t n;

    if (!(conn->ready & NET_IN))
        return net_refuse(EAGAIN);
    do
        n = recv(conn->fd, buf, len, MSG_PEEK);
    while (n < 0 && errno == EINTR);
    return n;
}

int net_has_more(struct net_conn *conn)
{
    ssize_t got;
    char byte;

    if (conn->closed)
        return 1;
    if (conn->fd < 0)
        return (conn->ready & (NET_IN | NET_HUP)) != 0;
    do
        got = recv(conn->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got >= 0 || errno != EAGAIN;
}

struct err *net_peek(struct net_conn *conn, void *buf, size_t len, size_t *got, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    size_t seen = *got;

    assert(conn->ops == &net_socket_ops && len > seen);
    for (;;) {
        struct err *err;
        ssize_t n;

        if (conn->closed)
            return net_closed_by_us();
        if (co_is_interrupted())
            return err_new(ERR_INTERRUPTED, "interrupted");
        n = net_try_peek(conn, buf, len);
        if (n > 0 && (size_t)n > seen) {
            *got = (size_t)n;
            return NULL;
        }
        if (n < 0 && !net_is_again(errno))
            return net_error(errno, "read");
        if (n >= 0 && (n == 0 || (conn->ready & NET_HUP)))
            return err_new(ERR_CLOSED, "peer closed");
        /* Every arriving byte is a new edge, although earlier bytes are still unread. */
        conn->ready &= (uint8_t)~NET_IN;
        err = net_await(conn, NET_IN, deadline);
        if (err != NULL)
            return err_wrap(err, "read");
    }
}
