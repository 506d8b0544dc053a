/*
 * The runtime under test: started at the first test's beginning and kept, since
 * there is one per process. See co_test.h for what may be done where.
 */
#include "co_test.h"

#include <string.h>
#include <sys/socket.h>

static char test_text[65536];
static size_t test_len;

static void test_write(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    if (len >= sizeof(test_text) - test_len)
        return;
    memcpy(test_text + test_len, line, len);
    test_len += len;
    test_text[test_len] = '\0';
}

const struct log *co_test_log(void)
{
    static struct log_sink sink = {test_write};
    static struct log log = {.level = LOG_DEBUG, .sink = &sink, .context = co_log_context};

    return &log;
}

int co_test_log_has(const char *text)
{
    int n = 0;

    for (const char *p = strstr(test_text, text); p != NULL; p = strstr(p + 1, text))
        n++;
    return n;
}

void co_test_log_clear(void)
{
    test_len = 0;
    test_text[0] = '\0';
}

static void test_start(void)
{
    if (co_self() == NULL)
        co_test_ok(co_init(co_test_log()));
    co_test_log_clear();
}

TCase *co_test_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, test_start, NULL);
    suite_add_tcase(suite, tc);
    return tc;
}

void co_test_ok(struct err *err)
{
    ck_assert_msg(err == NULL, "%s", err != NULL ? err_text(err) : "");
}

void co_test_err(struct err *err, enum err_code code)
{
    ck_assert_msg(err != NULL, "no error");
    ck_assert_msg(err_code(err) == code, "code %d: %s", (int)err_code(err), err_text(err));
    err_free(err);
}

static void test_tcp(struct net_conn **a, struct net_conn **b)
{
    struct net_listener *listener;

    co_test_ok(net_listen("127.0.0.1:0", &listener));
    co_test_ok(net_connect("127.0.0.1", net_listener_port(listener), a, TEST_WAIT));
    co_test_ok(net_accept(listener, b, co_test_log(), TEST_WAIT));
    net_listener_close(listener);
}

void co_test_pair(int kind, struct net_conn **a, struct net_conn **b)
{
    int fd[2];

    if (kind == 1) {
        test_tcp(a, b);
        return;
    }
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    co_test_ok(net_wrap_fd(fd[0], a));
    co_test_ok(net_wrap_fd(fd[1], b));
}

void co_test_until(const int *flag)
{
    usec_t deadline = co_deadline(TEST_WAIT);

    while (!*(const volatile int *)flag) {
        ck_assert_msg(co_left(deadline) > 0, "it never came");
        co_yield ();
    }
}
