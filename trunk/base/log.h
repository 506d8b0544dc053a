#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * Log lines of the form "[time][level][pid][context id][errno] text". The sink decides where they
 * go (console, file, a test's memory); the context id is a connection's, the same one that the API
 * shows. Never yields, never fails. Callers never pass tokens and stream keys in clear.
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
    int worker; /* shown after the process id, from 1 on; 0: a single process */
};

/* Longer lines are truncated (bytes). */
#define LOG_LINE_MAX 2048

/*
 * Writes one line, if the level is logged; truncated at LOG_LINE_MAX, hidden characters replaced.
 * [errno] is sys_errno, 0 if no system call failed; errno itself is neither read nor changed. Never
 * blocks.
 */
void log_sys(const struct log *log, enum log_level level, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A line for an error, with its errno; err may be NULL. The caller supplies the text. */
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
