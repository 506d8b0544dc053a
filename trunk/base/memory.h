#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/*
 * How much memory this process has, what it may have, and giving back what it has freed. Memory is
 * what is resident and of no file: heap, stacks, buffers of libraries. Bytes throughout.
 */
#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

enum memory_level {
    MEMORY_EASY,
    MEMORY_SHORT, /* nobody new is let in */
    MEMORY_OVER   /* something must be given up */
};

struct memory {
    uint64_t limit;  /* of all processes of the server together */
    uint64_t used;   /* by this one, when it was last measured */
    uint64_t others; /* by the other ones */
    enum memory_level level;
    usec_t trimmed_at;
    usec_t cpu_time, cpu_at; /* of this process, for memory_trim() */
};

/* limit 0: four fifths of what the machine, or the control group, has. */
void memory_init(struct memory *memory, uint64_t limit);

/* A measurement. Answers the level, which falls again only well below where it rose. Pure. */
enum memory_level memory_note(struct memory *memory, uint64_t used, uint64_t others);

/* What this process has now; 0: unknown. A read of /proc, which does not block. */
uint64_t memory_used(void);

/*
 * Gives pages of the heap that are free back to the system, if there are many. At most every 10 s
 * and only where the process has had little to do since the last call; urgent: every second, and
 * whatever it has to do. Call it about once a second. 1 when it did.
 */
int memory_trim(struct memory *memory, usec_t now, int is_urgent);

/* When the next call looks at the heap, as far as nothing is urgent. */
usec_t memory_trim_at(const struct memory *memory);

/* Parts, for tests: anonymous pages out of /proc/self/statm, 0 where it is malformed; a control
 * group's limit, UINT64_MAX for "max" and what is malformed. */
uint64_t memory_parse_statm(const char *text);
uint64_t memory_parse_limit(const char *text);

#endif
