#ifndef BASE_PROC_STAT_H
#define BASE_PROC_STAT_H

/*
 * State of another process from the kernel, for processes that supervise others. Reading the file
 * blocks.
 */
#include "base/clock.h"

#include <sys/types.h>

struct proc_stat {
    char state;      /* 'R', 'S', 'D', 'T', 't', 'Z', ...; '?': unknown */
    usec_t cpu_time; /* user and system */
    uint64_t memory; /* resident, bytes */
};

/* The state is '?' when the process cannot be examined. */
void proc_stat_read(pid_t pid, struct proc_stat *out);
/* The same from the text of the file; -1: malformed. */
int proc_stat_parse(const char *text, struct proc_stat *out);

#endif
