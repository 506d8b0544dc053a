/*
 * Files sent directly from the page cache into a plain socket (sendfile(2)), in pieces, between
 * which other coroutines get a turn.
 */
#include "co/net.h"
#include "co/net_private.h"

#include <assert.h>
#include <errno.h>
#include <sys/sendfile.h>

/* Bytes of a file sent in one call. */
#define NET_FILE_PIECE ((size_t)128 * 1024)

/* Up to len bytes; as net_socket_writev(), 0 at the file's end. */
static ssize_t net_try_sendfile(struct net_conn *conn, int fd, off_t *offset, size_t len)
{
    ssize_t sent;

    if (conn->closed)
        return net_refuse(ESHUTDOWN);
    if (!(conn->ready & NET_OUT))
        return net_refuse(EAGAIN);
    do
        sent = sendfile(conn->fd, fd, offset, len);
    while (sent < 0 && errno == EINTR);
    return net_sent(conn, sent);
}

struct err *net_sendfile(struct net_conn *conn, int fd, uint64_t offset, uint64_t len,
                         usec_t timeout)
{
    off_t at = (off_t)offset;

    assert(net_can_sendfile(conn));
    while (len > 0) {
        struct err *err;
        ssize_t sent;

        if (co_is_interrupted())
            return err_new(ERR_INTERRUPTED, "interrupted");
        sent = net_try_sendfile(conn, fd, &at, len < NET_FILE_PIECE ? (size_t)len : NET_FILE_PIECE);
        if (sent == 0)
            return err_new(ERR_CLOSED, "file became shorter");
        if (sent > 0) {
            len -= (uint64_t)sent;
            /* A piece may have been read from disk, during which no other coroutine could run. */
            co_yield ();
            continue;
        }
        if (!net_is_again(errno))
            return net_error(errno, "send file");
        err = net_await(conn, NET_OUT, co_deadline(timeout));
        if (err != NULL)
            return err_wrap(err, "send file");
    }
    return NULL;
}
