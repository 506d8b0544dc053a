#ifndef APP_CORE_PROCESS_H
#define APP_CORE_PROCESS_H

/*
 * The process around the server: background, pid file, descriptors, parent. All of this runs before
 * the coroutine runtime starts; nothing here yields, and waiting blocks.
 */
#include "base/err.h"
#include "base/log.h"

/* Creates the parent folder of this path, one level only; errors are ignored. */
void process_make_folder(const char *path);

struct process_pid {
    int fd; /* -1: none */
    const char *path;
};

/* Creates and locks the file; ERR_BUSY names the process that holds it. path is borrowed. */
struct err *process_pid_open(struct process_pid *pid, const char *path);
/* Writes this process's id. */
struct err *process_pid_write(struct process_pid *pid);
/* Removes the file: 0, or -1 if this process may not. */
int process_pid_remove(const struct process_pid *pid);
/* Removes the file if it is still there, and unlocks it. */
void process_pid_close(struct process_pid *pid);

/*
 * Moves the process to the background. Returns in the child; the parent waits until the child calls
 * process_daemon_ready() or exits, and exits with 0 or 1. *ready belongs to the child.
 */
struct err *process_daemon(int *ready);
/* Tells the parent that the server is ready, and leaves the terminal. */
void process_daemon_ready(int *ready);
/* Redirects standard input, output, and error to /dev/null. */
void process_leave_terminal(void);

/* Makes this process end when its parent ends. */
struct err *process_follow_parent(void);

/* Raises the limit on open files to the hard limit, and logs whether it suffices for `connections`,
 * `others` (listeners, pulls) and the descriptors that every server has open. */
void process_raise_descriptors(long connections, long others, const struct log *log);

#endif
