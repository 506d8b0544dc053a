/*
 * What can fail for an operator's mistake (a file that is no program, a library that is missing, a
 * mistake in the configuration, an address that is in use) fails in the trial, a process of its
 * own: its output says why. What fails after that, when new workers start, brings the old program
 * back into the process, by a descriptor of its file. Both leave the old workers as they are.
 */
#include "app/workers/master_upgrade.h"

#include "app/workers/master_private.h"
#include "app/workers/worker_generation.h"
#include "app/workers/worker_ports.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/version.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long the trial, and the start of the new workers, may take. */
#define TRY_WAIT   (10 * USEC_PER_SEC)
#define START_WAIT (30 * USEC_PER_SEC)
/* The end of the trial's output that is logged. */
#define OUTPUT_MAX 480
/* Its output is kept in a memory file of so many bytes at most. */
#define OUTPUT_NAME     "millrace-trial"
#define OUTPUT_FILE_MAX (1 << 20)

static const struct log *log_of(const struct master *master)
{
    return master->options->log;
}

/* ---- the running program ---- */

/* Puts all that the next program needs into the state. */
static struct err *save(struct master *master)
{
    struct upgrade *program = master->upgrade.program;
    struct upgrade_state *state = program->state;

    worker_share_save(master->share, state);
    worker_ports_save(master->share->ports, state);
    for (int i = 0; i < master->share->count; i++)
        state->child[i] = (struct upgrade_child){master->child[i].pid, master->child[i].ready_at};
    state->pid_fd = program->pid_fd;
    state->server_id_fd = program->server_id_fd;
    if (str_copy(state->program, sizeof(state->program), program->program) != 0 ||
        str_copy(state->folder, sizeof(state->folder), program->folder) != 0 ||
        str_copy(state->pid_path, sizeof(state->pid_path),
                 program->pid_path != NULL ? program->pid_path : "") != 0)
        return err_new(ERR_LIMIT, "upgrade: a path is too long");
    return upgrade_state_put_config(state, *master->options->config);
}

/* Runs the trial, in the new process. What goes wrong before there is a program is written to its
 * output, too. */
__attribute__((noreturn)) static void try_run(const struct master *master)
{
    const struct rlimit limit = {OUTPUT_FILE_MAX, OUTPUT_FILE_MAX};
    int output = master->upgrade.output;
    const struct upgrade *program = master->upgrade.program;
    struct err *err;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != master->share->master ||
        setrlimit(RLIMIT_FSIZE, &limit) != 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        _exit(1);
    err = upgrade_execute(program, UPGRADE_TRY);
    dprintf(STDERR_FILENO, "%s\n", err_text(err));
    _exit(1);
}

/* Makes the state and starts the trial. After an error there is no state. */
static struct err *try_start(struct master *master)
{
    struct master_upgrade *upgrade = &master->upgrade;
    struct upgrade *program = upgrade->program;
    struct err *err = NULL;

    if (stat(program->program, &upgrade->file) != 0)
        return err_sys(errno, "%s", program->program);
    program->state = upgrade_state_new(&program->fd);
    if (program->state == NULL)
        return err_sys(errno, "state");
    program->state->program_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (program->state->program_fd < 0)
        err = err_sys(errno, "/proc/self/exe");
    if (err == NULL)
        err = save(master);
    upgrade->output = err == NULL ? memfd_create(OUTPUT_NAME, MFD_CLOEXEC) : -1;
    if (err == NULL && upgrade->output < 0)
        err = err_sys(errno, "output");
    fflush(NULL);
    upgrade->pid = err == NULL ? fork() : -1;
    if (upgrade->pid == 0)
        try_run(master);
    if (err == NULL && upgrade->pid < 0)
        err = err_sys(errno, "fork failed");
    return err;
}

/* The upgrade is over, in whichever way. */
static void end(struct master *master)
{
    struct master_upgrade *upgrade = &master->upgrade;

    if (upgrade->output >= 0)
        close(upgrade->output);
    upgrade->output = -1;
    upgrade->pid = 0;
    upgrade->has_ended = 0;
    upgrade->step = MASTER_UPGRADE_NONE;
    upgrade->deadline = USEC_NEVER;
    upgrade_end(upgrade->program);
}

static void say_failed(struct master *master, const char *why)
{
    log_error(log_of(master), "upgrade failed, the running server continues: %s", why);
}

void master_upgrade_ask(struct master *master)
{
    struct master_upgrade *upgrade = &master->upgrade;
    const char *no = NULL;
    struct err *err;

    if (master->is_ending)
        no = "the server is stopping";
    else if (upgrade->step != MASTER_UPGRADE_NONE)
        no = "another upgrade is still running";
    else if (!master->has_served)
        no = "the server is still starting";
    else if (upgrade->program->program == NULL)
        no = "the path of the program is unknown";
    if (no != NULL) {
        log_warn(log_of(master), "upgrade refused: %s", no);
        return;
    }
    log_info(log_of(master), "upgrade: trying %s", upgrade->program->program);
    err = try_start(master);
    if (err != NULL) {
        say_failed(master, err_text(err));
        err_free(err);
        end(master);
        return;
    }
    upgrade->step = MASTER_UPGRADE_TRYING;
    upgrade->deadline = clock_now() + TRY_WAIT;
}

int master_upgrade_child(struct master *master, pid_t pid, int status)
{
    if (master->upgrade.pid == 0 || pid != master->upgrade.pid)
        return 0;
    master->upgrade.pid = 0;
    master->upgrade.has_ended = 1;
    master->upgrade.status = status;
    return 1;
}

/* The last lines of what the trial has written, as one line. */
static void read_output(int fd, char out[OUTPUT_MAX + 1])
{
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, out, OUTPUT_MAX, size > OUTPUT_MAX ? size - OUTPUT_MAX : 0);
    size_t len = n > 0 ? (size_t)n : 0;

    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == ' '))
        len--;
    out[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)out[i] < ' ')
            out[i] = ' ';
    if (len == 0)
        (void)str_copy(out, OUTPUT_MAX + 1, "no reason given");
}

/* Executes the new program. */
static void go(struct master *master)
{
    struct master_upgrade *upgrade = &master->upgrade;
    const struct upgrade *program = upgrade->program;
    struct stat now;
    struct err *err = NULL;

    if (stat(program->program, &now) != 0 || now.st_ino != upgrade->file.st_ino ||
        now.st_dev != upgrade->file.st_dev || now.st_mtim.tv_sec != upgrade->file.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != upgrade->file.st_mtim.tv_nsec)
        err = err_new(ERR_CLOSED, "%s has changed after it was tried", program->program);
    /* Workers may have been replaced, and the configuration reloaded. */
    if (err == NULL)
        err = save(master);
    if (err == NULL) {
        log_info(log_of(master), "upgrade: executing %s", program->program);
        supervisor_reloading(master->options->supervisor);
        fflush(NULL);
        err = upgrade_execute(program, UPGRADE_START);
        supervisor_reloaded(master->options->supervisor);
    }
    say_failed(master, err_text(err));
    err_free(err);
    end(master);
}

/* The trial has ended, or has had its time. */
static void look_at_trial(struct master *master)
{
    struct master_upgrade *upgrade = &master->upgrade;
    char output[OUTPUT_MAX + 1] = "";
    char why[OUTPUT_MAX + PATH_MAX / 4];

    if (!upgrade->has_ended) {
        (void)kill(upgrade->pid, SIGKILL);
        (void)waitpid(upgrade->pid, NULL, 0);
        (void)str_format(why, sizeof(why), "%s did not answer within %d ms",
                         upgrade->program->program, (int)(TRY_WAIT / USEC_PER_MS));
    } else if (upgrade->status == 0 && upgrade->program->state->is_accepted) {
        go(master);
        return;
    } else {
        read_output(upgrade->output, output);
        if (WIFSIGNALED(upgrade->status))
            (void)str_format(why, sizeof(why), "%s died (%s): %s", upgrade->program->program,
                             strsignal(WTERMSIG(upgrade->status)), output);
        else
            (void)str_format(why, sizeof(why), "%s cannot take over (exit status %d): %s",
                             upgrade->program->program, WEXITSTATUS(upgrade->status), output);
    }
    say_failed(master, why);
    end(master);
}

void master_upgrade_stop(struct master *master)
{
    struct master_upgrade *upgrade = &master->upgrade;

    if (upgrade->pid != 0) {
        (void)kill(upgrade->pid, SIGKILL);
        (void)waitpid(upgrade->pid, NULL, 0);
    }
    if (upgrade->step != MASTER_UPGRADE_NONE)
        end(master);
}

void master_upgrade_look(struct master *master)
{
    const struct master_upgrade *upgrade = &master->upgrade;
    int is_late = upgrade->deadline != USEC_NEVER && clock_now() >= upgrade->deadline;

    if (upgrade->step == MASTER_UPGRADE_TRYING && (upgrade->has_ended || is_late)) {
        look_at_trial(master);
    } else if (upgrade->step == MASTER_UPGRADE_STARTING && is_late) {
        struct err *err = err_new(ERR_TIMEOUT, "the new workers were not ready within %d ms",
                                  (int)(START_WAIT / USEC_PER_MS));

        master_upgrade_fail(master, err);
        err_free(err);
    }
}

/* ---- the new program ---- */

static struct err *start_generation(struct master *master)
{
    const struct master_options *options = master->options;
    struct worker_share *share = master->share;
    struct err *err;

    master->upgrade.step = MASTER_UPGRADE_STARTING;
    master->upgrade.deadline = clock_now() + START_WAIT;
    err = worker_generation_begin(share, worker_share_count(*options->config));
    if (err != NULL)
        return err;
    return worker_ports_resume(&share->ports, master->upgrade.program->state,
                               options->tables->listeners, *options->config, share->workers);
}

/* The program that ran before: nothing has changed, but the number of workers that died. */
static struct err *resume(struct master *master)
{
    const struct upgrade_state *state = master->upgrade.program->state;
    const struct master_options *options = master->options;

    master->has_served = 1;
    say_failed(master, state->why);
    return worker_ports_resume(&master->share->ports, state, options->tables->listeners,
                               *options->config, state->workers);
}

struct err *master_upgrade_adopt(struct master *master)
{
    struct upgrade *program = master->upgrade.program;
    const struct upgrade_state *state = program->state;
    int is_resumed = program->mode == UPGRADE_RESUME;
    struct err *err = worker_share_adopt(&master->share, state, *master->options->config,
                                         master->options->tables);

    if (err != NULL)
        return err;
    for (int i = 0; i < master->share->count; i++) {
        struct master_child *child = &master->child[i];

        child->pid = state->child[i].pid;
        child->ready_at = state->child[i].ready_at;
        child->dog.beat = master->share->slot[i].beat;
    }
    err = is_resumed ? resume(master) : start_generation(master);
    if (err != NULL)
        return err;
    if (is_resumed) {
        end(master);
        master->options->ready(master->options->arg);
    }
    /* The signal for a worker that ended meanwhile may be lost. */
    (void)kill(getpid(), SIGCHLD);
    return NULL;
}

void master_upgrade_ready(struct master *master)
{
    const struct master_options *options = master->options;
    struct worker_share *share = master->share;
    int old = 0;

    if (master->upgrade.step != MASTER_UPGRADE_STARTING)
        return;
    for (int i = 0; i < share->count; i++) {
        if (master->child[i].pid == 0 || worker_generation_is_current(share, i))
            continue;
        share->slot[i].is_retired = 1;
        old++;
    }
    /* From here on none of them hands a connection to another one, which may end. */
    worker_share_ring(share);
    worker_ports_commit(share->ports, options->tables->listeners, *options->config);
    end(master);
    log_info(log_of(master),
             "upgrade done: " MILLRACE_NAME " " MILLRACE_VERSION " accepts connections, and %d old "
             "workers serve theirs until these end",
             old);
}

/* A worker of the failed generation that is ready may have clients, and serves them; the others
 * end. */
static void dismiss(struct master *master, int slot)
{
    struct worker_share *share = master->share;
    pid_t pid = master->child[slot].pid;

    if (pid != 0 && share->slot[slot].state == WORKER_READY) {
        share->slot[slot].is_retired = 1;
        worker_share_ring_one(share, slot);
        return;
    }
    if (pid != 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    master->child[slot].pid = 0;
    share->slot[slot].state = WORKER_GONE;
    worker_share_reap(share, slot);
    worker_generation_end(share, slot);
}

void master_upgrade_fail(struct master *master, const struct err *why)
{
    const struct upgrade *program = master->upgrade.program;
    struct upgrade_state *state = program->state;

    assert(master->upgrade.step == MASTER_UPGRADE_STARTING);
    for (int i = 0; i < master->share->count; i++)
        if (master->share->generation != state->generation &&
            worker_generation_is_current(master->share, i))
            dismiss(master, i);
    for (int i = 0; i < master->share->count; i++)
        state->child[i] = (struct upgrade_child){master->child[i].pid, master->child[i].ready_at};
    fflush(NULL);
    upgrade_give_up(program, why);
    if (master->err == NULL)
        master->err = err_new(ERR_CLOSED, "upgrade: cannot return to the old program");
}
