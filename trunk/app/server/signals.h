#ifndef APP_SERVER_SIGNALS_H
#define APP_SERVER_SIGNALS_H

/*
 * Signals as something that a coroutine reads: doc/signals.md says what each one does.
 */
#include "app/config/config.h"
#include "app/core/log_sink.h"
#include "app/core/server.h"
#include "app/core/supervisor.h"
#include "base/yield.h"

struct signals;

/* What the coroutine acts on; all of it is borrowed and outlives it. */
struct signals_target {
    struct server *server;
    struct log *log; /* HUP sets its level */
    struct log_sink_file *sink;
    const struct config_options *options; /* where HUP reads again; the file as an absolute path */
    char **environment;
    struct supervisor *supervisor; /* is told of a reload */
};

/* Holds the signals back until signals_start(), so that none is lost; SIGPIPE is ignored for good.
 * Before any coroutine or process is made. */
void signals_block(void);

/* Starts the coroutine that serves them. */
struct err *signals_start(struct signals **out, const struct signals_target *target);

/* Ends it. NULL is allowed. */
MAY_YIELD void signals_stop(struct signals *signals);

#endif
