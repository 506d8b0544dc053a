#ifndef APP_CORE_LOG_LIMIT_H
#define APP_CORE_LOG_LIMIT_H

/*
 * Limits how many log lines clients can cause. Lines about one address and of one kind are counted;
 * beyond the limit within a time window they are suppressed, and one line gives their number when
 * the window ends. A larger limit holds for all addresses together. IPv6 addresses count by their
 * /64. Memory is bounded. Only functions with a timeout yield.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/yield.h"

#include <stdint.h>

struct log_limit;

/* The server's window. */
#define LOG_LIMIT_WINDOW (10 * USEC_PER_SEC)

/* log is borrowed; lines: the limit for one kind and address in a window, 0: no limit. NULL without
 * memory. */
struct log_limit *log_limit_new(const struct log *log, int64_t lines, usec_t window);
/* Changes the limit. NULL is allowed. */
void log_limit_set_lines(struct log_limit *limit, int64_t lines);
/* Logs the counts of suppressed lines that are pending. NULL is allowed. */
MAY_YIELD void log_limit_free(struct log_limit *limit);

/* Whether to write a line of this level; kind is a constant, a few words for the operator. Needs
 * the coroutine runtime. */
int log_limit_pass(struct log_limit *limit, enum log_level level, const char *kind, const char *ip);

/* log_write() about a peer; target has a log and a log_limit, as struct server. */
#define log_peer(target, level, kind, ip, ...)                    \
    do {                                                          \
        if (log_limit_pass((target)->log_limit, level, kind, ip)) \
            log_write((target)->log, level, __VA_ARGS__);         \
    } while (0)

/* The same with the errno of an error, which may be NULL. */
#define log_peer_err(target, level, kind, ip, err, ...)           \
    do {                                                          \
        if (log_limit_pass((target)->log_limit, level, kind, ip)) \
            log_err((target)->log, level, err, __VA_ARGS__);      \
    } while (0)

/* For tests: how many suppressed lines are not reported yet. */
uint64_t log_limit_pending(const struct log_limit *limit);

#endif
