/*
 * Listeners: endpoints in the configuration's syntax, opening, sharing with other processes, and
 * closing. A UNIX socket's file is removed with its listener, and one that a crash left is
 * replaced. net_accept.c accepts.
 */
#include "base/str.h"
#include "co/net.h"
#include "co/net_private.h"
#include "co/reactor.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NET_BACKLOG 4096

union net_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

static struct err *net_bad_endpoint(const char *endpoint, const char *why)
{
    return err_new(ERR_CONFIG, "listen on \"%s\": %s", endpoint, why);
}

/* ---- endpoints ---- */

static struct err *net_parse_unix(const char *endpoint, union net_sockaddr *addr, socklen_t *len)
{
    const char *path = endpoint + strlen("unix:");

    memset(addr, 0, sizeof(*addr));
    addr->un.sun_family = AF_UNIX;
    *len = sizeof(addr->un);
    if (path[0] == '\0')
        return net_bad_endpoint(endpoint, "no path");
    if (str_copy(addr->un.sun_path, sizeof(addr->un.sun_path), path) != 0)
        return net_bad_endpoint(endpoint, "the path is too long");
    return NULL;
}

/* host is the text before the last colon. */
static int net_parse_host(char *host, union net_sockaddr *addr, socklen_t *len)
{
    size_t n = strlen(host);

    memset(addr, 0, sizeof(*addr));
    *len = sizeof(addr->v4);
    addr->v4.sin_family = AF_INET;
    if (n == 0 || strcmp(host, "*") == 0)
        return 0;
    if (host[0] != '[')
        return inet_pton(AF_INET, host, &addr->v4.sin_addr) == 1 ? 0 : -1;
    if (host[n - 1] != ']')
        return -1;
    host[n - 1] = '\0';
    *len = sizeof(addr->v6);
    addr->v6.sin6_family = AF_INET6;
    return inet_pton(AF_INET6, host + 1, &addr->v6.sin6_addr) == 1 ? 0 : -1;
}

static struct err *net_parse(const char *endpoint, union net_sockaddr *addr, socklen_t *len)
{
    const char *colon = strrchr(endpoint, ':');
    const char *digits = colon != NULL ? colon + 1 : endpoint;
    char host[NET_ADDR_MAX];
    int64_t port;

    if (str_starts(endpoint, "unix:"))
        return net_parse_unix(endpoint, addr, len);
    if (str_copy_n(host, sizeof(host), endpoint, colon != NULL ? (size_t)(colon - endpoint) : 0))
        return net_bad_endpoint(endpoint, "too long");
    if (str_to_i64(digits, 0, 65535, &port) != 0)
        return net_bad_endpoint(endpoint, "port must be from 0 to 65535");
    if (net_parse_host(host, addr, len) != 0)
        return net_bad_endpoint(endpoint, "not \"port\", \"ip:port\", \"[ipv6]:port\" or "
                                          "\"unix:/path\"");
    if (addr->any.sa_family == AF_INET)
        addr->v4.sin_port = htons((uint16_t)port);
    else
        addr->v6.sin6_port = htons((uint16_t)port);
    return NULL;
}

/* ---- opening and closing ---- */

/* Removes a socket file without a listener: it remains from a crash. */
static void net_remove_stale(const union net_sockaddr *addr, socklen_t len)
{
    struct stat st;
    int fd;

    if (lstat(addr->un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, &addr->any, len) != 0 && errno == ECONNREFUSED)
        (void)unlink(addr->un.sun_path);
    close(fd);
}

/* Reads name, port and UNIX file back from the bound socket. */
static void net_name(struct net_listener *listener)
{
    union net_sockaddr addr = {.storage = {0}};
    socklen_t len = sizeof(addr);
    char ip[INET6_ADDRSTRLEN] = "";
    struct stat st;

    (void)getsockname(listener->conn->fd, &addr.any, &len);
    switch (addr.any.sa_family) {
    case AF_INET:
        listener->port = ntohs(addr.v4.sin_port);
        (void)inet_ntop(AF_INET, &addr.v4.sin_addr, ip, sizeof(ip));
        (void)str_format(listener->name, sizeof(listener->name), "%s:%d", ip, listener->port);
        return;
    case AF_INET6:
        listener->port = ntohs(addr.v6.sin6_port);
        (void)inet_ntop(AF_INET6, &addr.v6.sin6_addr, ip, sizeof(ip));
        (void)str_format(listener->name, sizeof(listener->name), "[%s]:%d", ip, listener->port);
        return;
    default:
        (void)str_format(listener->name, sizeof(listener->name), "unix:%.*s",
                         (int)sizeof(addr.un.sun_path), addr.un.sun_path);
        if (addr.un.sun_path[0] != '\0' && stat(addr.un.sun_path, &st) == 0) {
            listener->unix_dev = st.st_dev;
            listener->unix_ino = st.st_ino;
        }
        return;
    }
}

/* fd is already listening. Takes it over, also on error. */
static struct err *net_listener_make(int fd, struct net_listener **out)
{
    struct net_listener *listener = calloc(1, sizeof(*listener));
    struct err *err;

    if (listener != NULL)
        listener->conn = net_make(fd, &net_socket_ops, NET_IN);
    if (listener == NULL || listener->conn == NULL) {
        err = err_sys(errno, "listener");
        close(fd);
        free(listener);
        return err;
    }
    net_name(listener);
    *out = listener;
    return NULL;
}

static int net_open(const union net_sockaddr *addr, socklen_t len, int shared)
{
    int family = addr->any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    int saved;

    if (fd < 0)
        return -1;
    if (family != AF_UNIX &&
        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
         (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0)))
        goto close_fd;
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
        goto close_fd;
    if (bind(fd, &addr->any, len) != 0 || listen(fd, NET_BACKLOG) != 0)
        goto close_fd;
    return fd;
close_fd:
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static struct err *net_open_at(const char *endpoint, int shared, int *fd)
{
    union net_sockaddr addr;
    socklen_t len = 0;
    struct err *err;

    assert(endpoint != NULL);
    *fd = -1;
    err = net_parse(endpoint, &addr, &len);
    if (err != NULL)
        return err;
    if (addr.any.sa_family == AF_UNIX)
        net_remove_stale(&addr, len);
    *fd = net_open(&addr, len, shared);
    if (*fd < 0 && errno == EADDRINUSE)
        return err_new(ERR_BUSY, "listen on %s: address in use", endpoint);
    return *fd >= 0 ? NULL : err_sys(errno, "listen on %s", endpoint);
}

static struct err *net_listen_at(const char *endpoint, int shared, struct net_listener **out)
{
    struct err *err;
    int fd;

    *out = NULL;
    err = net_open_at(endpoint, shared, &fd);
    if (err != NULL)
        return err;
    err = net_listener_make(fd, out);
    return err != NULL ? err_wrap(err, "listen on %s", endpoint) : NULL;
}

struct err *net_listen_raw(const char *endpoint, int *fd)
{
    return net_open_at(endpoint, 1, fd);
}

struct err *net_listen(const char *endpoint, struct net_listener **out)
{
    return net_listen_at(endpoint, 0, out);
}

struct err *net_listen_shared(const char *endpoint, struct net_listener **out)
{
    return net_listen_at(endpoint, 1, out);
}

struct err *net_listen_check(const char *endpoint)
{
    union net_sockaddr addr;
    socklen_t len = 0;
    struct err *err = net_parse(endpoint, &addr, &len);
    int fd;

    if (err != NULL || addr.any.sa_family == AF_UNIX)
        return err;
    if (addr.v4.sin_port == 0)
        return net_bad_endpoint(endpoint, "port 0 cannot be shared by several workers");
    fd = net_open(&addr, len, 0);
    if (fd < 0 && errno == EADDRINUSE)
        return err_new(ERR_BUSY, "listen on %s: address in use", endpoint);
    if (fd < 0)
        return err_sys(errno, "listen on %s", endpoint);
    close(fd);
    return NULL;
}

int net_has_ipv6(void)
{
    union net_sockaddr addr = {.v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT}};
    int fd = net_open(&addr, sizeof(addr.v6), 0);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int net_is_listening(int fd)
{
    int listening = 0;
    socklen_t len = sizeof(listening);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

struct err *net_listen_fd(int fd, struct net_listener **out)
{
    int flags = fcntl(fd, F_GETFL);
    struct err *err;

    *out = NULL;
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
        fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
        if (net_is_listening(fd))
            return net_listener_make(fd, out);
        errno = EINVAL;
    }
    err = err_sys(errno, "descriptor %d is no listener", fd);
    if (fd >= 0)
        close(fd);
    return err;
}

int net_listener_share(struct net_listener *listener)
{
    const int one = 1;

    return setsockopt(listener->conn->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
}

void net_listener_leave(struct net_listener *listener)
{
    listener->unix_ino = 0;
}

void net_listener_shut(struct net_listener *listener)
{
    (void)shutdown(listener->conn->fd, SHUT_RDWR);
}

void net_listener_free(struct net_listener *listener)
{
    net_free(listener->conn);
    free(listener);
}

void net_listener_close(struct net_listener *listener)
{
    struct stat st;
    const char *path;

    if (listener == NULL)
        return;
    path = listener->name + strlen("unix:");
    if (listener->unix_ino != 0 && stat(path, &st) == 0 && st.st_dev == listener->unix_dev &&
        st.st_ino == listener->unix_ino)
        (void)unlink(path);
    if (listener->acceptor == NULL) {
        net_listener_free(listener);
        return;
    }
    /* net_accept() frees it. Not io_close(): another process may still listen on this socket. */
    listener->dead = 1;
    listener->conn->closed = 1;
    co_wake(listener->acceptor);
}

int net_listener_port(const struct net_listener *listener)
{
    return listener->port;
}

const char *net_listener_name(const struct net_listener *listener)
{
    return listener->name;
}

int net_listener_fd(const struct net_listener *listener)
{
    return listener->conn->fd;
}

void net_listener_set_give(struct net_listener *listener, int (*give)(void *arg, int fd), void *arg)
{
    listener->give = give;
    listener->give_arg = arg;
}
