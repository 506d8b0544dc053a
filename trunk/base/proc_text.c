/*
 * The files under /proc are lines of words and numbers, each file with its own layout. Two ways to
 * read them are enough: numbers that follow the first word of a line, and the one long line of
 * /proc/PID/stat.
 */
#include "base/proc_text.h"

#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stat_names[] = {
    "pid",         "ppid",       "pgrp",        "session",     "tty_nr",
    "tpgid",       "flags",      "minflt",      "cminflt",     "majflt",
    "cmajflt",     "utime",      "stime",       "cutime",      "cstime",
    "priority",    "nice",       "num_threads", "itrealvalue", "starttime",
    "vsize",       "rss",        "rsslim",      "startcode",   "endcode",
    "startstack",  "kstkesp",    "kstkeip",     "signal",      "blocked",
    "sigignore",   "sigcatch",   "wchan",       "nswap",       "cnswap",
    "exit_signal", "processor",  "rt_priority", "policy",      "delayacct_blkio_ticks",
    "guest_time",  "cguest_time"};

_Static_assert(sizeof(stat_names) / sizeof(stat_names[0]) == PROC_TEXT_STAT_COUNT, "names");

size_t proc_text_read(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "re");
    size_t n = 0;

    assert(cap > 0);
    if (file != NULL) {
        n = fread(out, 1, cap - 1, file);
        (void)fclose(file);
    }
    out[n] = '\0';
    return n;
}

/* What follows the prefix of a line; NULL: there is no such line. */
static const char *line_find(const char *text, const char *prefix)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *p = line + strspn(line, " \t");

        if (str_starts(p, prefix))
            return p + strlen(prefix);
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return NULL;
}

int proc_text_numbers(const char *text, const char *prefix, uint64_t *out, int n)
{
    const char *p = line_find(text, prefix);
    int count = 0;

    memset(out, 0, (size_t)n * sizeof(*out));
    while (p != NULL && *p != '\0' && *p != '\n' && count < n) {
        if (isdigit((unsigned char)*p))
            out[count++] = strtoull(p, NULL, 10);
        p += strcspn(p, " \t\n");
        p += strspn(p, " \t");
    }
    return count;
}

const char *proc_text_stat_name(int i)
{
    assert(i >= 0 && i < PROC_TEXT_STAT_COUNT);
    return stat_names[i];
}

int proc_text_stat_index(const char *name)
{
    int i = 0;

    while (i < PROC_TEXT_STAT_COUNT && strcmp(stat_names[i], name) != 0)
        i++;
    assert(i < PROC_TEXT_STAT_COUNT);
    return i;
}

/* A value beyond int64_t is a limit that stands for "none". */
static int64_t value_of(const char *text)
{
    uint64_t value;

    if (*text == '-')
        return strtoll(text, NULL, 10);
    value = strtoull(text, NULL, 10);
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

int proc_text_stat_parse(const char *text, struct proc_text_stat *out)
{
    /* The name is in parentheses and may contain any character. */
    const char *name = strchr(text, '(');
    const char *p = strrchr(text, ')');

    memset(out, 0, sizeof(*out));
    out->state = '?';
    if (name == NULL || p == NULL || p < name || p[1] != ' ' || p[2] == '\0')
        return -1;
    out->value[out->count++] = value_of(text);
    (void)str_copy_n(out->comm, sizeof(out->comm), name + 1, (size_t)(p - name - 1));
    out->state = p[2];
    for (p = strchr(p + 2, ' '); p != NULL && out->count < PROC_TEXT_STAT_COUNT;
         p = strchr(p + 1, ' '))
        out->value[out->count++] = value_of(p + 1);
    return out->count > proc_text_stat_index("rss") ? 0 : -1;
}
