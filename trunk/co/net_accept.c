/*
 * An accept loop that survives errors. A listener is edge-triggered like all connections, so it
 * accepts until EAGAIN. After EMFILE its ready bit stays set, so it retries without a new event, as
 * soon as one of our connections is freed or a short pause is over. Any persistent error is handled
 * in the same way: it must neither occupy the processor nor end the listener.
 */
#include "co/net.h"
#include "co/net_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After so many failed connections in a row the listener itself counts as failed. */
#define NET_ACCEPT_FAILURES  64
#define NET_STARVED_WAIT_MIN (10 * USEC_PER_MS)
#define NET_STARVED_WAIT_MAX (500 * USEC_PER_MS)

/* True for an error of one connection, or a temporary one, but not of the listener. */
static int net_accept_again(int sys_errno)
{
    switch (sys_errno) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ETIMEDOUT:
    case EPERM: /* a firewall rule */
        return 1;
    default:
        return 0;
    }
}

/* True when the descriptor is not a listener: no connection will ever come. */
static int net_accept_broken(int sys_errno)
{
    return sys_errno == EBADF || sys_errno == EINVAL || sys_errno == ENOTSOCK ||
           sys_errno == EFAULT;
}

/* Accepts one connection; NULL with errno, which is 0 if another process has taken it. */
static struct net_conn *net_accept_one(struct net_listener *listener)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof(addr);
    struct net_conn *conn;
    int saved;
    int fd;

    fd = accept4(listener->conn->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (listener->give != NULL && listener->give(listener->give_arg, fd)) {
        close(fd);
        errno = 0; /* not for this process, and not an error */
        return NULL;
    }
    /* Not NET_IN: if there is data already, registering creates an event, and a read is saved. */
    conn = net_make(fd, &net_socket_ops, NET_OUT);
    if (conn == NULL) {
        saved = errno;
        close(fd);
        errno = saved;
        return NULL;
    }
    net_set_peer(conn, &addr);
    return conn;
}

static struct err *net_accept_pause(struct net_listener *listener, usec_t *pause,
                                    const struct log *log, usec_t deadline)
{
    usec_t left = co_left(deadline);
    int saved = errno;
    enum co_wait why;

    if (!listener->starved) {
        listener->starved = 1;
        log_sys(log, LOG_ERROR, saved, "accept on %s: %s; new connections wait", listener->name,
                strerrordesc_np(saved));
    }
    if (left == 0)
        return err_new(ERR_TIMEOUT, "timed out");
    if (left == USEC_NEVER || left > *pause)
        left = *pause;
    why = net_wait_descriptor(left);
    *pause = *pause * 2 < NET_STARVED_WAIT_MAX ? *pause * 2 : NET_STARVED_WAIT_MAX;
    return why == CO_INTERRUPTED ? err_new(ERR_INTERRUPTED, "interrupted") : NULL;
}

static struct err *net_accept_loop(struct net_listener *listener, struct net_conn **out,
                                   const struct log *log, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    usec_t pause = NET_STARVED_WAIT_MIN;
    int failures = 0;

    for (;;) {
        struct err *err = NULL;

        if (listener->dead)
            return err_new(ERR_CLOSED, "listener was closed");
        if (co_is_interrupted())
            return err_new(ERR_INTERRUPTED, "interrupted");
        *out = net_accept_one(listener);
        if (*out != NULL) {
            if (listener->starved)
                log_info(log, "accept on %s: accepting again", listener->name);
            listener->starved = 0;
            return NULL;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            listener->conn->ready &= (uint8_t)~NET_IN;
            err = net_await(listener->conn, NET_IN, deadline);
        } else if (errno == 0 || (net_accept_again(errno) && ++failures < NET_ACCEPT_FAILURES)) {
            co_fair();
        } else if (net_accept_broken(errno)) {
            err = err_sys(errno, "accept");
        } else {
            err = net_accept_pause(listener, &pause, log, deadline);
        }
        if (err != NULL)
            return err;
    }
}

struct err *net_accept(struct net_listener *listener, struct net_conn **out, const struct log *log,
                       usec_t timeout)
{
    struct err *err;

    assert(listener->acceptor == NULL && !listener->dead); /* one at a time */
    *out = NULL;
    listener->acceptor = co_self();
    err = net_accept_loop(listener, out, log, timeout);
    if (err == NULL)
        co_fair();
    listener->acceptor = NULL;
    if (err != NULL)
        err = err_wrap(err, "%s", listener->name);
    if (!listener->dead)
        return err;
    if (err == NULL) {
        net_free(*out);
        *out = NULL;
        err = err_new(ERR_CLOSED, "%s: listener was closed", listener->name);
    }
    net_listener_free(listener);
    return err;
}
