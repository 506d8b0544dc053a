#ifndef TEST_UNIT_NO_MEMORY_H
#define TEST_UNIT_NO_MEMORY_H

/*
 * Allocations that fail on request. The unit tests are linked with malloc, calloc, realloc and
 * strdup of all that is linked in going through no_memory.c. Check itself is: nothing may be
 * asserted while allocations fail.
 */

/* The nth allocation from now on fails (1: the next one), once. */
void no_memory_at(int nth);
/* All fail from now on. */
void no_memory(void);
/* All succeed again. Answers how many have failed. */
int no_memory_over(void);

#endif
