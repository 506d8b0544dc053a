/*
 * Stacks: depth is measured, pages are given back, the guard page catches an
 * overflow before it reaches the neighbour's stack.
 */
#include "co/co_private.h"
#include "co_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_co_stack_suite(void);

#define PAGE  ((size_t)4096)
#define PAGES 32 /* looked at, from the stack pointer down */

struct use {
    size_t depth;    /* bytes of stack to use */
    size_t resident; /* pages after it */
    size_t trimmed;  /* pages after giving back */
};

/* Dirties about `depth` bytes of stack. */
__attribute__((noinline)) static unsigned dig(size_t depth)
{
    volatile uint8_t frame[1024];
    unsigned sum = 0;

    memset((uint8_t *)frame, 1, sizeof(frame));
    if (depth > sizeof(frame))
        sum = dig(depth - sizeof(frame));
    return sum + frame[depth % sizeof(frame)];
}

/* Resident pages among the lowest ones of a coroutine's stack, its last two left out. */
static size_t count_resident(void)
{
    uint8_t *low = co_self()->stack_low;
    uint8_t *here = __builtin_frame_address(0);
    size_t pages = (size_t)(here - low) / PAGE - 1;
    unsigned char in[PAGES];
    size_t n = 0;

    if (pages > PAGES) {
        low += (pages - PAGES) * PAGE;
        pages = PAGES;
    }
    if (mincore(low, pages * PAGE, in) != 0)
        return SIZE_MAX;
    for (size_t i = 0; i < pages; i++)
        n += in[i] & 1;
    return n;
}

static void run_trim(void *arg)
{
    struct use *use = arg;

    (void)dig(use->depth);
    use->resident = count_resident();
    co_stack_trim();
    use->trimmed = count_resident();
    (void)dig(use->depth); /* still a stack */
}

START_TEST(trim_gives_pages_back)
{
    struct use use = {.depth = 24 * 1024};

    co_join(co_spawn_joinable(run_trim, &use));
    ck_assert_uint_ge(use.resident, 5);
    ck_assert_uint_le(use.resident, PAGES);
    ck_assert_uint_le(use.trimmed, 1);
    co_stack_trim(); /* on the process's own stack: not measured */
}
END_TEST

static void run_dig(void *arg)
{
    struct use *use = arg;

    (void)dig(use->depth);
}

START_TEST(peak_is_measured)
{
    struct use shallow = {.depth = 1};
    struct use deep = {.depth = 30 * 1024};
    size_t small;

    co_stack_paint(1);
    co_join(co_spawn_joinable(run_dig, &shallow));
    small = co_stack_peak();
    co_join(co_spawn_joinable(run_dig, &deep));
    co_stack_paint(0);
    ck_assert_uint_gt(small, 512);
    ck_assert_uint_lt(small, 16 * 1024);
    ck_assert_uint_ge(co_stack_peak(), deep.depth);
    ck_assert_uint_ge(co_stack_peak(), small + 8 * 1024);
}
END_TEST

static void run_overflow(void *arg)
{
    struct use *use = arg;

    (void)dig(use->depth);
}

/* A child process whose coroutine overflows its stack: 0 if it survives. */
static int overflow(size_t extra)
{
    struct use use = {.depth = 0};
    struct co *co;
    int status = 0;
    pid_t pid;
    int null;

    co = co_spawn_joinable(run_overflow, &use);
    use.depth = (size_t)((uint8_t *)co->st_thread - co->stack_low) - 8 * 1024 + extra;
    pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        null = open("/dev/null", O_WRONLY);
        (void)dup2(null, STDERR_FILENO);
        co_join(co);
        _exit(0);
    }
    use.depth = 1;
    co_join(co);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

START_TEST(guard_catches_an_overflow)
{
    int status = overflow(64 * 1024);

    ck_assert_msg(WIFSIGNALED(status), "status %x", (unsigned)status);
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

Suite *check_co_stack_suite(void)
{
    Suite *suite = suite_create("co_stack");
    TCase *tc = co_test_case(suite, "co_stack");

    tcase_add_test(tc, trim_gives_pages_back);
    tcase_add_test(tc, peak_is_measured);
    tcase_add_test(tc, guard_catches_an_overflow);
    return suite;
}
