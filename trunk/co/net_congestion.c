/*
 * The congestion control, the highest rate and the longest pause between two retransmissions of
 * accepted connections (tcp(7), TCP_CONGESTION; socket(7), SO_MAX_PACING_RATE; TCP_RTO_MAX_MS).
 * They are set on the listener, from which the kernel passes them on: no system call for each
 * connection, and a listener opened with privileges keeps a control that only privileged processes
 * may select.
 */
#include "co/net_private.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONGESTION_NAME_MAX 16 /* TCP_CA_NAME_MAX, terminator included */
#define CONGESTION_LIST     "/proc/sys/net/ipv4/tcp_available_congestion_control"

/* Linux 6.15, linux/tcp.h; older headers do not have it. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif

/* The kernel gives a connection up after 15 retransmissions (net.ipv4.tcp_retries2), which are 924
 * s with its own pauses. With shorter ones it would be seconds: a time is set instead. */
#define GIVE_UP_MS (900 * 1000)

/* A socket to ask the kernel with; -1: none. */
static int net_congestion_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* The names that the kernel has loaded, for messages; "" if that cannot be read. */
static void net_congestion_list(char *out, size_t cap)
{
    FILE *file = fopen(CONGESTION_LIST, "re");

    out[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(out, (int)cap, file) == NULL)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    (void)fclose(file);
}

struct err *net_congestion_check(const char *name)
{
    char list[256];
    int fd, saved;

    assert(name != NULL);
    if (name[0] == '\0')
        return NULL;
    if (strlen(name) >= CONGESTION_NAME_MAX)
        return err_new(ERR_CONFIG, "\"%.32s…\": longer than any congestion control's name", name);
    fd = net_congestion_socket();
    if (fd < 0)
        return err_sys(errno, "congestion control %s", name);
    saved =
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0 ? 0 : errno;
    close(fd);
    /* The kernel has it; the process that opens the listeners may have the right to select it. */
    if (saved == 0 || saved == EPERM)
        return NULL;
    net_congestion_list(list, sizeof(list));
    if (saved == ENOENT)
        return err_new(ERR_CONFIG, "\"%s\": the kernel has no such congestion control%s%s%s", name,
                       list[0] != '\0' ? " (it has " : "", list, list[0] != '\0' ? ")" : "");
    return err_sys(saved, "congestion control %s", name);
}

/* What a new socket has. 0 or -1. */
static int net_congestion_default(char out[CONGESTION_NAME_MAX])
{
    socklen_t len = CONGESTION_NAME_MAX - 1;
    int fd = net_congestion_socket();
    int rc;

    memset(out, 0, CONGESTION_NAME_MAX);
    if (fd < 0)
        return -1;
    rc = getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, out, &len);
    close(fd);
    return rc;
}

int net_congestion_set(struct net_listener *listener, const char *name)
{
    char other[CONGESTION_NAME_MAX];
    char now[CONGESTION_NAME_MAX] = "";
    socklen_t len = sizeof(now) - 1;
    int fd = net_listener_fd(listener);

    assert(name != NULL);
    /* No TCP: a UNIX socket. */
    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, now, &len) != 0)
        return 0;
    if (name[0] == '\0') {
        if (net_congestion_default(other) != 0)
            return -1;
        name = other;
    }
    if (strcmp(now, name) == 0)
        return 0;
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

int net_congestion_retransmit(struct net_listener *listener, usec_t max)
{
    int ms = (int)(max / USEC_PER_MS);
    const int patience = GIVE_UP_MS;
    int fd = net_listener_fd(listener);
    int now = 0;
    socklen_t len = sizeof(now);

    assert(max >= USEC_PER_SEC && max <= 120 * USEC_PER_SEC);
    /* An older kernel, or a UNIX socket. */
    if (getsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &now, &len) != 0 || now == ms)
        return 0;
    if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience)) != 0)
        return -1;
    return setsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &ms, sizeof(ms));
}

int net_congestion_pace(struct net_listener *listener, int64_t rate)
{
    uint32_t value = rate > 0 && rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;

    assert(rate >= 0);
    return setsockopt(net_listener_fd(listener), SOL_SOCKET, SO_MAX_PACING_RATE, &value,
                      sizeof(value));
}
