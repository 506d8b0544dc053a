/*
 * What a daemon does before it serves (daemon, pid, work_dir, asprocess). The exit status of the
 * parent process is reliable: the parent waits until the server has opened its listeners, and exits
 * with 1 if that fails.
 */
#include "app/core/process.h"

#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors beside connections: epoll, log, static files that are sent. */
#define OTHER_DESCRIPTORS 384

void process_make_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];

    if (slash == NULL || slash == path ||
        str_copy_n(folder, sizeof(folder), path, (size_t)(slash - path)))
        return;
    (void)mkdir(folder, 0755); /* if this fails, opening the file reports it */
}

/* The process id that a pid file holds, for a message; 0 if there is none. */
static long read_pid(int fd)
{
    char text[24] = "";
    int64_t pid = 0;

    if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
        return 0;
    text[strcspn(text, "\r\n")] = '\0';
    return str_to_i64(text, 1, INT32_MAX, &pid) == 0 ? (long)pid : 0;
}

struct err *process_pid_open(struct process_pid *pid, const char *path)
{
    struct stat held;
    struct stat named;

    assert(pid != NULL && path != NULL);
    pid->path = path;
    for (;;) {
        pid->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0644);
        if (pid->fd < 0 && errno == ELOOP)
            return err_new(ERR_CONFIG, "pid file %s: symbolic links are not followed", path);
        if (pid->fd < 0)
            return err_sys(errno, "pid file %s", path);
        if (flock(pid->fd, LOCK_EX | LOCK_NB) != 0) {
            struct err *err = err_new(ERR_BUSY, "pid file %s: already used by process %ld", path,
                                      read_pid(pid->fd));

            close(pid->fd);
            pid->fd = -1;
            return err;
        }
        /* The process before us may have removed the file between our open() and flock(). */
        if (fstat(pid->fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev)
            return NULL;
        close(pid->fd);
    }
}

struct err *process_pid_write(struct process_pid *pid)
{
    if (pid->fd < 0)
        return NULL;
    if (ftruncate(pid->fd, 0) != 0 || lseek(pid->fd, 0, SEEK_SET) != 0 ||
        dprintf(pid->fd, "%d\n", (int)getpid()) < 0)
        return err_sys(errno, "pid file %s", pid->path);
    return NULL;
}

/* It is removed while it is locked, and once: it cannot be the file of another process. */
int process_pid_remove(const struct process_pid *pid)
{
    struct stat held;

    if (pid->fd < 0 || (fstat(pid->fd, &held) == 0 && held.st_nlink == 0))
        return 0;
    return unlink(pid->path);
}

void process_pid_close(struct process_pid *pid)
{
    if (pid->fd < 0)
        return;
    (void)process_pid_remove(pid);
    close(pid->fd);
    pid->fd = -1;
}

/* In the parent: waits for the child's message on the pipe, then exits. */
__attribute__((noreturn)) static void parent_wait(pid_t child, int from)
{
    FILE *pipe_end = fdopen(from, "r");
    int word = pipe_end != NULL ? fgetc(pipe_end) : EOF;

    (void)waitpid(child, NULL, 0);
    /* EOF: the child ended before it was ready and has logged why. _exit(): the atexit handlers
     * belong to the child. */
    _exit(word == 'r' ? 0 : 1);
}

struct err *process_daemon(int *ready)
{
    int ends[2];
    pid_t child;

    assert(ready != NULL);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_sys(errno, "daemon: pipe");
    child = fork();
    if (child < 0) {
        struct err *err = err_sys(errno, "daemon: fork");

        close(ends[0]);
        close(ends[1]);
        return err;
    }
    if (child > 0) {
        close(ends[1]);
        parent_wait(child, ends[0]);
    }
    close(ends[0]);
    *ready = ends[1];
    /* A new session; the second fork makes sure that the daemon never acquires a terminal. */
    if (setsid() < 0)
        return err_sys(errno, "daemon: setsid");
    child = fork();
    if (child < 0)
        return err_sys(errno, "daemon: fork");
    if (child > 0)
        _exit(0);
    return NULL;
}

void process_leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
}

void process_daemon_ready(int *ready)
{
    process_leave_terminal();
    /* A write error means that the parent is gone: ignore it. */
    (void)dprintf(*ready, "r");
    close(*ready);
    *ready = -1;
}

struct err *process_follow_parent(void)
{
    pid_t parent = getppid();

    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return err_sys(errno, "asprocess: prctl");
    if (getppid() != parent)
        return err_new(ERR_CLOSED, "asprocess: parent process has exited");
    return NULL;
}

void process_raise_descriptors(long connections, long others, const struct log *log)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    others += OTHER_DESCRIPTORS;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < (rlim_t)(connections + others))
        log_warn(log,
                 "max_connections %ld exceeds the limit on open files: ulimit -n is %llu, of which "
                 "%ld are needed for other purposes",
                 connections, (unsigned long long)limit.rlim_cur, others);
    else
        log_info(log, "open files: max_connections %ld and %ld others fit within ulimit -n",
                 connections, others);
}
