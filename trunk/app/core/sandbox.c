/*
 * The order of the steps: no_new_privs first, because Landlock and filters ask for it; Landlock
 * before the filter, which denies its calls.
 */
#include "app/core/sandbox.h"

#include "app/core/sandbox_private.h"
#include "co/co.h"
#include "co/notify.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Between two looks at denied calls: a process that makes many must not fill the log. */
#define WATCH_PAUSE USEC_PER_SEC

int sandbox_is_possible(void)
{
    return sandbox_landlock_version() > 0 || sandbox_filter_missing() == NULL;
}

/* Landlock confines one thread and those that it starts later. */
static int thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;
    int count = 0;

    while (tasks != NULL && (entry = readdir(tasks)) != NULL)
        count += entry->d_name[0] != '.';
    if (tasks != NULL)
        (void)closedir(tasks);
    return count;
}

static struct err *no_core_files(void)
{
    const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none) == 0 ? NULL : err_sys(errno, "sandbox: core files");
}

static void log_denied(const struct sandbox *sandbox)
{
    char name[64];
    int number;

    while (sandbox_filter_take(&number))
        log_error(sandbox->log, "sandbox: system call %s denied",
                  sandbox_filter_name(number, name, sizeof(name)));
}

static MAY_YIELD void watch_run(void *arg)
{
    struct sandbox *sandbox = arg;
    struct err *err = NULL;

    co_set_id("sandbox");
    while (err == NULL) {
        err = notify_wait(sandbox->notify);
        if (err == NULL)
            log_denied(sandbox);
        if (err == NULL && co_sleep(WATCH_PAUSE) == CO_INTERRUPTED)
            break;
    }
    err_free(err);
}

/* Filters calls; those that are denied are logged by a coroutine. */
static struct err *enter_filter(struct sandbox *sandbox)
{
    int fd = notify_new();
    struct err *err =
        fd >= 0 ? net_wrap_fd(fd, &sandbox->notify) : err_sys(errno, "sandbox: eventfd");

    if (err != NULL)
        return err;
    sandbox->watch = co_spawn_joinable(watch_run, sandbox);
    if (sandbox->watch == NULL)
        return err_new(ERR_NOMEM, "sandbox: coroutine");
    return sandbox_filter_enter(fd);
}

static void log_state(const struct sandbox *sandbox, const char *missing)
{
    if (sandbox->landlock > 0)
        log_info(sandbox->log, "sandbox: Landlock (version %d) allows %d paths; system calls: %s",
                 sandbox->landlock, sandbox->count, missing == NULL ? "filtered" : missing);
    else
        log_warn(sandbox->log,
                 "sandbox: the kernel has no Landlock: files are not confined; system calls: %s",
                 missing == NULL ? "filtered" : missing);
}

struct err *sandbox_enter(struct sandbox *sandbox, const struct log *log)
{
    const char *missing = sandbox_filter_missing();
    struct err *err = NULL;

    assert(!sandbox->is_on);
    sandbox->log = log;
    sandbox->landlock = sandbox_landlock_version();
    if (thread_count() > 1)
        return err_new(ERR_BUSY, "sandbox: a thread was started too early");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_sys(errno, "sandbox: no_new_privs");
    err = no_core_files();
    if (err == NULL && sandbox->landlock > 0)
        err = sandbox_landlock_enter(sandbox);
    if (err == NULL && missing == NULL)
        err = enter_filter(sandbox);
    if (err != NULL)
        return err;
    sandbox->is_on = 1;
    log_state(sandbox, missing);
    return NULL;
}

void sandbox_close(struct sandbox *sandbox)
{
    if (sandbox->watch != NULL) {
        co_interrupt(sandbox->watch);
        co_join(sandbox->watch);
        log_denied(sandbox);
    }
    net_free(sandbox->notify);
    for (int i = 0; i < sandbox->count; i++)
        free(sandbox->path[i].text);
    free(sandbox->path);
    memset(sandbox, 0, sizeof(*sandbox));
}
