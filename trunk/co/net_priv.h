#ifndef CO_NET_PRIV_H
#define CO_NET_PRIV_H

/* What the net files share. */
#include "co/co.h"
#include "co/net.h"

#include <errno.h>
#include <sys/socket.h>

/*
 * A connection over fd, which must not block, with the given ready bits; it is
 * registered with the reactor. NULL with errno; then fd is still the caller's.
 */
struct net_conn *net_make(int fd, const struct net_ops *ops, unsigned ready);

/* Says whose address the connection shows. */
void net_set_peer(struct net_conn *conn, const struct sockaddr_storage *addr);

/* Waits for one of bits, and for nothing else; NULL when it is there. ERR_CLOSED after io_close().
 */
struct err *net_await(struct net_conn *conn, unsigned bits, usec_t deadline);

/* An error for errno on a stream: what a vanished peer causes is ERR_CLOSED. */
struct err *net_error(int sys_errno, const char *what);

/* Coroutines without a free descriptor wait here; net_free() wakes them. */
enum co_wait net_wait_descriptor(usec_t timeout);

/* -1 with this errno. */
static inline ssize_t net_refuse(int sys_errno)
{
    errno = sys_errno;
    return -1;
}

/* True when the kernel would have to wait. */
static inline int net_is_again(int sys_errno)
{
    return sys_errno == EAGAIN || sys_errno == EWOULDBLOCK;
}

/* Notes what a write has done, n being its answer, and gives that on. */
static inline ssize_t net_sent(struct net_conn *conn, ssize_t n)
{
    if (n > 0) {
        conn->bytes_out += (uint64_t)n;
        conn->last_out = co_now();
    } else if (n < 0 && net_is_again(errno)) {
        conn->ready &= (uint8_t)~NET_OUT;
    }
    return n;
}

#endif
