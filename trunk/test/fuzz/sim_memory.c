/*
 * Memory that runs out: the last bytes of an input may say which allocation of the server fails,
 * counted from the beginning of the input (sim_memory_arm()). The allocations of the libraries do
 * not count, nor those of the kernel in memory, which are between sim_memory_hold() and
 * sim_memory_go_on().
 */
#include "sim_kernel.h"
#include "sim_wrap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARK      "\xfdM"
#define MARK_SIZE (sizeof(MARK) - 1)
#define TAIL      (MARK_SIZE + 2)

/* sanitizer/common_interface_defs.h; absent without a sanitizer. */
void __sanitizer_print_stack_trace(void) __attribute__((weak));

static unsigned left; /* until the one that fails; 0: none */
static unsigned held;

size_t sim_memory_arm(const uint8_t *data, size_t size)
{
    left = held = 0;
    if (size < TAIL || memcmp(data + size - TAIL, MARK, MARK_SIZE) != 0)
        return size;
    left = data[size - 2] + 256U * data[size - 1];
    return size - TAIL;
}

void sim_memory_hold(void)
{
    held++;
}

void sim_memory_go_on(void)
{
    held--;
}

static int is_out(void)
{
    if (left == 0 || held > 0 || --left > 0)
        return 0;
    if (getenv("SIM_LOG") != NULL && __sanitizer_print_stack_trace != NULL)
        __sanitizer_print_stack_trace();
    errno = ENOMEM;
    return 1;
}

WRAP(void *, malloc, size_t size)
{
    return is_out() ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, size_t count, size_t size)
{
    return is_out() ? NULL : __real_calloc(count, size);
}

WRAP(void *, realloc, void *old, size_t size)
{
    return is_out() ? NULL : __real_realloc(old, size);
}

WRAP(void *, reallocarray, void *old, size_t count, size_t size)
{
    return is_out() ? NULL : __real_reallocarray(old, count, size);
}

WRAP(char *, strdup, const char *text)
{
    return is_out() ? NULL : __real_strdup(text);
}

WRAP(char *, strndup, const char *text, size_t size)
{
    return is_out() ? NULL : __real_strndup(text, size);
}
