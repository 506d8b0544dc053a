/*
 * The sockets of sim_kernel.h; its clock is in sim_time.c. Descriptors from SIM_FD on are ours, all
 * others are real. A wrapped call has the form __wrap_NAME and finds the real one as __real_NAME,
 * as ld(1) describes.
 *
 * Readiness is as with epoll: registering a descriptor stores its connection, and an event sets the
 * connection's ready bits and wakes its coroutine, as co/reactor.c does.
 */
#include "sim_kernel.h"
#include "sim_wrap.h"

#include "base/str.h"
#include "co/co.h"
#include "co/co_private.h"
#include "co/net_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SIM_FD (1 << 20)
/* What the kernel holds between the two halves of a pair. */
#define SIM_PAIR_ROOM ((size_t)200 * 1024)

static struct {
    sim_connect_fn connect;
    struct sim_socket socket[SIM_SOCKETS];
} sim;

/* ---- sockets ---- */

static struct sim_socket *socket_of(int fd)
{
    struct sim_socket *s = fd >= SIM_FD ? &sim.socket[fd - SIM_FD] : NULL;

    assert(fd < SIM_FD + SIM_SOCKETS);
    return s;
}

static void socket_event(struct sim_socket *s, unsigned bits)
{
    struct net_conn *conn = s->conn;

    if (conn == NULL)
        return;
    conn->ready |= (uint8_t)bits;
    if (conn->waiter != NULL && (conn->ready & conn->wanted) != 0)
        co_wake(conn->waiter);
}

static int socket_new(void)
{
    for (int i = 0; i < SIM_SOCKETS; i++) {
        struct sim_socket *s = &sim.socket[i];

        if (s->is_open || s->is_held)
            continue;
        memset(s, 0, sizeof(*s));
        buf_init(&s->in, SIM_OUT_MAX);
        buf_init(&s->out, SIM_OUT_MAX);
        s->is_open = 1;
        s->room = SIZE_MAX;
        return SIM_FD + i;
    }
    errno = EMFILE;
    return -1;
}

static void socket_drop(struct sim_socket *s)
{
    if (s->is_open || s->is_held)
        return;
    buf_fini(&s->in);
    buf_fini(&s->out);
}

struct sim_socket *sim_accept(const char *ip, struct net_conn **conn)
{
    int fd = socket_new();

    assert(fd >= 0);
    sim_memory_hold();
    *conn = net_make(fd, &net_socket_ops, NET_OUT);
    sim_memory_go_on();
    if (*conn == NULL)
        abort();
    (void)str_copy((*conn)->ip, sizeof((*conn)->ip), ip);
    (*conn)->port = 4000;
    socket_of(fd)->is_held = 1;
    return socket_of(fd);
}

/* A kernel that has no memory drops packets: ours has always some. */
static void keep(struct buf *buf, const void *data, size_t len)
{
    sim_memory_hold();
    if (buf_append(buf, data, len) != 0)
        abort();
    sim_memory_go_on();
}

void sim_send(struct sim_socket *s, const void *data, size_t len)
{
    if (!s->is_open || s->is_ended || len == 0)
        return;
    keep(&s->in, data, len);
    socket_event(s, NET_IN);
}

void sim_end(struct sim_socket *s)
{
    s->is_ended = 1;
    if (s->is_open)
        socket_event(s, NET_IN | NET_HUP);
}

void sim_reset(struct sim_socket *s)
{
    s->is_reset = 1;
    s->is_ended = 1;
    if (s->is_open)
        socket_event(s, NET_IN | NET_OUT | NET_HUP);
}

void sim_room(struct sim_socket *s, size_t room)
{
    s->room = room;
    if (s->is_open && room > 0)
        socket_event(s, NET_OUT);
}

void sim_release(struct sim_socket *s)
{
    assert(s->is_held);
    if (!s->is_ended)
        sim_end(s);
    s->is_held = 0;
    s->room = SIZE_MAX;
    socket_drop(s);
}

WRAP(int, socket, int domain, int type, int protocol)
{
    if ((domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX) &&
        (type & 0xf) == SOCK_STREAM)
        return socket_new();
    return __real_socket(domain, type, protocol);
}

void sim_on_connect(sim_connect_fn fn)
{
    sim.connect = fn;
}

WRAP(int, connect, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct sim_socket *s = socket_of(fd);
    const char *path = NULL;
    int port = 0;

    if (s == NULL)
        return __real_connect(fd, addr, len);
    if (addr->sa_family == AF_UNIX)
        path = ((const struct sockaddr_un *)addr)->sun_path;
    else
        port = ntohs(((const struct sockaddr_in *)addr)->sin_port);
    s->is_held = 1;
    errno = sim.connect != NULL ? sim.connect(s, port, path) : ECONNREFUSED;
    if (errno == 0)
        return 0;
    s->is_held = 0;
    s->room = errno == EINPROGRESS ? 0 : s->room;
    return -1;
}

WRAP(int, epoll_ctl, int epoll, int op, int fd, struct epoll_event *event)
{
    struct sim_socket *s = socket_of(fd);

    if (s == NULL)
        return __real_epoll_ctl(epoll, op, fd, event);
    s->conn = op == EPOLL_CTL_ADD ? event->data.ptr : NULL;
    if (s->conn != NULL && s->room > 0)
        s->conn->ready |= NET_OUT;
    return 0;
}

/* The other half of a pair sees the end. */
static void socket_part(struct sim_socket *s)
{
    if (s->pair == NULL)
        return;
    s->pair->pair = NULL;
    sim_end(s->pair);
    s->pair = NULL;
}

WRAP(int, close, int fd)
{
    struct sim_socket *s = socket_of(fd);

    if (s == NULL)
        return __real_close(fd);
    assert(s->is_open && s->conn == NULL);
    socket_part(s);
    s->is_open = 0;
    socket_drop(s);
    return 0;
}

WRAP(int, shutdown, int fd, int how)
{
    struct sim_socket *s = socket_of(fd);

    if (s == NULL)
        return __real_shutdown(fd, how);
    s->is_shut = 1;
    socket_part(s);
    return 0;
}

WRAP(int, socketpair, int domain, int type, int protocol, int fd[2])
{
    struct sim_socket *one;
    struct sim_socket *other;

    if ((type & 0xf) != SOCK_STREAM)
        return __real_socketpair(domain, type, protocol, fd);
    fd[0] = socket_new();
    fd[1] = fd[0] >= 0 ? socket_new() : -1;
    assert(fd[1] >= 0);
    one = socket_of(fd[0]);
    other = socket_of(fd[1]);
    one->pair = other;
    other->pair = one;
    one->room = other->room = SIM_PAIR_ROOM;
    return 0;
}

/* ---- bytes ---- */

WRAP(ssize_t, recv, int fd, void *to, size_t len, int flags)
{
    struct sim_socket *s = socket_of(fd);

    if (s == NULL)
        return __real_recv(fd, to, len, flags);
    if (s->is_reset) {
        errno = ECONNRESET;
        return -1;
    }
    if (s->in.len == 0) {
        errno = EAGAIN;
        return s->is_ended || s->is_shut ? 0 : -1;
    }
    if (len > s->in.len)
        len = s->in.len;
    memcpy(to, buf_data(&s->in), len);
    if (!(flags & MSG_PEEK)) {
        buf_consume(&s->in, len);
        if (s->pair != NULL)
            sim_room(s->pair, s->pair->room + len);
    }
    return (ssize_t)len;
}

/* What of len bytes may be sent now; -1 with errno. */
static ssize_t send_room(const struct sim_socket *s, size_t len)
{
    /* What a peer that has closed is sent is lost. */
    if (s->is_reset || s->is_shut) {
        errno = s->is_reset ? ECONNRESET : EPIPE;
        return -1;
    }
    if (s->room == 0 && len > 0) {
        errno = EAGAIN;
        return -1;
    }
    return (ssize_t)(len < s->room ? len : s->room);
}

static void sent(struct sim_socket *s, const void *data, size_t len)
{
    if (s->room != SIZE_MAX)
        s->room -= len;
    s->sent += len;
    if (s->pair != NULL)
        sim_send(s->pair, data, len);
    if (s->is_kept && s->is_held)
        keep(&s->out, data, len);
}

/* Reads what is sent, for the sanitizer. */
static void touch(const uint8_t *data, size_t len)
{
    volatile uint8_t sum = 0;

    if (len == 0)
        return;
    for (size_t i = 0; i < len; i += 8)
        sum = (uint8_t)(sum + data[i]);
    sum = (uint8_t)(sum + data[len - 1]);
}

WRAP(ssize_t, send, int fd, const void *data, size_t len, int flags)
{
    struct sim_socket *s = socket_of(fd);
    ssize_t n;

    if (s == NULL)
        return __real_send(fd, data, len, flags);
    n = send_room(s, len);
    if (n <= 0)
        return n;
    touch(data, (size_t)n);
    sent(s, data, (size_t)n);
    return n;
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags)
{
    struct sim_socket *s = socket_of(fd);
    ssize_t all = 0;

    if (s == NULL)
        return __real_sendmsg(fd, msg, flags);
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        size_t len = msg->msg_iov[i].iov_len;
        ssize_t n = send_room(s, len);

        if (n < 0)
            return all > 0 ? all : -1;
        touch(msg->msg_iov[i].iov_base, (size_t)n);
        sent(s, msg->msg_iov[i].iov_base, (size_t)n);
        all += n;
        if ((size_t)n < len)
            break;
    }
    return all;
}

WRAP(ssize_t, sendfile, int fd, int from, off_t *offset, size_t len)
{
    struct sim_socket *s = socket_of(fd);
    uint8_t piece[4096];
    ssize_t n;

    if (s == NULL)
        return __real_sendfile(fd, from, offset, len);
    n = send_room(s, len < sizeof(piece) ? len : sizeof(piece));
    if (n > 0)
        n = pread(from, piece, (size_t)n, *offset);
    if (n <= 0)
        return n;
    sent(s, piece, (size_t)n);
    *offset += n;
    return n;
}

/* ---- options of sockets ---- */

WRAP(int, setsockopt, int fd, int level, int name, const void *value, socklen_t len)
{
    return socket_of(fd) != NULL ? 0 : __real_setsockopt(fd, level, name, value, len);
}

WRAP(int, getsockopt, int fd, int level, int name, void *value, socklen_t *len)
{
    if (socket_of(fd) == NULL)
        return __real_getsockopt(fd, level, name, value, len);
    memset(value, 0, *len);
    return 0;
}

WRAP(int, getsockname, int fd, struct sockaddr *addr, socklen_t *len)
{
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}};

    if (socket_of(fd) == NULL)
        return __real_getsockname(fd, addr, len);
    memcpy(addr, &own, *len < sizeof(own) ? *len : sizeof(own));
    return 0;
}

/* net_unacknowledged(): everything has arrived, but not in a pair. */
WRAP(int, ioctl, int fd, unsigned long request, int *value)
{
    const struct sim_socket *s = socket_of(fd);

    if (s == NULL)
        return __real_ioctl(fd, request, value);
    *value = s->pair != NULL ? (int)s->pair->in.len : 0;
    return 0;
}
