/*
 * Requests and answers are single packets. Each has a number: a worker that replaces a dead one may
 * find the answer to a question of that one, and drops it.
 *
 * The keeper trusts no request: a path must be one of the configuration's. A path that is not is
 * looked for in the configuration as it is now, because a reload reads a new one first.
 */
#include "app/core/keeper.h"

#include "app/config/config_paths.h"
#include "app/config/config_source.h"
#include "app/core/keeper_private.h"
#include "app/core/log_sink.h"
#include "app/core/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct keeper {
    pid_t pid;     /* of the keeper's process */
    pid_t starter; /* the process that has to wait for it */
    int count;     /* of processes that can ask */
    int slot;
    uint32_t number;                 /* of the last request */
    int asking[CONFIG_WORKERS_MAX];  /* ends of the processes; -1: closed */
    int serving[CONFIG_WORKERS_MAX]; /* ends of the keeper */
    const struct keeper_options *options;
    struct config *config; /* the keeper's: as it was last read */
};

/* ---- the keeper's process ---- */

struct wanted {
    enum keeper_file kind;
    const char *path;
};

static int is_wanted(void *arg, const struct config_path *path)
{
    const struct wanted *wanted = arg;
    enum config_path_kind kind = wanted->kind == KEEPER_LOG ? CONFIG_PATH_LOG : CONFIG_PATH_SECRET;

    return path->kind == kind && strcmp(path->text, wanted->path) == 0;
}

static int is_in(const struct config *config, const struct wanted *wanted)
{
    const struct config_source *source = config_source_of(config);

    if (wanted->kind != KEEPER_CONFIG)
        return config_paths(config, is_wanted, (void *)wanted);
    for (int i = 0; i < source->file_count; i++)
        if (strcmp(source->file[i].path, wanted->path) == 0)
            return 1;
    return 0;
}

static int is_allowed(struct keeper *keeper, const struct wanted *wanted)
{
    struct config *now;
    struct err *err;

    if (is_in(keeper->config, wanted))
        return 1;
    err = config_load(keeper->options->reload, keeper->options->environment, &now);
    if (err != NULL) {
        err_free(err);
        return 0;
    }
    config_unref(keeper->config);
    keeper->config = now;
    return is_in(now, wanted);
}

/* A descriptor, or -1 with errno. */
static int open_wanted(struct keeper *keeper, const struct wanted *wanted)
{
    int fd;

    if (!is_allowed(keeper, wanted)) {
        errno = EACCES;
        return -1;
    }
    if (wanted->kind != KEEPER_LOG)
        return open(wanted->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    process_make_folder(wanted->path);
    fd = log_sink_open_append(wanted->path);
    if (fd >= 0)
        privileges_give_fd(keeper->options->privileges, fd);
    return fd;
}

static void serve_one(struct keeper *keeper, int channel)
{
    struct keeper_request request;
    struct keeper_answer answer = {0};
    struct wanted wanted;
    int fd = -1;

    if (keeper_take_request(channel, &request) != 0)
        return;
    wanted = (struct wanted){(enum keeper_file)request.what, request.path};
    answer.number = request.number;
    if (request.what == KEEPER_REMOVE_PID) {
        if (*keeper->options->pid == '\0' || unlink(keeper->options->pid) != 0)
            answer.error = ENOENT;
    } else if (request.what > KEEPER_LOG) {
        answer.error = EINVAL;
    } else {
        fd = open_wanted(keeper, &wanted);
        answer.error = fd < 0 ? errno : 0;
    }
    keeper_give_answer(channel, &answer, fd);
    if (fd >= 0)
        close(fd);
}

/* Everything that the server had open, but not the channels: the pid file's lock among it. */
static void close_others(const struct keeper *keeper)
{
    unsigned from = STDERR_FILENO + 1;

    process_leave_terminal();
    for (;;) {
        unsigned next = ~0U;

        for (int i = 0; i < keeper->count; i++)
            if ((unsigned)keeper->serving[i] >= from && (unsigned)keeper->serving[i] < next)
                next = (unsigned)keeper->serving[i];
        if (next > from)
            (void)close_range(from, next == ~0U ? next : next - 1, 0);
        if (next == ~0U)
            return;
        from = next + 1;
    }
}

__attribute__((noreturn)) static void keeper_run(struct keeper *keeper)
{
    struct pollfd channel[CONFIG_WORKERS_MAX];
    int open_count = keeper->count;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    (void)setpgid(0, 0);
    close_others(keeper);
    for (int i = 0; i < keeper->count; i++)
        channel[i] = (struct pollfd){keeper->serving[i], POLLIN, 0};
    while (open_count > 0 && (poll(channel, (nfds_t)keeper->count, -1) > 0 || errno == EINTR)) {
        for (int i = 0; i < keeper->count; i++) {
            if (channel[i].revents & POLLIN)
                serve_one(keeper, channel[i].fd);
            if (!(channel[i].revents & (POLLHUP | POLLERR | POLLNVAL)))
                continue;
            close(channel[i].fd);
            channel[i].fd = -1;
            channel[i].revents = 0;
            open_count--;
        }
    }
    _exit(0);
}

/* ---- life ---- */

static void close_all(int *fd, int count)
{
    for (int i = 0; i < count; i++) {
        if (fd[i] >= 0)
            close(fd[i]);
        fd[i] = -1;
    }
}

/* fork(); the child bears its name from its first moment, so that nobody takes it for a worker. */
static pid_t fork_named(void)
{
    char own[16] = ""; /* PR_GET_NAME writes so many bytes */
    pid_t pid;

    (void)prctl(PR_GET_NAME, own);
    (void)prctl(PR_SET_NAME, KEEPER_NAME);
    pid = fork();
    if (pid != 0)
        (void)prctl(PR_SET_NAME, own);
    return pid;
}

struct err *keeper_start(struct keeper **out, const struct keeper_options *options, int processes)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    struct err *err = NULL;

    assert(processes > 0 && processes <= CONFIG_WORKERS_MAX);
    *out = NULL;
    if (keeper == NULL)
        return err_new(ERR_NOMEM, "keeper");
    for (int i = 0; i < processes && err == NULL; i++) {
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
            err = err_sys(errno, "keeper: sockets");
            break;
        }
        keeper->asking[i] = ends[0];
        keeper->serving[i] = ends[1];
        keeper->count++;
    }
    keeper->starter = getpid();
    keeper->options = options;
    keeper->config = options->config;
    keeper->pid = err == NULL ? fork_named() : -1;
    if (keeper->pid == 0)
        keeper_run(keeper);
    if (keeper->pid < 0 && err == NULL)
        err = err_sys(errno, "keeper: fork");
    close_all(keeper->serving, keeper->count);
    keeper->options = NULL;
    keeper->config = NULL;
    if (err == NULL) {
        *out = keeper;
        return NULL;
    }
    close_all(keeper->asking, keeper->count);
    free(keeper);
    return err;
}

void keeper_use(struct keeper *keeper, int slot)
{
    assert(keeper == NULL || (slot >= 0 && slot < keeper->count));
    for (int i = 0; keeper != NULL && i < keeper->count; i++)
        if (i != slot && keeper->asking[i] >= 0) {
            close(keeper->asking[i]);
            keeper->asking[i] = -1;
        }
    if (keeper != NULL)
        keeper->slot = slot;
}

void keeper_free(struct keeper *keeper)
{
    int status;

    if (keeper == NULL)
        return;
    close_all(keeper->asking, keeper->count);
    if (keeper->starter == getpid())
        while (waitpid(keeper->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    free(keeper);
}

/* ---- questions ---- */

/* What the answer says; *fd is -1 without a descriptor. */
static int ask(struct keeper *keeper, uint32_t what, const char *path, int *fd)
{
    struct keeper_answer answer;
    int channel = keeper != NULL ? keeper->asking[keeper->slot] : -1;

    *fd = -1;
    if (channel < 0)
        return EACCES;
    if (keeper_give_request(channel, ++keeper->number, what, path) != 0)
        return EACCES;
    for (;;) {
        if (keeper_take_answer(channel, &answer, fd) != 0)
            return EACCES;
        if (answer.number == keeper->number)
            return answer.error;
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
    }
}

int keeper_open(struct keeper *keeper, enum keeper_file kind, const char *path)
{
    int fd;
    int error = ask(keeper, kind, path, &fd);

    if (error == 0 && fd < 0)
        error = EACCES;
    errno = error;
    return error == 0 ? fd : -1;
}

int keeper_open_secret(void *arg, const char *path)
{
    return keeper_open(arg, KEEPER_SECRET, path);
}

int keeper_open_config(void *arg, const char *path)
{
    return keeper_open(arg, KEEPER_CONFIG, path);
}

int keeper_open_log(void *arg, const char *path)
{
    return keeper_open(arg, KEEPER_LOG, path);
}

int keeper_remove_pid(struct keeper *keeper)
{
    int fd;

    return ask(keeper, KEEPER_REMOVE_PID, "", &fd) == 0 ? 0 : -1;
}
