/* Notifications: none is missed because a read fails once, and a broken descriptor is an error. */
#include "co/notify.h"

#include "co_test.h"

#include <unistd.h>

Suite *check_notify_suite(void);

START_TEST(several_count_as_one)
{
    struct net_conn *conn;
    int fd = notify_new();

    co_test_ok(net_wrap_fd(fd, &conn));
    notify_send(fd);
    notify_send(fd);
    co_test_ok(notify_wait(conn));
    notify_send(fd);
    co_test_ok(notify_wait(conn));
    net_free(conn);
}
END_TEST

/* Pipes behave as no eventfd does: a read may be short, and end. */
START_TEST(reads_again)
{
    static const uint8_t bytes[3 + 8] = {0};
    struct net_conn *conn;
    int fd[2];

    ck_assert_int_eq(pipe(fd), 0);
    co_test_ok(net_wrap_fd(fd[0], &conn));
    ck_assert_int_eq(write(fd[1], bytes, 8), 8);
    ck_assert_int_eq(write(fd[1], bytes, 3), 3);
    co_test_ok(notify_wait(conn));
    ck_assert_int_eq(close(fd[1]), 0);
    co_test_err(notify_wait(conn), ERR_SYS);
    net_free(conn);
}
END_TEST

Suite *check_notify_suite(void)
{
    Suite *suite = suite_create("notify");
    TCase *tc = co_test_case(suite, "notify");

    tcase_add_test(tc, several_count_as_one);
    tcase_add_test(tc, reads_again);
    return suite;
}
