/*
 * Measures how many of the bytes written to a socket the peer has not acknowledged. SIOCOUTQ counts
 * both the bytes that wait in the kernel and those in flight (tcp(7)); UNIX sockets support it,
 * too.
 */
#include "co/net.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

size_t net_unacknowledged(const struct net_conn *conn)
{
    int bytes = 0;

    if (conn->closed || ioctl(conn->fd, SIOCOUTQ, &bytes) != 0 || bytes < 0)
        return 0;
    return (size_t)bytes;
}
