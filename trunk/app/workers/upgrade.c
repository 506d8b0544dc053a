/*
 * A variable of the environment tells the program that it was executed for an upgrade, and the
 * descriptor of the state. The command line is the one of the start. The path of the program is the
 * one by which it was executed (getauxval(3), AT_EXECFN): a symbolic link in it may lead to another
 * file by then, as package managers do it.
 */
#include "app/workers/upgrade.h"

#include "app/workers/worker_ports.h"
#include "app/workers/worker_share.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#define UPGRADE_VARIABLE "MILLRACE_UPGRADE"

extern char **environ;

static const char *const mode_names[] = {[UPGRADE_NONE] = "",
                                         [UPGRADE_TRY] = "try",
                                         [UPGRADE_START] = "start",
                                         [UPGRADE_RESUME] = "resume"};

/* ---- what this program is ---- */

/* 0 or -1: unknown. */
static int find_self(struct upgrade *upgrade)
{
    /* The kernel passes a pointer as a number (getauxval(3)). */
    const char *path = (const char *)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr) */

    upgrade->folder = getcwd(NULL, 0);
    if (upgrade->folder == NULL || path == NULL)
        return -1;
    if (path[0] == '/') {
        upgrade->program = strdup(path);
    } else if (asprintf(&upgrade->program, "%s/%s", upgrade->folder, path) < 0) {
        upgrade->program = NULL;
    }
    return upgrade->program != NULL ? 0 : -1;
}

/* "start:7". The mode, or UPGRADE_NONE. */
static enum upgrade_mode read_mode(const char *text, int *fd)
{
    size_t len = strcspn(text, ":");
    int64_t number;

    if (text[len] == '\0' || str_to_i64(text + len + 1, 0, INT32_MAX, &number) != 0)
        return UPGRADE_NONE;
    *fd = (int)number;
    for (int i = UPGRADE_TRY; i <= UPGRADE_RESUME; i++)
        if (strlen(mode_names[i]) == len && strncmp(text, mode_names[i], len) == 0)
            return (enum upgrade_mode)i;
    return UPGRADE_NONE;
}

struct err *upgrade_open(struct upgrade *upgrade, char **argv)
{
    const char *text = getenv(UPGRADE_VARIABLE);
    const char *name;
    struct err *err;

    *upgrade = (struct upgrade){.argv = argv, .fd = -1, .pid_fd = -1, .server_id_fd = -1};
    if (text == NULL) {
        (void)find_self(upgrade); /* then the server runs, but cannot be upgraded */
        return NULL;
    }
    upgrade->mode = read_mode(text, &upgrade->fd);
    (void)unsetenv(UPGRADE_VARIABLE);
    if (upgrade->mode == UPGRADE_NONE)
        return err_new(ERR_CONFIG, UPGRADE_VARIABLE " is for the server itself");
    (void)fcntl(upgrade->fd, F_SETFD, FD_CLOEXEC);
    err = upgrade_state_open(upgrade->fd, &upgrade->state);
    if (err != NULL)
        return err;
    upgrade_state_inherit(upgrade->state, 0);
    upgrade->program = strdup(upgrade->state->program);
    upgrade->folder = strdup(upgrade->state->folder);
    if (upgrade->program == NULL || upgrade->folder == NULL)
        return err_new(ERR_NOMEM, "upgrade");
    /* A program that was executed by a descriptor is named after its number. */
    name = strrchr(upgrade->program, '/');
    if (name != NULL)
        (void)prctl(PR_SET_NAME, name + 1);
    return NULL;
}

void upgrade_end(struct upgrade *upgrade)
{
    if (upgrade->state != NULL && upgrade->state->program_fd >= 0)
        close(upgrade->state->program_fd);
    upgrade_state_free(upgrade->state);
    if (upgrade->fd >= 0)
        close(upgrade->fd);
    upgrade->state = NULL;
    upgrade->fd = -1;
    upgrade->mode = UPGRADE_NONE;
}

void upgrade_close(struct upgrade *upgrade)
{
    upgrade_end(upgrade);
    free(upgrade->program);
    free(upgrade->folder);
    upgrade->program = upgrade->folder = NULL;
}

/* ---- the trial ---- */

struct err *upgrade_try(const struct upgrade *upgrade, const struct config *config,
                        const struct tables *tables)
{
    struct err *err = worker_share_try(upgrade->state, config, tables);

    if (err == NULL)
        err = worker_ports_try(upgrade->state, tables->listeners, config);
    if (err == NULL)
        upgrade->state->is_accepted = 1;
    return err;
}

/* ---- executing ---- */

struct err *upgrade_execute(const struct upgrade *upgrade, enum upgrade_mode mode)
{
    const struct upgrade_state *state = upgrade->state;
    char text[32];
    char *folder = getcwd(NULL, 0);
    struct err *err = NULL;

    (void)str_format(text, sizeof(text), "%s:%d", mode_names[mode], upgrade->fd);
    if (chdir(state->folder) != 0)
        err = err_sys(errno, "upgrade: folder %s", state->folder);
    else if (setenv(UPGRADE_VARIABLE, text, 1) != 0)
        err = err_sys(errno, "upgrade");
    if (err == NULL) {
        (void)fcntl(upgrade->fd, F_SETFD, 0);
        upgrade_state_inherit(state, 1);
        if (mode == UPGRADE_RESUME)
            (void)fexecve(state->program_fd, upgrade->argv, environ);
        else
            (void)execve(state->program, upgrade->argv, environ);
        err = err_sys(errno, "upgrade: cannot execute %s", state->program);
        upgrade_state_inherit(state, 0);
        (void)fcntl(upgrade->fd, F_SETFD, FD_CLOEXEC);
    }
    (void)unsetenv(UPGRADE_VARIABLE);
    if (folder != NULL && chdir(folder) != 0)
        err = err_wrap(err, "upgrade: and folder %s is gone", folder);
    free(folder);
    return err;
}

void upgrade_give_up(const struct upgrade *upgrade, const struct err *why)
{
    (void)str_copy(upgrade->state->why, sizeof(upgrade->state->why), err_text(why));
    err_free(upgrade_execute(upgrade, UPGRADE_RESUME));
}
