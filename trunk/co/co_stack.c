/*
 * Stacks of coroutines: a guard page below, pages returned to the system, depth measured.
 *
 * State Threads maps a stack as (page, stack, page), stores the thread's record at its very top and
 * adds no protection. So the page that holds the st_thread_t ends at the stack's top, and the
 * bottom is one stack size below. The lowest page of the stack becomes the guard: if the computed
 * top were a page too low, the guard would be in the mapping's unused first page, without harm.
 *
 * MADV_GUARD_INSTALL (Linux 6.13) creates no new mapping. Before it there is only mprotect, which
 * splits the mapping in two: vm.max_map_count (65,530) allows that for 30,000 stacks.
 */
#include "co/co_private.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define STACK_PAGE         ((size_t)4096)
#define STACK_MPROTECT_MAX 30000
/* Not touched below a frame: the red zone, and the calls that release or paint. */
#define STACK_MARGIN 1024
#define STACK_PAINT  0xa5

static struct {
    int no_guard_install; /* not supported by the kernel */
    size_t mprotected;
    int paint;
    size_t peak;
    size_t size;
} stack;

static void stack_guard(uint8_t *low)
{
    if (!stack.no_guard_install) {
        if (madvise(low, STACK_PAGE, MADV_GUARD_INSTALL) == 0)
            return;
        stack.no_guard_install = 1;
    }
    if (stack.mprotected < STACK_MPROTECT_MAX && mprotect(low, STACK_PAGE, PROT_NONE) == 0)
        stack.mprotected++;
}

static uint8_t *stack_below(void *frame)
{
    return (uint8_t *)frame - STACK_MARGIN;
}

/* Writes through a pointer whose bounds neither compiler nor sanitizer can know. */
__attribute__((noinline, no_sanitize("address"))) static void stack_fill(uint8_t *low, uint8_t *end)
{
    volatile uint8_t *p = low;

    while (p < end)
        *p++ = STACK_PAINT;
}

__attribute__((noinline, no_sanitize("address"))) static void stack_measure(const struct co *co)
{
    const volatile uint8_t *p = co->stack_low;
    const volatile uint8_t *top = co->stack_low + stack.size;
    size_t used;

    while (p < top && *p == STACK_PAINT)
        p++;
    used = (size_t)(top - p);
    if (used > stack.peak)
        stack.peak = used;
}

void co_stack_adopt(struct co *co, void *thread, size_t size, int fresh)
{
    uintptr_t top = ((uintptr_t)thread + STACK_PAGE - 1) & ~(STACK_PAGE - 1);
    uint8_t *bottom = (uint8_t *)top - size;

    assert(size % STACK_PAGE == 0 && size > 2 * STACK_PAGE);
    co->stack_low = bottom + STACK_PAGE;
    stack.size = size - STACK_PAGE;
    if (fresh) {
        stack_guard(bottom);
#ifdef CO_SANITIZED
        /* Else memory referenced only by a parked coroutine would count as leaked. */
        __lsan_register_root_region(co->stack_low, stack.size);
#endif
    }
    co->painted = stack.paint != 0;
    if (co->painted) /* the new coroutine has not run: everything below its first frame is free */
        stack_fill(co->stack_low, (uint8_t *)thread - 4 * STACK_MARGIN);
}

/* Releases or repaints all whole pages below `frame`. */
static void stack_release(struct co *co, void *frame)
{
    uint8_t *end = stack_below(frame);

    if (co->painted) {
        stack_measure(co);
        stack_fill(co->stack_low, end);
        return;
    }
    end = (uint8_t *)((uintptr_t)end & ~(STACK_PAGE - 1));
    if (end > co->stack_low)
        (void)madvise(co->stack_low, (size_t)(end - co->stack_low), MADV_DONTNEED);
}

__attribute__((noinline)) void co_stack_trim(void)
{
    struct co *self = co_self();

    if (self != NULL && self->stack_low != NULL)
        stack_release(self, __builtin_frame_address(0));
}

__attribute__((noinline)) void co_stack_leave(struct co *co, int trim)
{
    if (co->painted)
        stack_measure(co);
    else if (trim)
        stack_release(co, __builtin_frame_address(0));
}

void co_stack_paint(int on)
{
    stack.paint = on;
}

size_t co_stack_peak(void)
{
    return stack.peak;
}
