/*
 * /proc/PID/stat of another process, proc(5): its state and the processor time it has used. The
 * file counts in clock ticks, usually of 10 ms.
 */
#include "base/proc_stat.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fields before the processor times: state, and ppid to cmajflt; and from there to the resident
 * memory: cutime to vsize. */
#define STAT_SKIPPED       11
#define STAT_BEFORE_MEMORY 8

int proc_stat_parse(const char *text, struct proc_stat *out)
{
    /* The name is in parentheses and may contain any character. */
    const char *p = strrchr(text, ')');
    unsigned long long user, system;
    long per_second = sysconf(_SC_CLK_TCK);
    char *end;

    out->state = '?';
    out->cpu_time = 0;
    out->memory = 0;
    if (p == NULL || p[1] != ' ' || p[2] == '\0' || per_second <= 0)
        return -1;
    out->state = p[2];
    p += 2;
    for (int i = 0; i < STAT_SKIPPED && p != NULL; i++) {
        p = strchr(p, ' ');
        p = p != NULL ? p + 1 : NULL;
    }
    if (p == NULL)
        return -1;
    user = strtoull(p, &end, 10);
    system = strtoull(end, &end, 10);
    out->cpu_time = (usec_t)((user + system) * USEC_PER_SEC / (unsigned long long)per_second);
    p = end;
    for (int i = 0; i < STAT_BEFORE_MEMORY && p != NULL && *p == ' '; i++)
        p = strchr(p + 1, ' ');
    if (p != NULL)
        out->memory = strtoull(p, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}

void proc_stat_read(pid_t pid, struct proc_stat *out)
{
    char path[64];
    char text[1024];
    size_t n = 0;
    FILE *file;

    (void)str_format(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file != NULL) {
        n = fread(text, 1, sizeof(text) - 1, file);
        (void)fclose(file);
    }
    text[n] = '\0';
    if (proc_stat_parse(text, out) != 0)
        out->state = '?';
}
