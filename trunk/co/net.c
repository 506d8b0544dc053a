/*
 * A connection on the reactor: reading, writing, waiting, waking up.
 *
 * `ready` holds the events that the kernel has announced; an EAGAIN clears the bit, and only the
 * next edge sets it again. So a call without its bit returns EAGAIN without a system call, and a
 * short read of a stream counts as EAGAIN (epoll(7)), which saves a second read per message. After
 * the peer has closed this does not apply: no further edge comes, and the end must still be read.
 *
 * One coroutine waits on a connection (`waiter`, for the bits in `wanted`); any other may try to
 * read or write, wake it or close the connection meanwhile.
 */
#include "co/net.h"
#include "co/net_private.h"
#include "co/reactor.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Coroutines that wait for a free descriptor; part of the one runtime. */
static struct co_cond net_descriptors;

enum co_wait net_wait_descriptor(usec_t timeout)
{
    return co_cond_wait(&net_descriptors, timeout);
}

/* ---- ops of plain sockets ---- */

static ssize_t net_socket_read(struct net_conn *conn, void *buf, size_t len)
{
    ssize_t n;

    if (conn->closed)
        return net_refuse(ESHUTDOWN);
    if (!(conn->ready & NET_IN))
        return net_refuse(EAGAIN);
    do
        n = recv(conn->fd, buf, len, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        conn->bytes_in += (uint64_t)n;
        if ((size_t)n < len && !(conn->ready & NET_HUP))
            conn->ready &= (uint8_t)~NET_IN;
    } else if (n == 0 && len > 0) {
        conn->ready |= NET_HUP; /* the event may still come */
    } else if (n < 0 && net_is_again(errno)) {
        conn->ready &= (uint8_t)~NET_IN;
    }
    return n;
}

static ssize_t net_socket_writev(struct net_conn *conn, const struct iovec *iov, int n)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)iov,
                         .msg_iovlen = (size_t)(n < IOV_MAX ? n : IOV_MAX)};
    ssize_t sent;

    if (conn->closed)
        return net_refuse(ESHUTDOWN);
    if (!(conn->ready & NET_OUT))
        return net_refuse(EAGAIN);
    do
        sent = n == 1 ? send(conn->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
                      : sendmsg(conn->fd, &msg, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return net_sent(conn, sent);
}

const struct net_ops net_socket_ops = {.try_read = net_socket_read,
                                       .try_writev = net_socket_writev};

/* ---- ops of other descriptors: a short read does not mean that no more is left ---- */

static ssize_t net_fd_read(struct net_conn *conn, void *buf, size_t len)
{
    ssize_t n;

    if (conn->closed)
        return net_refuse(ESHUTDOWN);
    do
        n = read(conn->fd, buf, len);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        conn->bytes_in += (uint64_t)n;
    else if (n == 0 && len > 0)
        conn->ready |= NET_HUP;
    else if (n < 0 && net_is_again(errno))
        conn->ready &= (uint8_t)~NET_IN;
    return n;
}

static ssize_t net_fd_writev(struct net_conn *conn, const struct iovec *iov, int n)
{
    ssize_t sent;

    if (conn->closed)
        return net_refuse(ESHUTDOWN);
    do
        sent = writev(conn->fd, iov, n < IOV_MAX ? n : IOV_MAX);
    while (sent < 0 && errno == EINTR);
    return net_sent(conn, sent);
}

static const struct net_ops net_fd_ops = {.try_read = net_fd_read, .try_writev = net_fd_writev};

/* ---- waiting ---- */

/*
 * The number of bytes that must arrive before the kernel reports them (it always reports the end).
 * Lowering it reports bytes that are already there (tcp(7)), so that nothing is missed. A
 * descriptor without this option is reported more often, which is harmless.
 */
static void net_rcvlowat(const struct net_conn *conn, int bytes)
{
    (void)setsockopt(conn->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/* Parks the running coroutine as conn's waiter. */
static enum co_wait net_park(struct net_conn *conn, unsigned wanted, usec_t deadline)
{
    enum co_wait why;

    assert(conn->waiter == NULL); /* one at a time */
    conn->waiter = co_self();
    conn->wanted = (uint8_t)wanted;
    why = co_park(deadline);
    conn->waiter = NULL;
    conn->wanted = 0;
    return why;
}

struct err *net_closed_by_us(void)
{
    return err_new(ERR_CLOSED, "connection was closed");
}

/* Ends the effect of net_delay_read(): the first byte wakes the waiting coroutine again. */
static void net_undelay_read(struct net_conn *conn)
{
    conn->dull = 0;
    net_rcvlowat(conn, 1);
}

struct err *net_await(struct net_conn *conn, unsigned bits, usec_t deadline)
{
    enum co_wait why = CO_OK;

    if (conn->dull && (bits & NET_IN))
        net_undelay_read(conn);
    while (!(conn->ready & bits) && !conn->closed && why == CO_OK)
        why = net_park(conn, bits, deadline);
    if (conn->closed)
        return net_closed_by_us();
    if (why == CO_INTERRUPTED)
        return err_new(ERR_INTERRUPTED, "interrupted");
    if (why == CO_TIMEOUT && !(conn->ready & bits))
        return err_new(ERR_TIMEOUT, "timed out");
    return NULL;
}

int net_wait(struct net_conn *conn, int events, usec_t timeout)
{
    unsigned wanted = (unsigned)events | NET_KICK | NET_HUP;
    enum co_wait why = CO_OK;
    usec_t deadline;
    unsigned got;

    if (co_is_interrupted())
        return -1;
    if (conn->dull && (events & NET_IN))
        net_undelay_read(conn);
    if (!(conn->ready & wanted) && timeout != 0) {
        deadline = co_deadline(timeout);
        while (!(conn->ready & wanted) && why == CO_OK)
            why = net_park(conn, wanted, deadline);
    } else {
        co_fair();
    }
    if (why == CO_INTERRUPTED)
        return -1;
    got = conn->ready & wanted;
    conn->ready &= (uint8_t)~NET_KICK;
    return (int)got;
}

void net_delay_read(struct net_conn *conn, int bytes, usec_t deadline)
{
    unsigned wanted = NET_IN | NET_KICK | NET_HUP;

    if (co_is_interrupted() || conn->closed)
        return;
    if (!conn->dull) {
        conn->dull = 1;
        net_rcvlowat(conn, bytes);
    }
    if (!(conn->ready & wanted)) {
        conn->waiter = co_self();
        conn->wanted = (uint8_t)wanted;
        (void)reactor_park_until(deadline);
        conn->waiter = NULL;
        conn->wanted = 0;
    } else {
        co_fair();
    }
    conn->ready &= (uint8_t)~NET_KICK;
    /* Not reported, but data is probably there. */
    conn->ready |= NET_IN;
}

void net_wake_owner(struct net_conn *conn)
{
    conn->ready |= NET_KICK;
    if (conn->waiter != NULL && (conn->wanted & NET_KICK) != 0)
        co_wake(conn->waiter);
}

/* ---- struct io ---- */

struct err *net_error(int sys_errno, const char *what)
{
    switch (sys_errno) {
    case ESHUTDOWN:
        return net_closed_by_us();
    case ECONNRESET:
    case EPIPE:
    case ETIMEDOUT: /* no acknowledgement for too long: the peer has disconnected */
    case ENOTCONN:
        return err_new(ERR_CLOSED, "%s: %s", what, strerrordesc_np(sys_errno));
    default:
        return err_sys(sys_errno, "%s", what);
    }
}

static struct err *net_io_read(struct io *io, void *buf, size_t len, size_t *got, usec_t timeout)
{
    struct net_conn *conn = (struct net_conn *)io;
    usec_t deadline = USEC_NEVER;
    int waited = 0;

    assert(len > 0);
    *got = 0;
    for (;;) {
        struct err *err;
        ssize_t n;

        if (conn->closed)
            return net_closed_by_us();
        if (co_is_interrupted())
            return err_new(ERR_INTERRUPTED, "interrupted");
        n = conn->ops->try_read(conn, buf, len);
        if (n > 0) {
            *got = (size_t)n;
            co_fair();
            return NULL;
        }
        if (n == 0)
            return err_new(ERR_CLOSED, "peer closed");
        if (!net_is_again(errno))
            return net_error(errno, "read");
        if (!waited)
            deadline = co_deadline(timeout);
        waited = 1;
        err = net_await(conn, NET_IN, deadline);
        if (err != NULL)
            return err_wrap(err, "read");
        co_fair(); /* TLS may consume many bytes that are not data */
    }
}

/* Removes n sent bytes from the spans and returns how many spans are complete. */
static int net_advance(struct iovec *iov, int count, size_t n)
{
    int i = 0;

    while (i < count && n >= iov[i].iov_len)
        n -= iov[i++].iov_len;
    if (i < count && n > 0) {
        iov[i].iov_base = (uint8_t *)iov[i].iov_base + n;
        iov[i].iov_len -= n;
    }
    return i;
}

static struct err *net_io_writev(struct io *io, struct iovec *iov, int n, usec_t timeout)
{
    struct net_conn *conn = (struct net_conn *)io;
    usec_t deadline = USEC_NEVER;
    int waited = 0;
    int done = net_advance(iov, n, 0);

    while (done < n) {
        struct err *err;
        ssize_t sent;

        if (conn->closed)
            return net_closed_by_us();
        if (co_is_interrupted())
            return err_new(ERR_INTERRUPTED, "interrupted");
        sent = conn->ops->try_writev(conn, iov + done, n - done);
        if (sent >= 0) {
            done += net_advance(iov + done, n - done, (size_t)sent);
            co_fair();
            continue;
        }
        if (!net_is_again(errno))
            return net_error(errno, "write");
        if (!waited)
            deadline = co_deadline(timeout);
        waited = 1;
        err = net_await(conn, NET_OUT, deadline);
        if (err != NULL)
            return err_wrap(err, "write");
    }
    return NULL;
}

int net_can_sendfile(const struct net_conn *conn)
{
    return conn->ops == &net_socket_ops;
}

/* The descriptor stays open until net_free(): its number must not be reused meanwhile. */
static void net_io_close(struct io *io)
{
    struct net_conn *conn = (struct net_conn *)io;

    if (conn->closed)
        return;
    conn->closed = 1;
    conn->ready |= NET_IN | NET_OUT | NET_HUP;
    if (conn->fd >= 0)
        (void)shutdown(conn->fd, SHUT_RDWR); /* fails if it is not a socket */
    if (conn->waiter != NULL)
        co_wake(conn->waiter);
}

static const struct io_ops net_io_ops = {net_io_read, net_io_writev, net_io_close};

/* ---- life ---- */

void net_init(struct net_conn *conn, int fd, const struct net_ops *ops, unsigned ready)
{
    conn->io.ops = &net_io_ops;
    conn->fd = fd;
    conn->ops = ops;
    conn->ready = (uint8_t)ready;
    conn->last_out = co_now();
}

struct net_conn *net_make(int fd, const struct net_ops *ops, unsigned ready)
{
    struct net_conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL)
        return NULL;
    net_init(conn, fd, ops, ready);
    if (reactor_add(conn) != 0) {
        free(conn);
        return NULL;
    }
    return conn;
}

void net_set_peer(struct net_conn *conn, const struct sockaddr_storage *addr)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
    const uint8_t *ip;

    if (addr->ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &v4->sin_addr, conn->ip, sizeof(conn->ip));
        conn->port = ntohs(v4->sin_port);
    } else if (addr->ss_family == AF_INET6) {
        ip = v6->sin6_addr.s6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            (void)inet_ntop(AF_INET, ip + 12, conn->ip, sizeof(conn->ip));
        else
            (void)inet_ntop(AF_INET6, ip, conn->ip, sizeof(conn->ip));
        conn->port = ntohs(v6->sin6_port);
    }
}

struct err *net_wrap_fd(int fd, struct net_conn **out)
{
    int flags = fcntl(fd, F_GETFL);
    struct net_conn *conn = NULL;
    struct err *err;

    *out = NULL;
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
        conn = net_make(fd, &net_fd_ops, 0);
    if (conn == NULL) {
        err = err_sys(errno, "descriptor %d", fd);
        if (fd >= 0)
            close(fd);
        return err;
    }
    *out = conn;
    return NULL;
}

struct err *net_pair(struct net_conn **one, struct net_conn **other)
{
    struct err *err;
    int fd[2];

    *one = *other = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0)
        return err_sys(errno, "socketpair");
    *one = net_make(fd[0], &net_socket_ops, NET_OUT);
    *other = *one != NULL ? net_make(fd[1], &net_socket_ops, NET_OUT) : NULL;
    if (*other != NULL)
        return NULL;
    err = err_sys(errno, "socketpair");
    if (*one == NULL)
        close(fd[0]);
    net_free(*one);
    *one = NULL;
    close(fd[1]);
    return err;
}

void net_free(struct net_conn *conn)
{
    if (conn == NULL)
        return;
    assert(conn->waiter == NULL);
    if (conn->ops->fini != NULL)
        conn->ops->fini(conn);
    if (conn->fd >= 0) {
        reactor_remove(conn);
        close(conn->fd);
    }
    free(conn);
    co_cond_signal(&net_descriptors);
}

void net_tune(struct net_conn *conn, int notsent_lowat, int nodelay)
{
    int on = nodelay != 0;

    /* UNIX sockets support neither; nothing depends on it. */
    if (notsent_lowat > 0)
        (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent_lowat,
                         sizeof(notsent_lowat));
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}
