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
#include "app/workers/master_reload.h"
#include "app/workers/watchdog.h"
#include "app/workers/worker_ports.h"
#include "base/clock.h"
#include "base/str.h"
#include "co/net.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker that has served for this long did not fail at its start. */
#define MASTER_SERVED    USEC_PER_SEC
#define MASTER_PAUSE_MIN (250 * USEC_PER_MS)
#define MASTER_PAUSE_MAX (8 * USEC_PER_SEC)
/* The longest a quick stop may take, including a sanitizer's leak check; then the workers are
 * killed. */
#define MASTER_STOP_WAIT (25 * USEC_PER_SEC)
/* Starting and ending may take longer than a turn of the event loop. */
#define MASTER_SLOW_FACTOR 6

struct master_child {
    pid_t pid;       /* 0: none */
    usec_t ready_at; /* 0: not yet */
    usec_t due_at;   /* when to start a replacement */
    unsigned failures;
    struct watchdog dog;
    struct proc_stat stat; /* at the last look, if it had not answered */
};

struct master {
    const struct master_options *options;
    struct worker_share *share;
    struct master_child child[CONFIG_WORKERS_MAX];
    sigset_t signals;
    usec_t kill_at; /* USEC_NEVER: not set */
    struct watchdog_times times;
    int has_served; /* 1 once all workers were ready */
    int is_ending;
    struct master_reload reload;
    pid_t pid[CONFIG_WORKERS_MAX]; /* of the workers, for a reload */
    struct err *err;
};

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
    worker_ports_keep(master->share->ports, slot);
    log_sink_own(options->sink);
    master_reload_close(&master->reload);
    exit(options->serve(options->arg, master->share, slot));
}

static void child_start(struct master *master, int slot)
{
    struct master_child *child = &master->child[slot];
    pid_t pid;

    master->share->slot[slot].state = WORKER_STARTING;
    worker_ports_renew(master->share->ports, slot, master->options->log);
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

static void start_due(struct master *master)
{
    usec_t now = clock_now();

    for (int i = 0; i < master->share->count && !master->is_ending; i++)
        if (master->child[i].pid == 0 && master->child[i].due_at <= now)
            child_start(master, i);
}

/* ---- ending ---- */

static int count_children(const struct master *master)
{
    int count = 0;

    for (int i = 0; i < master->share->count; i++)
        count += master->child[i].pid != 0;
    return count;
}

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
        if (master->err == NULL)
            master->err = err_new(ERR_CLOSED, "worker %d could not start (%s)", slot + 1, how);
        master_end(master, SIGINT);
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
    if (!master->is_ending) {
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

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < share->count; i++)
            if (master->child[i].pid == pid)
                child_gone(master, i, status);
    for (int i = 0; i < share->count; i++) {
        if (share->slot[i].state != WORKER_READY)
            continue;
        ready++;
        if (master->child[i].ready_at == 0)
            master->child[i].ready_at = clock_now();
    }
    if (ready < share->count || master->has_served)
        return;
    master->has_served = 1;
    log_info(master->options->log, "%d workers ready", ready);
    master->options->ready(master->options->arg);
}

/* ---- workers that hang ---- */

static void child_kill(const struct master *master, int slot)
{
    const struct master_child *child = &master->child[slot];

    log_error(master->options->log,
              "worker %d, process %d, has not responded for %d ms (%s): killed", slot + 1,
              (int)child->pid, (int)(child->dog.silent / USEC_PER_MS),
              watchdog_state_name(child->stat.state));
    (void)kill(child->pid, SIGKILL);
}

/* Looks at one worker; 1 if it must be killed. */
static int child_look(struct master *master, int slot, usec_t elapsed)
{
    usec_t timeout = (*master->options->config)->worker_timeout;
    usec_t step = watchdog_step(timeout);
    struct worker_slot *shared = &master->share->slot[slot];
    struct master_child *child = &master->child[slot];

    if (child->pid == 0)
        return 0;
    if (shared->beat == shared->asked) {
        child->dog.silent = child->dog.wasted = 0;
        shared->is_late = 0;
        return 0;
    }
    child->stat = (struct proc_stat){.state = '?', .cpu_time = child->dog.cpu_time};
    proc_stat_read(child->pid, &child->stat);
    watchdog_look(&child->dog, shared->beat, &child->stat, elapsed, step);
    shared->is_late = shared->state == WORKER_READY && watchdog_is_late(&child->dog, step);
    return child->dog.wasted >= (shared->state == WORKER_READY ? 1 : MASTER_SLOW_FACTOR) * timeout;
}

/* Whether an answer is missing. */
static int master_is_waiting(const struct master *master)
{
    for (int i = 0; i < master->share->count; i++) {
        const struct worker_slot *slot = &master->share->slot[i];

        if (master->child[i].pid != 0 && slot->beat != slot->asked)
            return 1;
    }
    return 0;
}

/* The time of the next look or question. While a worker is missing, its queued connections must be
 * handed to others at each step. */
static usec_t master_look_at(const struct master *master)
{
    usec_t timeout = (*master->options->config)->worker_timeout;
    usec_t look = master->times.looked_at + watchdog_step(timeout);
    usec_t next;

    if (timeout == 0)
        return USEC_NEVER;
    next = watchdog_next(&master->times, master_is_waiting(master), timeout);
    return look < next && count_children(master) < master->share->count ? look : next;
}

static void master_ask(struct master *master, usec_t now)
{
    for (int i = 0; i < master->share->count; i++) {
        struct worker_slot *slot = &master->share->slot[i];

        master->child[i].dog.beat = slot->beat;
        slot->asked = slot->beat + 1;
    }
    worker_share_ring(master->share);
    master->times = (struct watchdog_times){now, now};
}

/* Kills at most one worker per look, and a sleeping one only if no other qualifies: it may just
 * wait for a lock that the other one holds. Then all workers get their time again. */
static void master_look(struct master *master, usec_t now)
{
    usec_t elapsed = now - master->times.looked_at;
    int victim = -1;

    master->times.looked_at = now;
    for (int i = 0; i < master->share->count; i++) {
        if (child_look(master, i, elapsed) &&
            (victim < 0 || master->child[victim].stat.state == 'S'))
            victim = i;
        if (master->child[i].pid == 0 || master->share->slot[i].is_late)
            (void)worker_ports_rescue(master->share, i);
    }
    if (victim < 0)
        return;
    child_kill(master, victim);
    for (int i = 0; i < master->share->count; i++)
        master->child[i].dog.wasted = 0;
}

static void master_watch(struct master *master)
{
    usec_t timeout = (*master->options->config)->worker_timeout;
    usec_t now = clock_now();
    usec_t at = master_look_at(master);

    if (at == USEC_NEVER || now < at)
        return;
    if (master_is_waiting(master) || now < watchdog_next(&master->times, 0, timeout))
        master_look(master, now);
    else
        master_ask(master, now);
}

/* ---- signals ---- */

static void master_reload(struct master *master)
{
    if (master->is_ending) {
        log_warn(master->options->log, "reload ignored: the server is stopping");
        return;
    }
    for (int i = 0; i < master->share->count; i++)
        master->pid[i] = master->child[i].pid;
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
    case SIGCHLD:
        break;
    default:
        log_warn(master->options->log, "signal %s ignored", strsignal(number));
        break;
    }
}

/* Waits for the next signal or the next timed action. */
static void master_wait(struct master *master)
{
    usec_t now = clock_now();
    usec_t until = master->kill_at;
    usec_t look = master_look_at(master);
    struct timespec left;
    int number;

    if (look != USEC_NEVER && (until == USEC_NEVER || look < until))
        until = look;
    for (int i = 0; i < master->share->count && !master->is_ending; i++)
        if (master->child[i].pid == 0 && (until == USEC_NEVER || master->child[i].due_at < until))
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

struct err *master_run(const struct master_options *options)
{
    struct master *master;
    struct err *err = check_ports(options->tables->listeners, *options->config);

    if (err != NULL)
        return err;
    master = calloc(1, sizeof(*master));
    if (master == NULL)
        return err_new(ERR_NOMEM, "master");
    master->options = options;
    master->kill_at = USEC_NEVER;
    err = worker_share_new(&master->share, *options->config, options->tables);
    if (err == NULL)
        (void)str_copy(master->share->server_id, sizeof(master->share->server_id),
                       options->server_id);
    if (err == NULL)
        err = worker_ports_new(&master->share->ports, options->tables->listeners, *options->config,
                               master->share->count);
    if (err == NULL) {
        master_signals(master);
        master->reload =
            (struct master_reload){.options = options, .share = master->share, .pid = master->pid};
        master_reload_open(&master->reload);
        master->times = (struct watchdog_times){clock_now(), clock_now()};
        do {
            start_due(master);
            master_wait(master);
            look_at_children(master);
            master_watch(master);
        } while (!master->is_ending || count_children(master) > 0);
        err = master->err;
        master_reload_close(&master->reload);
    }
    worker_share_free(master->share);
    free(master);
    return err;
}
