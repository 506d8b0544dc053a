/* How many log lines unknown clients can cause. */
#include "app/core/log_limit.h"

#include "co/co.h"
#include "http_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

Suite *check_log_limit_suite(void);

#define LONG_WINDOW (3600 * USEC_PER_SEC)

static char said[4096];
static int lines;

static void sink_write(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    lines++;
    (void)snprintf(said, sizeof(said), "%.*s", (int)len, line);
}

static struct log_sink sink = {sink_write};
static struct log logger = {.level = LOG_INFO, .sink = &sink};

struct target {
    const struct log *log;
    struct log_limit *log_limit;
};

static struct target target_make(int64_t max, usec_t window)
{
    struct target target = {&logger, log_limit_new(&logger, max, window)};

    ck_assert_ptr_nonnull(target.log_limit);
    lines = 0;
    said[0] = '\0';
    return target;
}

static void say(struct target *target, const char *kind, const char *ip, int times)
{
    for (int i = 0; i < times; i++)
        log_peer(target, LOG_WARN, kind, ip, "line %d of %s", i, ip);
}

START_TEST(test_one_address)
{
    struct target target = target_make(50, LONG_WINDOW);

    say(&target, "bad request", "192.0.2.1", 5000);
    ck_assert_int_eq(lines, 50);
    ck_assert_uint_eq(log_limit_pending(target.log_limit), 4950);
    /* Lines about other addresses, and other kinds of lines about this one, are not limited by it.
     */
    say(&target, "bad request", "192.0.2.2", 1);
    say(&target, "TLS", "192.0.2.1", 1);
    ck_assert_int_eq(lines, 52);
    log_limit_free(target.log_limit);
    ck_assert_int_eq(lines, 53);
    ck_assert_ptr_nonnull(strstr(said, "192.0.2.1: 4950 more log lines suppressed: bad request\n"));
}
END_TEST

START_TEST(test_v6_by_its_network)
{
    struct target target = target_make(10, LONG_WINDOW);
    char ip[64];

    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(ip, sizeof(ip), "2001:db8:1:2::%x", i);
        say(&target, "bad request", ip, 1);
    }
    ck_assert_int_eq(lines, 10);
    say(&target, "bad request", "2001:db8:1:3::1", 1);
    ck_assert_int_eq(lines, 11);
    log_limit_free(target.log_limit);
    ck_assert_ptr_nonnull(strstr(said, "2001:db8:1:2::/64: 990 more"));
}
END_TEST

/* More addresses than entries: all of them together have a limit, too. */
START_TEST(test_many_addresses)
{
    struct target target = target_make(5, LONG_WINDOW);
    char ip[64];

    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(ip, sizeof(ip), "10.0.%u.%u", i / 250, i % 250);
        say(&target, "bad request", ip, 2);
    }
    ck_assert_int_eq(lines, 50);
    log_limit_free(target.log_limit);
    ck_assert_ptr_nonnull(strstr(said, "all addresses: 9950 more"));
}
END_TEST

/* The count is logged when the window is over, whether or not anything else happens. */
START_TEST(test_the_sum_of_dropped_lines_is_logged_later)
{
    struct target target = target_make(2, 20 * USEC_PER_MS);

    say(&target, "bad request", "192.0.2.1", 2);
    for (int round = 1; round <= 3; round++) {
        while (log_limit_pending(target.log_limit) == 0)
            say(&target, "bad request", "192.0.2.1", 1);
        while (log_limit_pending(target.log_limit) > 0)
            ck_assert_int_eq(co_sleep(USEC_PER_MS), CO_TIMEOUT);
        ck_assert_ptr_nonnull(strstr(said, "more log lines suppressed"));
        say(&target, "other", "192.0.2.1", 1);
    }
    log_limit_free(target.log_limit);
}
END_TEST

START_TEST(test_without_a_limit)
{
    struct target target = target_make(0, LONG_WINDOW);

    say(&target, "bad request", "192.0.2.1", 500);
    ck_assert_int_eq(lines, 500);
    log_limit_free(target.log_limit);
    target.log_limit = NULL;
    say(&target, "bad request", "192.0.2.1", 500);
    ck_assert_int_eq(lines, 1000);
}
END_TEST

START_TEST(test_the_line_shows_the_errno_of_the_error)
{
    struct target target = target_make(2, LONG_WINDOW);
    struct err *err = err_sys(ENOENT, "open");

    log_peer_err(&target, LOG_WARN, "bad request", "not an address", err, "x");
    ck_assert_ptr_nonnull(strstr(said, "[2] x\n"));
    err_free(err);
    errno = ENOENT;
    log_peer(&target, LOG_WARN, "bad request", "not an address", "y");
    ck_assert_ptr_nonnull(strstr(said, "[0] y\n"));
    log_limit_free(target.log_limit);
}
END_TEST

Suite *check_log_limit_suite(void)
{
    Suite *suite = suite_create("log_limit");
    TCase *tc = tcase_create("log_limit");

    tcase_add_checked_fixture(tc, http_test_runtime, NULL);
    tcase_add_test(tc, test_one_address);
    tcase_add_test(tc, test_v6_by_its_network);
    tcase_add_test(tc, test_many_addresses);
    tcase_add_test(tc, test_the_sum_of_dropped_lines_is_logged_later);
    tcase_add_test(tc, test_without_a_limit);
    tcase_add_test(tc, test_the_line_shows_the_errno_of_the_error);
    suite_add_tcase(suite, tc);
    return suite;
}
