/*
 * One packet is one message (SOCK_SEQPACKET, unix(7)); descriptors travel beside the bytes
 * (SCM_RIGHTS). Both sides check what they receive.
 */
#include "app/core/keeper_private.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 5000

static ssize_t packet_send(int channel, const void *data, size_t len, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {(void *)data, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    memset(&control, 0, sizeof(control));
    if (fd >= 0) {
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
        message.msg_control = &control;
        message.msg_controllen = sizeof(control.bytes);
    }
    do
        n = sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t packet_receive(int channel, void *data, size_t len, int *fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {data, len};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.bytes)};
    const struct cmsghdr *head;
    ssize_t n;

    *fd = -1;
    do
        n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    head = n >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(head), sizeof(*fd));
    return n;
}

int keeper_give_request(int channel, uint32_t number, uint32_t what, const char *path)
{
    struct keeper_request request = {.number = number, .what = what};
    size_t size = strlen(path) + 1;
    size_t len = offsetof(struct keeper_request, path) + size;

    if (size > sizeof(request.path))
        return -1;
    memcpy(request.path, path, size);
    return packet_send(channel, &request, len, -1) == (ssize_t)len ? 0 : -1;
}

int keeper_take_request(int channel, struct keeper_request *out)
{
    const size_t head = offsetof(struct keeper_request, path);
    ssize_t n;
    int fd;

    n = packet_receive(channel, out, sizeof(*out), &fd);
    if (fd >= 0)
        close(fd);
    return n > (ssize_t)head && out->path[(size_t)n - head - 1] == '\0' ? 0 : -1;
}

void keeper_give_answer(int channel, const struct keeper_answer *answer, int fd)
{
    /* A process that is gone, or takes no answers, has itself to blame. */
    (void)packet_send(channel, answer, sizeof(*answer), fd);
}

int keeper_take_answer(int channel, struct keeper_answer *out, int *fd)
{
    struct pollfd ready = {channel, POLLIN, 0};
    int n;

    *fd = -1;
    do
        n = poll(&ready, 1, ANSWER_WAIT_MS);
    while (n < 0 && errno == EINTR);
    if (n == 1 && packet_receive(channel, out, sizeof(*out), fd) == (ssize_t)sizeof(*out))
        return 0;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return -1;
}
