/*
 * Measures how many of the bytes written to a socket the peer has not acknowledged. SIOCOUTQ counts
 * both the bytes that wait in the kernel and those in flight (tcp(7)); UNIX sockets support it,
 * too.
 */
#include "co/net.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

size_t net_unacknowledged(const struct net_conn *conn)
{
    int bytes = 0;

    if (conn->closed || ioctl(conn->fd, SIOCOUTQ, &bytes) != 0 || bytes < 0)
        return 0;
    return (size_t)bytes;
}

int net_path(const struct net_conn *conn, struct net_path *out)
{
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t len = sizeof(info);

    if (conn->closed || conn->fd < 0 ||
        getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_delivery_rate) + sizeof(info.tcpi_delivery_rate))
        return -1;
    out->unacknowledged = net_unacknowledged(conn);
    /* All ones: the kernel has not measured any. */
    out->min_rtt = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt;
    out->rate = info.tcpi_delivery_rate;
    return 0;
}
