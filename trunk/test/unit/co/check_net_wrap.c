/* Descriptors of other kinds as connections: pipes, signals, and what cannot be waited for. */
#include "co_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

Suite *check_net_wrap_suite(void);

START_TEST(wraps_pipes_and_signals)
{
    struct signalfd_siginfo info;
    struct net_conn *in;
    struct net_conn *out;
    struct net_conn *sig;
    sigset_t set;
    char c;
    size_t got;
    int fd[2];

    ck_assert_int_eq(pipe(fd), 0);
    co_test_ok(net_wrap_fd(fd[0], &in));
    co_test_ok(net_wrap_fd(fd[1], &out));
    co_test_ok(io_write(&out->io, "p", 1, TEST_WAIT));
    co_test_ok(io_read(&in->io, &c, 1, &got, TEST_WAIT));
    ck_assert_int_eq(c, 'p');
    net_free(in);
    co_test_err(io_write(&out->io, "p", 1, TEST_WAIT), ERR_CLOSED);
    net_free(out);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    co_test_ok(net_wrap_fd(signalfd(-1, &set, SFD_CLOEXEC), &sig));
    ck_assert_int_eq(kill(getpid(), SIGUSR2), 0);
    co_test_ok(io_read(&sig->io, &info, sizeof(info), &got, TEST_WAIT));
    ck_assert_uint_eq(got, sizeof(info));
    ck_assert_uint_eq(info.ssi_signo, SIGUSR2);
    net_free(sig);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
END_TEST

START_TEST(refuses_what_cannot_be_waited_for)
{
    struct net_conn *conn;

    co_test_err(net_wrap_fd(-1, &conn), ERR_SYS);
    ck_assert_ptr_null(conn);
    co_test_err(net_wrap_fd(open("/etc/passwd", O_RDONLY | O_CLOEXEC), &conn), ERR_SYS);
    ck_assert_ptr_null(conn);
}
END_TEST

Suite *check_net_wrap_suite(void)
{
    Suite *suite = suite_create("net_wrap");
    TCase *tc = co_test_case(suite, "wrap");

    tcase_add_test(tc, wraps_pipes_and_signals);
    tcase_add_test(tc, refuses_what_cannot_be_waited_for);
    return suite;
}
