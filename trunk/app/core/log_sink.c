/*
 * The log's destinations, console and file. A blocking write would stop every coroutine, and a
 * console is often a pipe whose reader may sleep. So a pipe, socket, or terminal is polled first
 * (without a timeout) and gets at most PIPE_BUF bytes at once, which a writable pipe takes whole.
 * The descriptor is not made non-blocking: it may be shared with the shell that started the server.
 * A plain file is written directly.
 */
#include "app/core/log_sink.h"

#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CLOSE_WAIT_MS 1000

/* 1 when a write does not block, or stops blocking within the timeout. */
static int is_ready(const struct log_sink_file *file, int timeout_ms)
{
    struct pollfd pfd = {file->fd, POLLOUT, 0};

    return !file->may_block || poll(&pfd, 1, timeout_ms) == 1;
}

/* How much to write at once: whole lines, since other processes may write between two pieces. */
static size_t console_piece(const char *data, size_t len)
{
    const char *end;

    if (len <= PIPE_BUF)
        return len;
    end = memrchr(data, '\n', PIPE_BUF);
    return end != NULL ? (size_t)(end + 1 - data) : PIPE_BUF;
}

/* Writes as much as the descriptor takes within the timeout and returns the length. -1: the
 * descriptor is broken. */
static ssize_t write_some(const struct log_sink_file *file, const void *data, size_t len,
                          int timeout_ms)
{
    size_t done = 0;

    while (done < len && is_ready(file, timeout_ms)) {
        size_t piece = len - done;
        struct iovec iov = {(char *)data + done, piece};
        ssize_t n;

        if (file->may_block)
            iov.iov_len = console_piece(iov.iov_base, piece);
        n = writev(file->fd, &iov, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Drops pending lines that can never be written. */
static void give_up(struct log_sink_file *file)
{
    const char *data = (const char *)buf_data(&file->pending);

    for (size_t i = 0; i < file->pending.len; i++)
        file->lost += data[i] == '\n';
    buf_consume(&file->pending, file->pending.len);
}

static void flush_pending(struct log_sink_file *file, int timeout_ms)
{
    ssize_t n;

    if (file->pending.len == 0)
        return;
    n = write_some(file, buf_data(&file->pending), file->pending.len, timeout_ms);
    if (n < 0)
        give_up(file);
    else
        buf_consume(&file->pending, (size_t)n);
    if (file->pending.len == 0)
        buf_reset(&file->pending); /* rarely needed: give the memory back */
}

static void put_line(struct log_sink_file *file, const char *line, size_t len)
{
    ssize_t n = file->pending.len > 0 ? 0 : write_some(file, line, len, 0);

    if (n < 0 || ((size_t)n < len && buf_append(&file->pending, line + n, len - (size_t)n)))
        file->lost++;
}

static void log_sink_write(struct log_sink *sink, const char *line, size_t len);

/* Logs at the place of the gap how many lines were dropped. 0 when that is in the log. */
static int put_note(struct log_sink_file *file)
{
    struct log note = {.level = LOG_WARN, .sink = &file->sink};
    unsigned lost = file->lost;

    file->lost = 0; /* so that writing the note does not call this function again */
    log_warn(&note, "%u log lines dropped: console not reading", lost);
    if (file->lost == 0)
        return 0;
    file->lost = lost;
    return -1;
}

static void log_sink_write(struct log_sink *sink, const char *line, size_t len)
{
    struct log_sink_file *file = (struct log_sink_file *)sink;

    flush_pending(file, 0);
    /* After a loss, half of the buffer must be free first, so that there is one gap and not many.
     */
    if (file->lost > 0 && (file->pending.len > LOG_SINK_PENDING_MAX / 2 || put_note(file)))
        file->lost++;
    else
        put_line(file, line, len);
}

static void init(struct log_sink_file *file, int fd)
{
    struct stat st;

    memset(file, 0, sizeof(*file));
    file->sink.write = log_sink_write;
    file->fd = fd;
    file->may_block = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
    buf_init(&file->pending, LOG_SINK_PENDING_MAX);
}

/*
 * O_NONBLOCK: opening a FIFO without a reader must not block. O_NOFOLLOW: an attacker could replace
 * the file by a symbolic link and so make a server that runs as root write anywhere. The system's
 * own links, which name descriptors of this process, are followed.
 */
int log_sink_open_append(const char *path)
{
    static const char *const own[] = {"/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/"};
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (str_starts(path, own[i]))
            flags &= ~O_NOFOLLOW;
    return open(path, flags, 0644);
}

/* The same, or by the opener what this process may not open. */
static int open_by(const struct opener *opener, const char *path)
{
    int fd = log_sink_open_append(path);

    if (fd < 0 && errno == EACCES && opener != NULL && opener->open != NULL)
        fd = opener->open(opener->arg, path);
    return fd;
}

static struct err *open_error(int sys_errno, const char *path)
{
    if (sys_errno == ELOOP)
        return err_new(ERR_CONFIG, "log file %s: symbolic links are not followed", path);
    return err_sys(sys_errno, "log file %s", path);
}

struct err *log_sink_open(struct log_sink_file *file, const char *path, const struct opener *opener)
{
    int fd = open_by(opener, path);
    char *copy = strdup(path);

    if (fd < 0 || copy == NULL) {
        struct err *err = open_error(fd < 0 ? errno : ENOMEM, path);

        free(copy);
        if (fd >= 0)
            close(fd);
        return err;
    }
    init(file, fd);
    file->path = copy;
    if (opener != NULL)
        file->opener = *opener;
    return NULL;
}

void log_sink_open_fd(struct log_sink_file *file, int fd)
{
    assert(file != NULL);
    init(file, fd);
}

void log_sink_own(struct log_sink_file *file)
{
    char name[32];
    int fd;

    buf_consume(&file->pending, file->pending.len);
    if (file->path != NULL || !file->may_block)
        return;
    (void)str_format(name, sizeof(name), "/proc/self/fd/%d", file->fd);
    /* A new file description, so that the shared one stays blocking. A socket cannot be reopened.
     */
    fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    file->fd = fd;
    file->is_own = 1;
}

void log_sink_disown(struct log_sink_file *file, int fd)
{
    if (!file->is_own)
        return;
    close(file->fd);
    file->fd = fd;
    file->is_own = 0;
}

struct err *log_sink_reopen(struct log_sink_file *file)
{
    struct stat st;
    int fd;

    if (file->path == NULL)
        return NULL;
    fd = open_by(&file->opener, file->path);
    if (fd < 0)
        return open_error(errno, file->path);
    flush_pending(file, 0);
    close(file->fd);
    file->fd = fd;
    file->may_block = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
    return NULL;
}

void log_sink_switch(struct log_sink_file *file, struct log_sink_file *to)
{
    flush_pending(file, 0);
    buf_fini(&file->pending);
    if (file->path != NULL || file->is_own)
        close(file->fd);
    free(file->path);
    to->lost += file->lost;
    *file = *to;
    memset(to, 0, sizeof(*to));
    to->fd = -1;
}

void log_sink_close(struct log_sink_file *file)
{
    flush_pending(file, CLOSE_WAIT_MS);
    if (file->lost > 0 && file->pending.len == 0)
        (void)put_note(file);
    /* The flush may have filled the pipe again: then the note is pending. */
    flush_pending(file, CLOSE_WAIT_MS);
    buf_fini(&file->pending);
    if (file->path != NULL || file->is_own)
        close(file->fd);
    file->is_own = 0;
    free(file->path);
    file->path = NULL;
}
