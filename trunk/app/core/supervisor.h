#ifndef APP_CORE_SUPERVISOR_H
#define APP_CORE_SUPERVISOR_H

/*
 * Reports the server's state to the service manager that started it (systemd, or a test), by
 * datagrams to the socket that NOTIFY_SOCKET names. One per server: with several workers the master
 * has it. Never yields, never blocks.
 */
#include "base/log.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum supervisor_state { SUPERVISOR_STARTING, SUPERVISOR_READY, SUPERVISOR_STOPPING };

struct supervisor {
    int fd; /* -1: no service manager */
    enum supervisor_state state;
    struct sockaddr_un to;
    socklen_t to_len;
    const struct log *log;
};

/* The value of NOTIFY_SOCKET as a socket address: an absolute path, or '@' and an abstract name. -1
 * for any other value, and for one that is too long. */
int supervisor_address(const char *text, struct sockaddr_un *out, socklen_t *len);

/* value: of NOTIFY_SOCKET, or NULL. Logs and ignores an invalid one; an error: there is no socket
 * to send from. log is borrowed. */
struct err *supervisor_open(struct supervisor *supervisor, const char *value,
                            const struct log *log) ERR_MUST_CHECK;
/* Closes the socket without a message, as a worker does. */
void supervisor_close(struct supervisor *supervisor);

/* Reports that every listener of every worker listens. main_pid: of a process that moved to the
 * background; 0: the service manager started this process itself. */
void supervisor_ready(struct supervisor *supervisor, pid_t main_pid);
/* Call them before and after a reload; a server that is not ready yet reports nothing. */
void supervisor_reloading(struct supervisor *supervisor);
void supervisor_reloaded(struct supervisor *supervisor);
/* Reports that the server drains or ends. It is the last message. */
void supervisor_stopping(struct supervisor *supervisor);

#endif
