/* State of another process from the kernel. */
#include "base/proc_stat.h"

#include <check.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_proc_stat_suite(void);

START_TEST(test_parse)
{
    struct proc_stat stat;
    usec_t tick = USEC_PER_SEC / sysconf(_SC_CLK_TCK);

    /* A name may look like the fields that follow it. */
    ck_assert_int_eq(proc_stat_parse("42 (a) R 1 (b) S 1 2 3 4 5 6 7 8 9 10 11 30 12 0 0", &stat),
                     0);
    ck_assert_int_eq(stat.state, 'S');
    ck_assert_int_eq(stat.cpu_time, 41 * tick);
    ck_assert_int_eq(stat.memory, 0);
}
END_TEST

START_TEST(test_memory)
{
    struct proc_stat stat;

    ck_assert_int_eq(proc_stat_parse("42 (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 "
                                     "23 240 25",
                                     &stat),
                     0);
    ck_assert_uint_eq(stat.memory, 240 * (uint64_t)sysconf(_SC_PAGESIZE));
    proc_stat_read(getpid(), &stat);
    ck_assert_uint_gt(stat.memory, 1024 * 1024);
}
END_TEST

START_TEST(test_malformed)
{
    static const char *const texts[] = {
        "", "42", "42 (a", "42 (a)", "42 (a) ", "42 (a) R", "42 (a) R 1 2 3 4 5 6 7 8 9"};
    struct proc_stat stat;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_int_eq(proc_stat_parse(texts[i], &stat), -1);
}
END_TEST

/* Until it is in this state and has taken so much processor time. */
static void until(pid_t pid, char state, usec_t cpu_time)
{
    struct proc_stat stat;

    do {
        proc_stat_read(pid, &stat);
        ck_assert_int_ne(stat.state, '?');
    } while (stat.state != state || stat.cpu_time < cpu_time);
}

START_TEST(test_a_process)
{
    struct proc_stat stat;
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            ;
    ck_assert_int_gt(pid, 0);
    until(pid, 'R', 50 * USEC_PER_MS);
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    until(pid, 'T', 0);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    proc_stat_read(pid, &stat);
    ck_assert_int_eq(stat.state, '?');
}
END_TEST

Suite *check_proc_stat_suite(void)
{
    Suite *suite = suite_create("proc_stat");
    TCase *tc = tcase_create("proc_stat");

    tcase_add_test(tc, test_parse);
    tcase_add_test(tc, test_memory);
    tcase_add_test(tc, test_malformed);
    tcase_add_test(tc, test_a_process);
    suite_add_tcase(suite, tc);
    return suite;
}
