/*
 * Outgoing connections. A name may have many addresses: each attempt gets an equal share of the
 * remaining time, so that a dead first address leaves time for the next, and the last one gets all
 * that remains.
 */
#include "base/str.h"
#include "co/net.h"
#include "co/net_private.h"
#include "co/resolve.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* A UNIX listener whose backlog is full returns EAGAIN, and no event follows. */
#define NET_UNIX_RETRY (5 * USEC_PER_MS)

static struct err *net_connect_failed(int fd)
{
    struct err *err = err_sys(errno, "connect");

    if (fd >= 0)
        close(fd);
    return err;
}

/* Waits for the result of a pending connect(). Takes over conn, unless it succeeds. */
static struct err *net_connect_finish(struct net_conn *conn, usec_t deadline)
{
    struct err *err = net_await(conn, NET_OUT, deadline);
    int sys_errno = 0;
    socklen_t len = sizeof(sys_errno);

    if (err == NULL && getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &sys_errno, &len) != 0)
        sys_errno = errno;
    if (err == NULL && sys_errno != 0)
        err = err_sys(sys_errno, "connect");
    if (err != NULL)
        net_free(conn);
    return err;
}

static struct err *net_connect_addr(const struct sockaddr_storage *addr, struct net_conn **out,
                                    usec_t deadline)
{
    socklen_t len =
        addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct net_conn *conn;
    struct err *err;

    if (fd < 0)
        return net_connect_failed(fd);
    if (connect(fd, (const struct sockaddr *)addr, len) != 0 && errno != EINPROGRESS)
        return net_connect_failed(fd);
    /* Registered only now: a socket that is not connecting yet reports a hang-up. */
    conn = net_make(fd, &net_socket_ops, 0);
    if (conn == NULL)
        return net_connect_failed(fd);
    err = net_connect_finish(conn, deadline);
    if (err != NULL)
        return err;
    net_set_peer(conn, addr);
    *out = conn;
    return NULL;
}

void net_local_ip(const struct net_conn *conn, char *out, size_t cap)
{
    struct net_conn own = {.ip = ""};
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof(addr);

    if (getsockname(conn->fd, (struct sockaddr *)&addr, &len) == 0)
        net_set_peer(&own, &addr);
    (void)str_copy(out, cap, own.ip);
}

/* The deadline of the next of `tries` remaining attempts. */
static usec_t net_share(usec_t deadline, int tries)
{
    usec_t left = co_left(deadline);

    if (left == USEC_NEVER || tries <= 1)
        return deadline;
    return co_now() + left / tries;
}

struct err *net_connect(const char *host, int port, struct net_conn **out, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct resolve_list list;
    struct err *err;

    assert(host != NULL && port >= 0 && port <= 65535);
    *out = NULL;
    err = resolve_name(host, port, &list, co_left(deadline));
    if (err != NULL)
        return err_wrap(err, "connect to %s:%d", host, port);
    for (int i = 0; i < list.count; i++) {
        err_free(err);
        err = net_connect_addr(&list.addr[i], out, net_share(deadline, list.count - i));
        if (err == NULL)
            return NULL;
        if (err_code(err) == ERR_INTERRUPTED)
            break;
    }
    if (err == NULL)
        err = err_new(ERR_NOT_FOUND, "no address");
    return err_wrap(err, "connect to %s:%d", host, port);
}

static int net_unix_socket(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int saved;

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static struct err *net_unix_open(const char *path, int *fd, usec_t deadline)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (str_copy(addr.sun_path, sizeof(addr.sun_path), path) != 0)
        return err_new(ERR_CONFIG, "the path is too long");
    for (;;) {
        usec_t left;

        *fd = net_unix_socket(&addr);
        if (*fd >= 0)
            return NULL;
        if (errno != EAGAIN)
            return err_sys(errno, "connect");
        left = co_left(deadline);
        if (left == 0)
            return err_new(ERR_TIMEOUT, "timed out");
        if (left == USEC_NEVER || left > NET_UNIX_RETRY)
            left = NET_UNIX_RETRY;
        if (co_sleep(left) == CO_INTERRUPTED)
            return err_new(ERR_INTERRUPTED, "interrupted");
    }
}

struct err *net_connect_unix(const char *path, struct net_conn **out, usec_t timeout)
{
    struct err *err;
    int fd = -1;

    assert(path != NULL);
    *out = NULL;
    err = net_unix_open(path, &fd, co_deadline(timeout));
    if (err == NULL) {
        *out = net_make(fd, &net_socket_ops, NET_OUT);
        if (*out == NULL)
            err = net_connect_failed(fd);
    }
    return err != NULL ? err_wrap(err, "connect to unix:%s", path) : NULL;
}
