/*
 * The descriptor is an eventfd. It counts, so no notification is lost; sending never blocks,
 * because each wait resets the counter, which could otherwise overflow only after 2^64
 * notifications.
 */
#include "co/notify.h"

#include <errno.h>
#include <sys/eventfd.h>

int notify_new(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void notify_send(int fd)
{
    (void)eventfd_write(fd, 1);
}

void notify_clear(int fd)
{
    eventfd_t count;

    (void)eventfd_read(fd, &count);
}

struct err *notify_wait(struct net_conn *conn)
{
    eventfd_t count;

    for (;;) {
        ssize_t n = net_try_read(conn, &count, sizeof(count));

        if (n == (ssize_t)sizeof(count))
            return NULL;
        if (n >= 0 || (errno != EAGAIN && errno != EINTR))
            return err_sys(n < 0 ? errno : EIO, "eventfd");
        if (net_wait(conn, NET_IN, USEC_NEVER) < 0)
            return err_new(ERR_INTERRUPTED, "interrupted");
    }
}
