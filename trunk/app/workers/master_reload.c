/*
 * Two steps, because a listener or a certificate that fails in one worker must not be missing in
 * that worker only. A worker that does not answer holds a reload up for a few seconds; the watchdog
 * replaces it later if it hangs. A worker that dies is replaced after the reload, by one that
 * begins with its result.
 */
#include "app/workers/master_reload.h"

#include "app/config/config_diff.h"
#include "app/config/config_running.h"
#include "app/core/log_change.h"
#include "app/workers/worker_generation.h"
#include "app/workers/worker_ports.h"
#include "app/workers/worker_reload.h"
#include "base/clock.h"
#include "base/str.h"
#include "co/net_pass.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long workers may take for a step, and at their start. */
#define STEP_TIMEOUT  (10 * USEC_PER_SEC)
#define STEP_INTERVAL (50 * USEC_PER_MS)

/* ---- waiting ---- */

static int is_gone(pid_t pid)
{
    siginfo_t info = {0};

    return pid == 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == pid;
}

/* Whether a signal asks the server to end: the main loop takes it. */
static int is_asked_to_end(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1 ||
            sigismember(&pending, SIGQUIT) == 1);
}

static int is_ready(const struct master_reload *reload, int slot)
{
    return reload->share->slot[slot].state != WORKER_STARTING;
}

static int has_answered(const struct master_reload *reload, int slot)
{
    const struct worker_reload *shared = reload->share->reload;

    return shared->answer[slot].order == shared->order;
}

/* Waits until it is true of all workers that live: -1, or the first of which it is not. */
static int wait_for(const struct master_reload *reload,
                    int (*is_true)(const struct master_reload *reload, int slot))
{
    const struct timespec interval = {0, STEP_INTERVAL * 1000};
    usec_t deadline = clock_now() + STEP_TIMEOUT;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        int slot = 0;

        while (slot < reload->share->count && (is_true(reload, slot) || is_gone(reload->pid[slot])))
            slot++;
        if (slot == reload->share->count)
            return -1;
        if (clock_now() >= deadline || is_asked_to_end())
            return slot;
        (void)sigtimedwait(&child, NULL, &interval);
    }
}

/* ---- steps ---- */

/* Gives the order and waits; the error is that of the first worker that has one. */
static struct err *order(const struct master_reload *reload, enum worker_reload_step step)
{
    struct worker_reload *shared = reload->share->reload;
    int silent;

    shared->step = step;
    shared->order++;
    worker_share_ring(reload->share);
    silent = wait_for(reload, has_answered);
    if (silent >= 0)
        return err_new(ERR_TIMEOUT, "worker %d does not respond", silent + 1);
    for (int i = 0; i < reload->share->count; i++) {
        const struct worker_reload_answer *answer = &shared->answer[i];

        if (!is_gone(reload->pid[i]) && answer->order == shared->order && answer->code != 0)
            return err_new((enum err_code)answer->code, "worker %d: %s", i + 1, answer->why);
    }
    return NULL;
}

/* Puts the added sockets into the workers' channels, marked with the order that takes them. */
static struct err *send_ports(const struct master_reload *reload)
{
    struct worker_share *share = reload->share;
    struct worker_reload *shared = share->reload;
    uint8_t mark = (uint8_t)(shared->order + 1);
    const char *endpoint;
    int type, fd;

    shared->port_count = 0;
    while ((endpoint = worker_ports_added(share->ports, shared->port_count, 0, &type, &fd)) !=
           NULL) {
        int at = shared->port_count++;

        if (str_copy(shared->port[at], sizeof(shared->port[at]), endpoint) != 0)
            return err_new(ERR_LIMIT, "listen on %s: too long", endpoint);
        shared->port_type[at] = type;
        for (int i = 0; i < share->count; i++) {
            if (!worker_generation_is_current(share, i))
                continue;
            (void)worker_ports_added(share->ports, at, share->slot[i].rank, &type, &fd);
            if (fd >= 0 && !is_gone(reload->pid[i]) &&
                net_pass_give(share->port_socket[i][1], fd, mark) != 0)
                return err_sys(errno, "listen on %s: worker %d", endpoint, i + 1);
        }
    }
    return NULL;
}

static struct err *send_source(const struct master_reload *reload, const struct config *config)
{
    struct worker_reload *shared = reload->share->reload;
    struct err *err = NULL;
    struct buf text;

    buf_init(&text, sizeof(shared->source));
    if (buf_reserve(&text, config_source_length(config_source_of(config))) == NULL ||
        config_source_write(config_source_of(config), &text) != 0) {
        err = err_new(ERR_LIMIT, "the configuration is too long for the workers");
    } else {
        memcpy(shared->source, buf_data(&text), text.len);
        shared->source_len = text.len;
        explicit_bzero(text.data, text.cap);
    }
    buf_fini(&text);
    return err;
}

static struct err *prepare(const struct master_reload *reload, const struct config *config)
{
    const struct master_options *options = reload->options;
    struct worker_share *share = reload->share;
    int starting = wait_for(reload, is_ready);
    struct err *err;

    if (starting >= 0)
        return err_new(ERR_TIMEOUT, "worker %d is not ready", starting + 1);
    err = worker_ports_add(share->ports, options->tables->listeners, config);
    if (err != NULL)
        return err;
    err = send_ports(reload);
    if (err == NULL)
        err = send_source(reload, config);
    if (err == NULL)
        err = order(reload, WORKER_RELOAD_PREPARE);
    if (err == NULL)
        return NULL;
    err_free(order(reload, WORKER_RELOAD_ABANDON));
    worker_ports_abandon(share->ports);
    return err;
}

/* Workers begin with the new configuration from now on. */
static void commit(struct master_reload *reload, struct config *config, struct log_change *change)
{
    const struct master_options *options = reload->options;
    struct err *err = order(reload, WORKER_RELOAD_COMMIT);

    if (err != NULL)
        log_err(options->log, LOG_ERROR, err, "reload: %s", err_text(err));
    err_free(err);
    worker_ports_commit(reload->share->ports, options->tables->listeners, config);
    log_change_commit(change, config, options->log, options->sink);
    config_unref(*options->config);
    *options->config = config_ref(config);
    (void)config_running_show(&reload->shown, reload->first, config);
}

static struct err *run(struct master_reload *reload, struct reload_report *report)
{
    const struct master_options *options = reload->options;
    struct log_change change = {.has_sink = 0};
    struct config *config;
    struct err *err = config_load(options->reload, options->environment, &config);

    if (err != NULL)
        return err;
    config_warnings_log(config, options->log);
    reload_report_changes(report, *options->config, config);
    err = config_diff_keep(config, *options->config);
    if (err == NULL)
        err = log_change_prepare(&change, *options->config, config, options->sink, 0);
    if (err == NULL)
        err = prepare(reload, config);
    if (err == NULL) {
        reload_report_log(report, options->log);
        commit(reload, config, &change);
    }
    log_change_abandon(&change);
    config_unref(config);
    return err;
}

void master_reload_run(struct master_reload *reload)
{
    struct worker_reload *shared = reload->share->reload;
    const struct master_options *options = reload->options;
    struct err *err;

    supervisor_reloading(options->supervisor);
    shared->started++;
    reload_report_begin(&shared->report);
    err = run(reload, &shared->report);
    reload_report_end(&shared->report, options->log, err);
    err_free(err);
    explicit_bzero(shared->source, shared->source_len);
    shared->source_len = 0;
    shared->ended++;
    worker_share_ring(reload->share);
    supervisor_reloaded(options->supervisor);
}

void master_reload_open(struct master_reload *reload)
{
    reload->shown = -1;
    reload->first = config_ref(*reload->options->config);
    (void)config_running_show(&reload->shown, reload->first, reload->first);
}

void master_reload_close(struct master_reload *reload)
{
    if (reload->shown >= 0)
        close(reload->shown);
    reload->shown = -1;
    config_unref(reload->first);
    reload->first = NULL;
}
