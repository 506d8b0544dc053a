/* Allocations that fail on request: what the linker's --wrap sends here. */
#include "test/unit/no_memory.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static int left;  /* allocations until the one that fails; 0: none does */
static int all;   /* every one fails */
static int count; /* that have failed */

void no_memory_at(int nth)
{
    left = nth;
    all = 0;
    count = 0;
}

void no_memory(void)
{
    left = 0;
    all = 1;
    count = 0;
}

int no_memory_over(void)
{
    left = 0;
    all = 0;
    return count;
}

static int fails(void)
{
    if (!all && (left == 0 || --left > 0))
        return 0;
    count++;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}
