#ifndef APP_SERVER_SIGNALS_H
#define APP_SERVER_SIGNALS_H

/*
 * A coroutine that reads signals: doc/signals.md describes what each one does.
 */
#include "app/core/log_sink.h"
#include "app/core/server.h"
#include "base/yield.h"

struct signals;

/* What the coroutine acts on; all of it is borrowed and must outlive it. */
struct signals_target {
    struct server *server;
    const struct log *log;
    struct log_sink_file *sink;
};

/* Blocks the signals until signals_start(), so that none is lost; ignores SIGPIPE for good. Call
 * this before any coroutine or process is made. */
void signals_block(void);

/* Starts the coroutine. */
struct err *signals_start(struct signals **out, const struct signals_target *target);

/* Ends it. NULL is allowed. */
MAY_YIELD void signals_stop(struct signals *signals);

#endif
