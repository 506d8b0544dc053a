/*
 * Supervision by signals. Workers report their states in shared memory, and SIGCHLD makes the
 * master look: a child has ended, or sends the signal to say that it serves. A worker asks the
 * kernel for a signal when its master dies, so it never outlives it for long. A worker that hangs
 * reports nothing: every few seconds the watchdog asks whether each worker's event loop runs
 * (app/workers/watchdog.h).
 *
 * The order after a death matters: first the master frees what the worker held and notifies the
 * other workers, then it starts a replacement.
 */
#include "app/workers/master.h"

#include "app/core/endpoint.h"
#include "app/workers/master_private.h"
#include "app/workers/worker_generation.h"
#include "app/workers/worker_ports.h"
#include "app/workers/worker_reload.h"
#include "app/workers/worker_spread.h"
#include "base/clock.h"
#include "base/str.h"
#include "co/net.h"
#include "co/notify_signal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker that has served for this long did not fail at its start. */
#define MASTER_SERVED    USEC_PER_SEC
#define MASTER_PAUSE_MIN (250 * USEC_PER_MS)
#define MASTER_PAUSE_MAX (8 * USEC_PER_SEC)
/* The longest a quick stop may take, including a sanitizer's leak check; then the workers are
 * killed. */
#define MASTER_STOP_WAIT (25 * USEC_PER_SEC)
static const int passed_on[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

usec_t master_pause(unsigned failures, usec_t served)
{
    usec_t pause = MASTER_PAUSE_MIN;

    if (served >= MASTER_SERVED)
        return 0;
    for (; failures > 1 && pause < MASTER_PAUSE_MAX; failures--)
        pause *= 2;
    return pause < MASTER_PAUSE_MAX ? pause : MASTER_PAUSE_MAX;
}

/* ---- starting ---- */

/* Runs the new process. Its signals stay blocked: it reads them when it serves. */
__attribute__((noreturn)) static MAY_YIELD void child_run(struct master *master, int slot)
{
    const struct master_options *options = master->options;

    /* SIGINT: a quick stop, whatever SIGTERM is configured to mean. */
    if (prctl(PR_SET_PDEATHSIG, SIGINT) != 0 || getppid() != master->share->master)
        _exit(1);
    /* A terminal's Ctrl-C is meant for the master, which passes it on. */
    (void)setpgid(0, 0);
    worker_ports_keep(master->share->ports, master->share->slot[slot].rank);
    shared_memory_free(master->share->memory);
    master->share->memory = NULL;
    log_sink_own(options->sink);
    master_reload_close(&master->reload);
    exit(options->serve(options->arg, master->share, slot));
}

static void child_start(struct master *master, int slot)
{
    struct master_child *child = &master->child[slot];
    pid_t pid;

    master->share->slot[slot].state = WORKER_STARTING;
    worker_ports_renew(master->share->ports, master->share->slot[slot].rank, master->options->log);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        child_run(master, slot);
    if (pid < 0) {
        log_sys(master->options->log, LOG_ERROR, errno, "worker %d: fork failed", slot + 1);
        master->share->slot[slot].state = WORKER_GONE;
        child->due_at = clock_now() + master_pause(++child->failures, -1);
        return;
    }
    child->pid = pid;
    child->ready_at = 0;
    child->dog = (struct watchdog){.beat = master->share->slot[slot].beat};
    master->share->slot[slot].asked = child->dog.beat;
}

/* Whether a worker must be started here, at child[slot].due_at. */
static int is_due(const struct master *master, int slot)
{
    return !master->is_ending && master->child[slot].pid == 0 &&
           worker_generation_is_current(master->share, slot);
}

static void start_due(struct master *master)
{
    usec_t now = clock_now();

    for (int i = 0; i < master->share->count; i++)
        if (is_due(master, i) && master->child[i].due_at <= now)
            child_start(master, i);
}

int master_is_short(const struct master *master)
{
    for (int i = 0; i < master->share->count; i++)
        if (master->child[i].pid == 0 && worker_generation_is_current(master->share, i))
            return 1;
    return 0;
}

int master_children(const struct master *master)
{
    int count = 0;

    for (int i = 0; i < master->share->count; i++)
        count += master->child[i].pid != 0;
    return count;
}

/* ---- ending ---- */

static void pass_on(const struct master *master, int number)
{
    for (int i = 0; i < master->share->count; i++)
        if (master->child[i].pid != 0)
            (void)kill(master->child[i].pid, number);
}

static void master_end(struct master *master, int number)
{
    int is_drain =
        number == SIGQUIT || (number == SIGTERM && (*master->options->config)->force_grace_quit);

    /* A second request means: do not wait. */
    if (!master->is_ending)
        master->options->stopping(master->options->arg);
    if ((!is_drain || master->is_ending) && master->kill_at == USEC_NEVER)
        master->kill_at = clock_now() + MASTER_STOP_WAIT;
    master->is_ending = 1;
    master_upgrade_stop(master);
    /* Only the workers have the listeners open now, and close them as they end. */
    worker_ports_free(master->share->ports);
    master->share->ports = NULL;
    pass_on(master, number);
}

static void end_text(int status, char *out, size_t cap)
{
    if (WIFSIGNALED(status))
        (void)str_format(out, cap, "%s", strsignal(WTERMSIG(status)));
    else
        (void)str_format(out, cap, "exit status %d", WEXITSTATUS(status));
}

/* A worker of an earlier generation has ended. What was handed to it and not taken goes to others.
 */
static void child_retired(struct master *master, int slot, int status)
{
    struct worker_share *share = master->share;
    char how[64];

    end_text(status, how, sizeof(how));
    if (status != 0)
        log_error(master->options->log, "old worker %d, process %d, died (%s)", slot + 1,
                  (int)master->child[slot].pid, how);
    else
        log_info(master->options->log, "old worker %d, process %d, has ended", slot + 1,
                 (int)master->child[slot].pid);
    worker_spread_rescue(share, slot);
    worker_generation_end(share, slot);
    master->child[slot] = (struct master_child){.pid = 0};
}

/* A worker of the new generation has ended before all were ready. */
static void child_failed(struct master *master, int slot, const char *how)
{
    struct err *err = err_new(ERR_CLOSED, "worker %d could not start (%s)", slot + 1, how);

    if (master->upgrade.step == MASTER_UPGRADE_STARTING) {
        master->child[slot].pid = 0;
        master_upgrade_fail(master, err);
    }
    if (master->err == NULL)
        master->err = err;
    else
        err_free(err);
    master_end(master, SIGINT);
}

/* A worker has ended without a request. */
static void child_lost(struct master *master, int slot, int status)
{
    struct master_child *child = &master->child[slot];
    usec_t now = clock_now();
    usec_t served = child->ready_at != 0 ? now - child->ready_at : -1;
    usec_t pause;
    char how[64];

    end_text(status, how, sizeof(how));
    if (!master->has_served) {
        child_failed(master, slot, how);
        return;
    }
    child->failures = served >= MASTER_SERVED ? 0 : child->failures + 1;
    pause = master_pause(child->failures, served);
    child->due_at = now + pause;
    log_error(master->options->log, "worker %d, process %d, died (%s); starting another in %d ms",
              slot + 1, (int)child->pid, how, (int)(pause / USEC_PER_MS));
}

static void child_gone(struct master *master, int slot, int status)
{
    struct worker_share *share = master->share;

    share->slot[slot].state = WORKER_GONE;
    worker_share_reap(share, slot);
    if (!master->is_ending && !worker_generation_is_current(share, slot)) {
        child_retired(master, slot, status);
    } else if (!master->is_ending) {
        child_lost(master, slot, status);
    } else if (status != 0 && master->err == NULL) {
        char how[64];

        end_text(status, how, sizeof(how));
        master->err = err_new(ERR_CLOSED, "worker %d ended with an error (%s)", slot + 1, how);
    }
    master->child[slot].pid = 0;
}

static void look_at_children(struct master *master)
{
    struct worker_share *share = master->share;
    int ready = 0;
    int status;
    pid_t pid;

    notify_signal_clear(share->wake);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < share->count && !master_upgrade_child(master, pid, status); i++)
            if (master->child[i].pid == pid)
                child_gone(master, i, status);
    for (int i = 0; i < share->count; i++) {
        if (share->slot[i].state != WORKER_READY)
            continue;
        ready += worker_generation_is_current(share, i);
        if (master->child[i].ready_at == 0)
            master->child[i].ready_at = clock_now();
    }
    if (ready < share->workers || master->has_served)
        return;
    master->has_served = 1;
    log_info(master->options->log, "%d workers ready", ready);
    master_upgrade_ready(master);
    master->options->ready(master->options->arg);
}

/* ---- signals ---- */

static void master_reload(struct master *master)
{
    (void)worker_reload_take(master->share);
    if (master->is_ending) {
        log_warn(master->options->log, "reload ignored: the server is stopping");
        return;
    }
    master->upgrade.is_reload_wanted = master->upgrade.step != MASTER_UPGRADE_NONE;
    if (master->upgrade.is_reload_wanted) {
        log_info(master->options->log, "reload waits until the upgrade is over");
        return;
    }
    for (int i = 0; i < master->share->count; i++)
        master->pid[i] = worker_generation_is_current(master->share, i) ? master->child[i].pid : 0;
    master_reload_run(&master->reload);
}

static void master_reopen(struct master *master)
{
    struct err *err = log_sink_reopen(master->options->sink);

    if (err)
        log_err(master->options->log, LOG_ERROR, err,
                "cannot reopen log file; keeping the old one: %s", err_text(err));
    err_free(err);
    pass_on(master, SIGUSR1);
}

static void master_act(struct master *master, int number)
{
    switch (number) {
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        log_info(master->options->log, "signal %s: passed to the workers", strsignal(number));
        master_end(master, number);
        break;
    case SIGHUP:
        master_reload(master);
        break;
    case SIGUSR1:
        master_reopen(master);
        break;
    case SIGUSR2:
        master_upgrade_ask(master);
        break;
    default: /* SIGCHLD: the loop looks at the workers after each signal */
        break;
    }
}

/* Waits for the next signal or the next timed action. */
static void master_wait(struct master *master)
{
    usec_t now = clock_now();
    usec_t until = master->kill_at;
    usec_t look = master_watch_at(master);
    struct timespec left;
    int number;

    if (look != USEC_NEVER && (until == USEC_NEVER || look < until))
        until = look;
    look = master->upgrade.deadline;
    if (look != USEC_NEVER && (until == USEC_NEVER || look < until))
        until = look;
    for (int i = 0; i < master->share->count; i++)
        if (is_due(master, i) && (until == USEC_NEVER || master->child[i].due_at < until))
            until = master->child[i].due_at;
    if (until == USEC_NEVER) {
        number = sigwaitinfo(&master->signals, NULL);
    } else {
        usec_t wait = until > now ? until - now : 0;

        left.tv_sec = (time_t)(wait / USEC_PER_SEC);
        left.tv_nsec = (long)(wait % USEC_PER_SEC) * 1000;
        number = sigtimedwait(&master->signals, NULL, &left);
    }
    if (number > 0)
        master_act(master, number);
    if (master->kill_at != USEC_NEVER && clock_now() >= master->kill_at) {
        master->kill_at = USEC_NEVER;
        pass_on(master, SIGKILL);
    }
}

/* ---- life cycle ---- */

/* Workers share their ports with one another, but must not share them with another server. */
static struct err *check_ports(const struct listener_type *const *types,
                               const struct config *config)
{
    struct endpoints all;
    struct err *err = NULL;

    endpoints_list(types, config, net_has_ipv6(), &all);
    for (int i = 0; i < all.count && err == NULL; i++)
        err = net_listen_check(all.item[i].text);
    return err;
}

static void master_signals(struct master *master)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t child;

    /* The parent process may ignore SIGCHLD: then the kernel would never report a worker's end. */
    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    master->signals = child;
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        sigaddset(&master->signals, passed_on[i]);
}

/* The workers' sockets and their folder. An upgrade may bring another user. */
static void master_give_sockets(const struct master *master)
{
    const struct worker_share *share = master->share;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

    privileges_give(master->options->privileges, share->folder);
    for (int i = 0; i < share->count; i++)
        if (worker_share_path(share, i, path, sizeof(path)) == 0)
            privileges_give(master->options->privileges, path);
}

/* Makes what the workers share, or takes it over. */
static struct err *master_open(struct master *master)
{
    const struct master_options *options = master->options;
    const struct listener_type *const *types = options->tables->listeners;
    struct err *err;

    if (options->upgrade->mode != UPGRADE_NONE)
        return master_upgrade_adopt(master);
    err = check_ports(types, *options->config);
    if (err == NULL)
        err = worker_share_new(&master->share, *options->config, options->tables);
    if (err != NULL)
        return err;
    (void)str_copy(master->share->server_id, sizeof(master->share->server_id), options->server_id);
    return worker_ports_new(&master->share->ports, types, *options->config, master->share->workers);
}

static void master_loop(struct master *master)
{
    do {
        start_due(master);
        master_wait(master);
        look_at_children(master);
        master_watch(master);
        master_upgrade_look(master);
        if (worker_reload_take(master->share) ||
            (master->upgrade.is_reload_wanted && master->upgrade.step == MASTER_UPGRADE_NONE))
            master_reload(master);
    } while (!master->is_ending || master_children(master) > 0);
}

struct err *master_run(const struct master_options *options)
{
    struct master *master = calloc(1, sizeof(*master));
    struct err *err;

    if (master == NULL)
        return err_new(ERR_NOMEM, "master");
    master->options = options;
    master->kill_at = USEC_NEVER;
    master->upgrade =
        (struct master_upgrade){.program = options->upgrade, .deadline = USEC_NEVER, .output = -1};
    master_signals(master);
    err = master_open(master);
    if (err == NULL) {
        master_give_sockets(master);
        master->reload =
            (struct master_reload){.options = options, .share = master->share, .pid = master->pid};
        master_reload_open(&master->reload);
        master->times = (struct watchdog_times){clock_now(), clock_now()};
        master_loop(master);
        err = master->err;
        master_reload_close(&master->reload);
    } else if (master->upgrade.step == MASTER_UPGRADE_STARTING) {
        master_upgrade_fail(master, err);
    }
    worker_share_free(master->share);
    free(master);
    return err;
}
