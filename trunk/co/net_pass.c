/*
 * Descriptors are sent over a UNIX socket (SCM_RIGHTS, unix(7)) that keeps message boundaries. The
 * socket's buffer limits how many are in flight; when it is full, the sender keeps the connection.
 * Only the process that serves a connection registers it with the reactor.
 */
#include "co/net_pass.h"

#include "co/net_private.h"

#include <string.h>
#include <unistd.h>

union net_pass_control {
    struct cmsghdr head; /* for the alignment */
    char space[CMSG_SPACE(sizeof(int))];
};

int net_pass_new(int fd[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd);
}

int net_pass_give(int channel, int fd, uint8_t what)
{
    struct iovec iov = {&what, 1};
    union net_pass_control control = {.space = {0}};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    ssize_t n;

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    do
        n = sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : -1;
}

int net_pass_accept(int listener, int channel, uint8_t what)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int failed;

    if (fd < 0)
        return 0;
    failed = net_pass_give(channel, fd, what);
    close(fd);
    return failed == 0;
}

/* Receives one message: 1, 0 at the channel's end, -1 with errno. *fd is -1 if it carried none. */
static ssize_t net_pass_receive(int channel, int *fd, uint8_t *what)
{
    struct iovec iov = {what, 1};
    union net_pass_control control = {.space = {0}};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *head;
    ssize_t n = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    *fd = -1;
    head = n == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(*fd)))
        memcpy(fd, CMSG_DATA(head), sizeof(*fd));
    return n;
}

int net_pass_take_fd(int channel, int *fd, uint8_t *what)
{
    ssize_t n;

    do
        n = net_pass_receive(channel, fd, what);
    while (n < 0 && errno == EINTR);
    return n == 1 && *fd >= 0;
}

/* A connection for a received descriptor, or NULL: it is closed. */
static struct net_conn *net_pass_adopt(int fd)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof(addr);
    struct net_conn *conn = NULL;

    /* Without an address, the limits per address would not apply to it. */
    if (getpeername(fd, (struct sockaddr *)&addr, &len) == 0)
        conn = net_make(fd, &net_socket_ops, NET_OUT);
    if (conn != NULL)
        net_set_peer(conn, &addr);
    else
        close(fd);
    return conn;
}

struct err *net_pass_take(struct net_conn *channel, struct net_conn **out, uint8_t *what,
                          const struct log *log)
{
    *out = NULL;
    for (;;) {
        int fd;
        ssize_t n = net_pass_receive(channel->fd, &fd, what);

        if (n == 1 && fd >= 0)
            *out = net_pass_adopt(fd);
        else if (n == 1)
            log_error(log, "connection from another worker lost: no free descriptor");
        if (n == 1)
            return NULL;
        if (n == 0 || (!net_is_again(errno) && errno != EINTR))
            return err_sys(n < 0 ? errno : EPIPE, "channel of connections");
        if (errno == EINTR)
            continue;
        channel->ready &= (uint8_t)~NET_IN;
        if (net_wait(channel, NET_IN, USEC_NEVER) < 0)
            return err_new(ERR_INTERRUPTED, "interrupted");
    }
}
