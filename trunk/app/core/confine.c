/*
 * Privileges go before the sandbox, whose filter denies the calls that change them. The keeper is
 * forked before either, while the process may still do everything.
 */
#include "app/core/confine.h"

#include <stdio.h>

struct err *confine_prepare(struct confine *confine, struct keeper_options *options, int processes,
                            const struct log *log)
{
    const struct config *config = options->config;
    int has_sandbox = config->sandbox && sandbox_is_possible();
    struct err *err = privileges_find(&confine->privileges, config, log);

    if (config->sandbox && !has_sandbox)
        log_warn(log, "sandbox: neither the kernel nor this build can confine anything");
    if (err != NULL || (!has_sandbox && !confine->privileges.is_set))
        return err;
    options->privileges = &confine->privileges;
    fflush(NULL);
    return keeper_start(&confine->keeper, options, processes);
}

void confine_use(struct confine *confine, int slot, struct config_options *options,
                 struct log_sink_file *sink)
{
    keeper_use(confine->keeper, slot);
    options->opener = (struct opener){keeper_open_config, confine->keeper};
    sink->opener = (struct opener){keeper_open_log, confine->keeper};
    privileges_give_fd(&confine->privileges, sink->fd);
}

struct err *confine_enter(struct confine *confine, const struct config *config, const char *folder,
                          const struct log *log)
{
    struct sandbox *sandbox = &confine->sandbox;
    struct err *err = privileges_drop(&confine->privileges);

    if (err != NULL || !config->sandbox || !sandbox_is_possible())
        return err;
    sandbox->may_bind = folder == NULL;
    err = sandbox_allow_config(sandbox, config);
    if (err == NULL && folder != NULL)
        err = sandbox_allow(sandbox, folder, SANDBOX_SOCKETS);
    /* The last worker removes the folder if the master was killed. */
    if (err == NULL && folder != NULL)
        err = sandbox_allow_folder_above(sandbox, folder, SANDBOX_REMOVE);
    if (err != NULL)
        return err;
    sandbox_log_missing(config, log);
    return sandbox_enter(sandbox, log);
}

void confine_leave(struct confine *confine)
{
    sandbox_close(&confine->sandbox);
}
