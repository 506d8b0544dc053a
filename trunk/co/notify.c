/*
 * The descriptor is an eventfd. It counts, so no notification is lost; sending never blocks,
 * because each wait resets the counter, which could otherwise overflow only after 2^64
 * notifications.
 */
#include "co/notify.h"

#include "co/co.h"

#include <errno.h>
#include <sys/eventfd.h>

/* No notification may be missed because one read failed: it is read again, so many
 * times and after such pauses. */
#define READ_TRIES 20
#define READ_AGAIN (50 * USEC_PER_MS)

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
    int failed = 0;

    for (;;) {
        ssize_t n = net_try_read(conn, &count, sizeof(count));
        int error = n < 0 ? errno : EIO;
        int is_stopped;

        if (n == (ssize_t)sizeof(count))
            return NULL;
        if (error == EAGAIN || error == EINTR) {
            failed = 0;
            is_stopped = net_wait(conn, NET_IN, USEC_NEVER) < 0;
        } else if (++failed < READ_TRIES) {
            is_stopped = co_sleep(READ_AGAIN) == CO_INTERRUPTED;
        } else {
            return err_sys(error, "eventfd");
        }
        if (is_stopped)
            return err_new(ERR_INTERRUPTED, "interrupted");
    }
}
