#ifndef APP_CORE_LOG_CHANGE_H
#define APP_CORE_LOG_CHANGE_H

/*
 * Applies a reload to the log: the new destination is opened first, and used only after everything
 * else has succeeded. Never yields.
 */
#include "app/config/config.h"
#include "app/core/log_sink.h"

struct log_change {
    struct log_sink_file sink;
    int has_sink; /* the destination changes */
};

/* Opens the new destination, if it is not that of `now`. is_shared: other processes write to the
 * console, too. The error is that of log_sink_open(). */
struct err *log_change_prepare(struct log_change *change, const struct config *before,
                               const struct config *config, const struct log_sink_file *now,
                               int is_shared);
void log_change_abandon(struct log_change *change);
/* Applies destination, level and time zone. */
void log_change_commit(struct log_change *change, const struct config *config, struct log *log,
                       struct log_sink_file *sink);

#endif
