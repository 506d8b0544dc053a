/*
 * Formats a log line and passes it to the sink. Control characters and other hidden characters are
 * replaced, so that bytes from a peer cannot forge a log line or control the terminal that shows
 * it.
 */
#include "base/log.h"

#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static int log_prefix(const struct log *log, enum log_level level, int sys_errno, char *line,
                      size_t cap)
{
    struct timeval now;
    struct tm tm;
    char worker[16] = "";
    const char *context = log->context ? log->context(log->context_arg) : "-";

    gettimeofday(&now, NULL);
    if (log->utc)
        gmtime_r(&now.tv_sec, &tm);
    else
        localtime_r(&now.tv_sec, &tm);
    if (log->worker > 0)
        (void)snprintf(worker, sizeof(worker), "/%d", log->worker);
    return snprintf(line, cap, "[%04d-%02d-%02d %02d:%02d:%02d.%03d][%s][%d%s][%s][%d] ",
                    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                    (int)(now.tv_usec / 1000), level_names[level], (int)getpid(), worker, context,
                    sys_errno);
}

void log_sys(const struct log *log, enum log_level level, int sys_errno, const char *fmt, ...)
{
    int saved_errno = errno;
    char line[LOG_LINE_MAX];
    size_t len;
    va_list ap;
    int n;

    assert(log != NULL && fmt != NULL);
    if (level > log->level || log->sink == NULL)
        return;
    n = log_prefix(log, level, sys_errno, line, sizeof(line) - 1);
    len = (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;
    va_start(ap, fmt);
    n = vsnprintf(line + len, sizeof(line) - 1 - len, fmt, ap);
    va_end(ap);
    if (n > 0)
        len += (size_t)n < sizeof(line) - 1 - len ? (size_t)n : sizeof(line) - 2 - len;
    len = utf8_make_plain(line, len);
    line[len++] = '\n';
    log->sink->write(log->sink, line, len);
    errno = saved_errno;
}

int log_level_parse(const char *name)
{
    assert(name != NULL);
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    if (strcmp(name, "trace") == 0)
        return LOG_INFO;
    if (strcmp(name, "verbose") == 0)
        return LOG_DEBUG;
    return -1;
}
