/*
 * The report of a reload, for the log and for the feature that asked. It is one block of memory
 * without pointers, so that a master can share it with its workers.
 */
#include "app/core/reload.h"

#include "app/config/config_diff.h"
#include "base/log.h"
#include "base/str.h"

#include <string.h>

/* Lines about changes in the log; the report has more. */
#define LOGGED_MAX 200

void reload_report_begin(struct reload_report *report)
{
    report->state = RELOAD_RUNNING;
    report->number++;
    report->ended_at = 0;
    report->changes = 0;
    report->restart_names[0] = report->text[0] = '\0';
}

/* Copies whole lines. */
static void copy_lines(struct reload_report *report, const char *text, size_t len)
{
    const char *end = text;

    if (len >= sizeof(report->text)) {
        len = sizeof(report->text) - 1;
        end = memrchr(text, '\n', len);
        len = end != NULL ? (size_t)(end + 1 - text) : 0;
    }
    memcpy(report->text, text, len);
    report->text[len] = '\0';
}

void reload_report_changes(struct reload_report *report, const struct config *before,
                           const struct config *config)
{
    struct config_diff count = {0};
    struct buf text;

    buf_init(&text, CONFIG_TEXT_MAX);
    /* Without memory, what fits is shown. */
    (void)!config_diff(before, config, &text, &count);
    report->changes = count.changes;
    (void)str_copy(report->restart_names, sizeof(report->restart_names), count.restart_names);
    if (text.len > 0)
        copy_lines(report, (const char *)buf_data(&text), text.len);
    buf_fini(&text);
}

void reload_report_log(const struct reload_report *report, const struct log *log)
{
    const char *line = report->text;

    for (int i = 0; *line != '\0' && i < LOGGED_MAX; i++) {
        size_t len = strcspn(line, "\n");

        log_info(log, "reload: %.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

void reload_report_end(struct reload_report *report, const struct log *log, const struct err *err)
{
    report->ended_at = clock_wall();
    if (err != NULL) {
        report->code = err_code(err);
        (void)str_copy(report->text, sizeof(report->text), err_text(err));
        report->restart_names[0] = '\0';
        report->state = RELOAD_FAILED;
        log_err(log, LOG_ERROR, err, "reload failed, keeping the old configuration: %s",
                err_text(err));
        return;
    }
    report->state = RELOAD_APPLIED;
    log_info(log, "reload: configuration is valid; %d changes", report->changes);
    if (report->restart_names[0] != '\0')
        log_warn(log, "reload: these changes take effect after a restart: %s",
                 report->restart_names);
}
