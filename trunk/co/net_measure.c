/*
 * What a socket tells about its peer: how much of what was written has not arrived. SIOCOUTQ counts
 * both what waits in the kernel and what is on its way (tcp(7)); UNIX sockets have it, too.
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
