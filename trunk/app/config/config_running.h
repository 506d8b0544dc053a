#ifndef APP_CONFIG_CONFIG_RUNNING_H
#define APP_CONFIG_CONFIG_RUNNING_H

/*
 * A running server's configuration, for -t --diff: the server keeps its source in a memory file
 * (memfd_create(2)), which another process of the same user, or root, finds under /proc. Nothing is
 * on disk, and nothing remains of a server that has ended. Never yields.
 */
#include "app/config/config.h"

#include <sys/types.h>

/*
 * Shows this configuration; first is that of the start, of which the directives that need a restart
 * are still in effect. *fd is the memory file, -1 before the first call. On failure, which is not
 * an error of the server, the old one stays: 0, or -1.
 */
int config_running_show(int *fd, const struct config *first, const struct config *config);

/* The configuration in effect at a server; ERR_NOT_FOUND: no such process, or it is no server. */
struct err *config_running_of(pid_t pid, struct config **out);
/* The process id in a pid file. */
struct err *config_running_pid(const char *path, pid_t *pid);

#endif
