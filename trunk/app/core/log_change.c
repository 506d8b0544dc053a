/*
 * The old log's last line names the new destination.
 */
#include "app/core/log_change.h"

#include "app/core/process.h"

#include <string.h>
#include <unistd.h>

static int is_same(const struct config *a, const struct config *b)
{
    return a->log_to_file == b->log_to_file &&
           (!a->log_to_file || strcmp(a->log_file, b->log_file) == 0);
}

struct err *log_change_prepare(struct log_change *change, const struct config *before,
                               const struct config *config, const struct log_sink_file *now,
                               int is_shared)
{
    struct err *err;

    memset(change, 0, sizeof(*change));
    if (is_same(before, config))
        return NULL;
    if (!config->log_to_file) {
        log_sink_open_fd(&change->sink, STDOUT_FILENO);
        if (is_shared)
            log_sink_own(&change->sink);
        change->sink.opener = now->opener;
        change->has_sink = 1;
        return NULL;
    }
    process_make_folder(config->log_file);
    err = log_sink_open(&change->sink, config->log_file, &now->opener);
    change->has_sink = err == NULL;
    return err;
}

void log_change_abandon(struct log_change *change)
{
    if (change->has_sink)
        log_sink_close(&change->sink);
    change->has_sink = 0;
}

void log_change_commit(struct log_change *change, const struct config *config, struct log *log,
                       struct log_sink_file *sink)
{
    if (change->has_sink) {
        log_info(log, "the log continues %s%s", config->log_to_file ? "in " : "on the console",
                 config->log_to_file ? config->log_file : "");
        log_sink_switch(sink, &change->sink);
    }
    change->has_sink = 0;
    log->level = (enum log_level)config->log_level;
    log->utc = config->utc_time;
}
