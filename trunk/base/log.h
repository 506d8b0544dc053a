#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * Log lines of the form "[time][level][pid][context id][errno] text". Where
 * they go is the sink's affair (console, file, a test's memory); who speaks is
 * the context's: a connection's id, the same that the API shows.
 * Never yields, never fails. Tokens and stream keys are never passed in clear.
 */
#include "base/err.h"

#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_sink {
    void (*write)(struct log_sink *sink, const char *line, size_t len); /* line ends in '\n' */
};

struct log {
    enum log_level level;
    int utc;               /* print UTC instead of local time */
    struct log_sink *sink; /* borrowed */
    /* The context id of the running coroutine; "-" outside of one. */
    const char *(*context)(void *arg);
    void *context_arg;
    int worker; /* shown after the process id, from 1 on; 0: there is one process only */
};

/* Lines beyond this many bytes are cut. */
#define LOG_LINE_MAX 2048

/*
 * One line, if the level is logged; cut at LOG_LINE_MAX, hidden characters made harmless. [errno]
 * is sys_errno, 0 for what no system call failed at: errno itself is not looked at, nor changed.
 * Never blocks.
 */
void log_sys(const struct log *log, enum log_level level, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The line of an error, whose errno it shows; err may be NULL. The text is the caller's. */
#define log_err(log, level, err, ...) log_sys(log, level, err_errno(err), __VA_ARGS__)
/* A line without errno. */
#define log_write(log, level, ...) log_sys(log, level, 0, __VA_ARGS__)

/* "error", "warn", "info", "debug" (and SRS's "trace" = info, "verbose" = debug); -1 if unknown. */
int log_level_parse(const char *name);

#define log_error(log, ...) log_write(log, LOG_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_write(log, LOG_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_write(log, LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...)                         \
    do {                                            \
        if ((log)->level >= LOG_DEBUG)              \
            log_write(log, LOG_DEBUG, __VA_ARGS__); \
    } while (0)

#endif
