/*
 * A full pipe is no loss: the signal is sent for what is already in it.
 */
#include "co/notify_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct err *notify_signal_new(int ends[2], int number)
{
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_sys(errno, "notification: pipe");
    if (fcntl(ends[0], F_SETOWN, getpid()) != 0 || fcntl(ends[0], F_SETSIG, number) != 0 ||
        fcntl(ends[0], F_SETFL, O_RDONLY | O_NONBLOCK | O_ASYNC) != 0)
        return err_sys(errno, "notification: pipe");
    return NULL;
}

void notify_signal_clear(const int ends[2])
{
    char bytes[256];

    while (read(ends[0], bytes, sizeof(bytes)) > 0)
        continue;
}

void notify_signal_send(const int ends[2])
{
    ssize_t n;

    do
        n = write(ends[1], "", 1);
    while (n < 0 && errno == EINTR);
}
