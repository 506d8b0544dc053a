#ifndef APP_CORE_PROCESS_H
#define APP_CORE_PROCESS_H

/*
 * The process around the server: background, pid file, descriptors, parent.
 * All of it before the runtime starts; nothing here yields, and waiting blocks.
 */
#include "base/err.h"
#include "base/log.h"

/* Makes the folder that a path's last part is in, one level deep; no error if it cannot. */
void process_make_folder(const char *path);

struct process_pid {
    int fd; /* -1: none */
    const char *path;
};

/* Makes and locks the file; ERR_BUSY names the process that holds it. path is borrowed. */
struct err *process_pid_open(struct process_pid *pid, const char *path);
/* Writes this process's id. */
struct err *process_pid_write(struct process_pid *pid);
/* Removes the file. */
void process_pid_close(struct process_pid *pid);

/*
 * Goes to the background. Returns in the child; the parent waits until the child
 * calls process_daemon_ready() or is gone, and ends with 0 or 1. *ready is the child's.
 */
struct err *process_daemon(int *ready);
/* Tells the parent that the server serves, and leaves the terminal. */
void process_daemon_ready(int *ready);
/* Input and output go to nowhere from here on. */
void process_leave_terminal(void);

/* Lets this process end with the one that started it. */
struct err *process_follow_parent(void);

/* Raises the number of descriptors to the hard limit, and says whether `connections` will fit, with
 * so many others (listeners, pulls) and what every server has open. */
void process_raise_descriptors(long connections, long others, const struct log *log);

#endif
