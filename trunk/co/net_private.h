#ifndef CO_NET_PRIVATE_H
#define CO_NET_PRIVATE_H

/* Shared by the net files. */
#include "co/co.h"
#include "co/net.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * A connection over fd, which must be non-blocking, with the given ready bits; it is registered
 * with the reactor. NULL with errno; then fd still belongs to the caller.
 */
struct net_conn *net_make(int fd, const struct net_ops *ops, unsigned ready);

/* Fills a zeroed connection in, which is not registered with the reactor. fd -1: it has no
 * descriptor, and its ops set the ready bits. */
void net_init(struct net_conn *conn, int fd, const struct net_ops *ops, unsigned ready);

/* Sets the peer address of a connection. */
void net_set_peer(struct net_conn *conn, const struct sockaddr_storage *addr);

/* Waits for one of bits only; NULL when it is set. ERR_CLOSED after io_close(). */
struct err *net_await(struct net_conn *conn, unsigned bits, usec_t deadline);

/* The error of a connection that io_close() has closed. */
struct err *net_closed_by_us(void);

/* An error for errno on a stream: errors of a vanished peer become ERR_CLOSED. */
struct err *net_error(int sys_errno, const char *what);

struct net_listener {
    struct net_conn *conn; /* only its descriptor and its ready bits are used */
    int port;
    struct co *acceptor;            /* the coroutine in net_accept() */
    int (*give)(void *arg, int fd); /* NULL: keep all */
    void *give_arg;
    uint8_t dead;    /* net_listener_close() was called meanwhile */
    uint8_t starved; /* a shortage of descriptors or another persistent error was logged */
    dev_t unix_dev;  /* the file we created, 0 if none */
    ino_t unix_ino;
    char name[sizeof("unix:") + sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/* Closes the socket and frees the listener; no coroutine may be in net_accept() for it. */
void net_listener_free(struct net_listener *listener);

/* Coroutines without a free descriptor wait here; net_free() wakes them. */
enum co_wait net_wait_descriptor(usec_t timeout);

/* Sets errno; -1. */
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

/* Records the result n of a write, and returns it. */
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
