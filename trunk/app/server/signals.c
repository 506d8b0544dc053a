/*
 * Signals through signalfd on the reactor: a coroutine reads them, so nothing here has to be
 * async-signal-safe.
 */
#include "app/server/signals.h"

#include "app/server/reload.h"
#include "app/server/service.h"
#include "co/co.h"
#include "co/net.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

struct signals {
    struct signals_target target;
    struct net_conn *conn;
    struct co *co;
};

static const int served[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

#define READ_AGAIN   USEC_PER_SEC
#define SERVED_COUNT (sizeof(served) / sizeof(served[0]))

static void served_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < SERVED_COUNT; i++)
        sigaddset(set, served[i]);
}

void signals_block(void)
{
    struct sigaction action;
    sigset_t set;

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    /* A shell starts background jobs with some signals ignored, and signalfd never reads those. */
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < SERVED_COUNT; i++)
        sigaction(served[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    served_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void reopen(const struct signals_target *target)
{
    struct err *err = log_sink_reopen(target->sink);

    if (target->sink->path == NULL)
        log_info(target->log, "log goes to the console: no log file to reopen");
    else if (err)
        log_err(target->log, LOG_ERROR, err, "cannot reopen log file; keeping the old one: %s",
                err_text(err));
    else
        log_info(target->log, "log file reopened");
    err_free(err);
}

static void terminate(const struct signals_target *target, int number)
{
    struct server *server = target->server;
    int is_drain = number == SIGQUIT || (number == SIGTERM && server->config->force_grace_quit);

    /* A second signal stops the server without waiting for the drain. */
    if (is_drain && (server->state == SERVER_RUNNING || server->is_retiring)) {
        log_info(target->log, "signal %s: draining", strsignal(number));
        service_drain(server);
    } else {
        log_info(target->log, "signal %s: stopping", strsignal(number));
        server_stop(server);
    }
}

static MAY_YIELD void act(const struct signals_target *target, int number)
{
    switch (number) {
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        terminate(target, number);
        break;
    case SIGUSR1:
        reopen(target);
        break;
    case SIGHUP:
        reload_request(target->server);
        break;
    default: /* SIGUSR2 */
        if (target->server->shared != NULL)
            log_warn(target->log, "upgrade refused: only the master, process %d, can do it",
                     (int)target->server->pid);
        else
            log_warn(target->log, "upgrade refused: there is no master process; it needs "
                                  "\"upgrade on\", or several workers, and a restart");
        break;
    }
}

static MAY_YIELD void signals_run(void *arg)
{
    struct signals *signals = arg;
    struct signalfd_siginfo info;
    int was_failed = 0;

    co_set_id("signals");
    for (;;) {
        ssize_t n = net_try_read(signals->conn, &info, sizeof(info));

        if (n == (ssize_t)sizeof(info)) {
            act(&signals->target, (int)info.ssi_signo);
            was_failed = 0;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (net_wait(signals->conn, NET_IN, USEC_NEVER) < 0)
                return;
        } else {
            if (!was_failed)
                log_sys(signals->target.log, LOG_ERROR, n < 0 ? errno : EIO,
                        "cannot read signals, retrying");
            was_failed = 1;
            if (co_sleep(READ_AGAIN) == CO_INTERRUPTED)
                return;
        }
    }
}

struct err *signals_start(struct signals **out, const struct signals_target *target)
{
    struct signals *signals = calloc(1, sizeof(*signals));
    struct err *err;
    sigset_t set;
    int fd;

    assert(out != NULL && target != NULL);
    *out = NULL;
    if (signals == NULL)
        return err_new(ERR_NOMEM, "signals");
    signals->target = *target;
    served_set(&set);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        err = err_sys(errno, "signalfd");
        goto free_signals;
    }
    err = net_wrap_fd(fd, &signals->conn);
    if (err)
        goto free_signals;
    signals->co = co_spawn_joinable(signals_run, signals);
    if (signals->co == NULL) {
        err = err_new(ERR_NOMEM, "signals: coroutine");
        goto free_conn;
    }
    *out = signals;
    return NULL;
free_conn:
    net_free(signals->conn);
free_signals:
    free(signals);
    return err;
}

void signals_stop(struct signals *signals)
{
    if (signals == NULL)
        return;
    co_interrupt(signals->co);
    co_join(signals->co);
    net_free(signals->conn);
    free(signals);
}
