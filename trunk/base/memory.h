#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/*
 * How much memory this process uses and may use, and returning freed memory to the system. Memory
 * means resident and not file-backed: heap, stacks, buffers of libraries. All sizes in bytes.
 */
#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

enum memory_level {
    MEMORY_EASY,
    MEMORY_SHORT, /* new clients are refused */
    MEMORY_OVER   /* something must be closed */
};

struct memory {
    uint64_t limit;  /* of all processes of the server together */
    uint64_t used;   /* by this process, when last measured */
    uint64_t others; /* by the other processes */
    enum memory_level level;
    usec_t trimmed_at;
    usec_t cpu_time, cpu_at; /* of this process, for memory_trim() */
};

/* limit 0: four fifths of the memory of the machine or the control group. */
void memory_init(struct memory *memory, uint64_t limit);

/* Changes the limit; 0 as above. */
void memory_set_limit(struct memory *memory, uint64_t limit);

/* Records a measurement. Returns the level, which falls again only well below the point where it
 * rose. Pure. */
enum memory_level memory_note(struct memory *memory, uint64_t used, uint64_t others);

/* Memory of this process now; 0: unknown. Reads /proc, which does not block. */
uint64_t memory_used(void);

/*
 * Returns free pages of the heap to the system, if there are many. At most every 10 s and only if
 * the process was mostly idle since the last call; urgent: every second, idle or not. Call it about
 * once a second. 1 when it trimmed.
 */
int memory_trim(struct memory *memory, usec_t now, int is_urgent);

/* The time when memory_trim() will next examine the heap, unless it is called as urgent. */
usec_t memory_trim_at(const struct memory *memory);

/* For tests: anonymous pages from the text of /proc/self/statm, 0 when malformed; a control group's
 * limit, UINT64_MAX for "max" and malformed text. */
uint64_t memory_parse_statm(const char *text);
uint64_t memory_parse_limit(const char *text);

#endif
