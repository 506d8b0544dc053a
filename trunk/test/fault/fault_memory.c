/*
 * Allocation. The real ones are AddressSanitizer's, by the names under which it exports them:
 * these functions are needed before dlsym() works.
 */
#include "test/fault/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The names of parameters are not the C library's.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t count, size_t size);
void *__interceptor_realloc(void *old, size_t size);
void *__interceptor_reallocarray(void *old, size_t count, size_t size);
char *__interceptor_strdup(const char *text);
char *__interceptor_strndup(const char *text, size_t size);
int __interceptor_posix_memalign(void **out, size_t align, size_t size);

static FAULT_RAW int no_memory(enum fault_call call)
{
    int error = fault_at(call);

    if (error != 0)
        errno = error;
    return error;
}

FAULT_RAW void *malloc(size_t size)
{
    return no_memory(FAULT_malloc) ? NULL : __interceptor_malloc(size);
}

FAULT_RAW void *calloc(size_t count, size_t size)
{
    return no_memory(FAULT_calloc) ? NULL : __interceptor_calloc(count, size);
}

FAULT_RAW void *realloc(void *old, size_t size)
{
    return no_memory(FAULT_realloc) ? NULL : __interceptor_realloc(old, size);
}

FAULT_RAW void *reallocarray(void *old, size_t count, size_t size)
{
    return no_memory(FAULT_reallocarray) ? NULL : __interceptor_reallocarray(old, count, size);
}

FAULT_RAW char *strdup(const char *text)
{
    return no_memory(FAULT_strdup) ? NULL : __interceptor_strdup(text);
}

FAULT_RAW char *strndup(const char *text, size_t size)
{
    return no_memory(FAULT_strndup) ? NULL : __interceptor_strndup(text, size);
}

FAULT_RAW int posix_memalign(void **out, size_t align, size_t size)
{
    int error = fault_at(FAULT_posix_memalign);

    return error != 0 ? error : __interceptor_posix_memalign(out, align, size);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
