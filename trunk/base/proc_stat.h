#ifndef BASE_PROC_STAT_H
#define BASE_PROC_STAT_H

/*
 * What the kernel says of another process. For processes that look after others: it reads a file
 * and blocks for as long as that takes.
 */
#include "base/clock.h"

#include <sys/types.h>

struct proc_stat {
    char state;      /* 'R', 'S', 'D', 'T', 't', 'Z', ...; '?': unknown */
    usec_t cpu_time; /* user and system */
};

/* The state is '?' when the process cannot be looked at. */
void proc_stat_read(pid_t pid, struct proc_stat *out);
/* The same from the text of such a file; -1: malformed. */
int proc_stat_parse(const char *text, struct proc_stat *out);

#endif
