#ifndef APP_CORE_CONFINE_H
#define APP_CORE_CONFINE_H

/*
 * What a process that serves clients gives up, in the order of its life: the keeper is started by
 * the process that forks the others, each of them asks it for files, and gives up its privileges
 * and enters the sandbox when its listeners are open.
 */
#include "app/core/keeper.h"
#include "app/core/log_sink.h"
#include "app/core/privileges.h"
#include "app/core/sandbox.h"

struct confine {
    struct privileges privileges;
    struct keeper *keeper; /* NULL: the server may do everything itself */
    struct sandbox sandbox;
};

/* Looks up the user, and starts the keeper if one of so many processes will need it. The options'
 * privileges are set here. ERR_CONFIG, ERR_SYS, ERR_NOMEM. */
struct err *confine_prepare(struct confine *confine, struct keeper_options *options, int processes,
                            const struct log *log);
/* This process is number `slot` of those; it opens its log and configuration by the keeper when it
 * may not do it itself. */
void confine_use(struct confine *confine, int slot, struct config_options *options,
                 struct log_sink_file *sink);
/* For good. folder: of the workers' sockets; NULL: there is one process, which opens its listeners
 * itself. log is borrowed. After an error, nothing is promised: end. */
struct err *confine_enter(struct confine *confine, const struct config *config, const char *folder,
                          const struct log *log);
/* Stops what the sandbox does in this process; the keeper stays. */
MAY_YIELD void confine_leave(struct confine *confine);

#endif
