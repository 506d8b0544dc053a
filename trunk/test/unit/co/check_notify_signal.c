/* A notification that arrives as a signal, also from another process. */
#include "co/notify_signal.h"

#include <check.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_notify_signal_suite(void);

START_TEST(test_signal)
{
    const struct timespec wait = {10, 0}, none = {0, 0};
    sigset_t set, before;
    int ends[2];
    pid_t child;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, &before), 0);
    ck_assert_ptr_null(notify_signal_new(ends, SIGUSR1));
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        notify_signal_send(ends);
        _exit(0);
    }
    ck_assert_int_eq(sigtimedwait(&set, NULL, &wait), SIGUSR1);
    notify_signal_clear(ends);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_int_eq(sigtimedwait(&set, NULL, &none), -1);
    /* More than the pipe takes: none of them waits. */
    for (int i = 0; i < 200000; i++)
        notify_signal_send(ends);
    ck_assert_int_eq(sigtimedwait(&set, NULL, &wait), SIGUSR1);
    notify_signal_clear(ends);
    notify_signal_send(ends);
    ck_assert_int_eq(sigtimedwait(&set, NULL, &wait), SIGUSR1);
    close(ends[0]);
    close(ends[1]);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}
END_TEST

Suite *check_notify_signal_suite(void)
{
    Suite *suite = suite_create("notify_signal");
    TCase *tcase = tcase_create("notify_signal");

    tcase_add_test(tcase, test_signal);
    suite_add_tcase(suite, tcase);
    return suite;
}
