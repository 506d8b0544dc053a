/*
 * The notification protocol of sd_notify(3): lines of NAME=VALUE in one datagram. The protocol is
 * small and stable, so the server speaks it itself instead of linking libsystemd.
 *
 * The socket address comes from the environment and is checked before use. The socket stays open,
 * so that a server without free descriptors can still report a reload. A full queue at the receiver
 * loses the message, which the log says: no message is worth blocking the event loop.
 */
#include "app/core/supervisor.h"

#include "base/clock.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define SUPERVISOR_MESSAGE_MAX 128

int supervisor_address(const char *text, struct sockaddr_un *out, socklen_t *len)
{
    size_t size = strnlen(text, sizeof(out->sun_path));

    assert(out != NULL && len != NULL);
    /* A path ends with NUL, which takes one byte; "/" and "@" alone name nothing. */
    if ((text[0] != '/' && text[0] != '@') || size < 2 || size >= sizeof(out->sun_path))
        return -1;
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, text, size);
    /* An abstract name begins with NUL and ends with the address (unix(7)). */
    if (text[0] == '@')
        out->sun_path[0] = '\0';
    else
        size++;
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return 0;
}

struct err *supervisor_open(struct supervisor *supervisor, const char *value, const struct log *log)
{
    memset(supervisor, 0, sizeof(*supervisor));
    supervisor->fd = -1;
    supervisor->log = log;
    if (value == NULL || *value == '\0')
        return NULL;
    if (supervisor_address(value, &supervisor->to, &supervisor->to_len) != 0) {
        log_warn(log,
                 "NOTIFY_SOCKET ignored: it must be an absolute path or @ and an abstract name, "
                 "at most %zu bytes",
                 sizeof(supervisor->to.sun_path) - 1);
        return NULL;
    }
    supervisor->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* It would wait for the message, and then end a server that serves. */
    return supervisor->fd < 0 ? err_sys(errno, "NOTIFY_SOCKET") : NULL;
}

void supervisor_close(struct supervisor *supervisor)
{
    if (supervisor->fd >= 0)
        close(supervisor->fd);
    supervisor->fd = -1;
}

static void supervisor_notify(struct supervisor *supervisor, const char *text)
{
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_name = &supervisor->to,
                             .msg_namelen = supervisor->to_len,
                             .msg_iov = &part,
                             .msg_iovlen = 1};

    if (supervisor->fd < 0)
        return;
    if (sendmsg(supervisor->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        log_sys(supervisor->log, LOG_WARN, errno, "service manager not notified (%.*s)",
                (int)strcspn(text, "\n"), text);
}

void supervisor_ready(struct supervisor *supervisor, pid_t main_pid)
{
    char text[SUPERVISOR_MESSAGE_MAX] = "READY=1";

    if (supervisor->state != SUPERVISOR_STARTING)
        return;
    supervisor->state = SUPERVISOR_READY;
    if (main_pid != 0)
        (void)str_format(text, sizeof(text), "READY=1\nMAINPID=%d", (int)main_pid);
    supervisor_notify(supervisor, text);
}

void supervisor_reloading(struct supervisor *supervisor)
{
    char text[SUPERVISOR_MESSAGE_MAX];

    if (supervisor->state != SUPERVISOR_READY)
        return;
    /* The time tells the service manager which of several reloads this is. */
    (void)str_format(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)clock_now());
    supervisor_notify(supervisor, text);
}

void supervisor_reloaded(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_READY)
        supervisor_notify(supervisor, "READY=1");
}

void supervisor_stopping(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_STOPPING)
        return;
    supervisor->state = SUPERVISOR_STOPPING;
    supervisor_notify(supervisor, "STOPPING=1");
}
