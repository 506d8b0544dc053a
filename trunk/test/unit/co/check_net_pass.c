/* Connections handed to another process: they arrive intact, also for a later receiver; and the
 * limits. */
#include "co/net_pass.h"

#include "base/str.h"
#include "co_test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

Suite *check_net_pass_suite(void);

#define TCP      1 /* a kind of co_test_pair() */
#define MANY_MAX 100000

struct taking {
    struct net_conn *channel;
    struct net_conn *conn;
    struct err *err;
    uint8_t what;
    int done;
};

static void run_take(void *arg)
{
    struct taking *t = arg;

    t->err = net_pass_take(t->channel, &t->conn, &t->what, co_test_log());
    t->done = 1;
}

static struct co *start(struct taking *t)
{
    struct co *co = co_spawn_joinable(run_take, t);

    ck_assert_ptr_nonnull(co);
    co_yield ();
    return co;
}

/* A channel: the receiving end as a connection, and the descriptor to send to. */
static struct net_conn *channel_make(int *give)
{
    struct net_conn *channel;
    int fd[2];

    ck_assert_int_eq(net_pass_new(fd), 0);
    ck_assert_int_eq(fcntl(fd[0], F_GETFD) & fcntl(fd[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    co_test_ok(net_wrap_fd(fd[0], &channel));
    *give = fd[1];
    return channel;
}

static void check_say(struct net_conn *from, struct net_conn *to, const char *text)
{
    char buf[16];
    size_t got = 0;

    co_test_ok(io_write(&from->io, text, strlen(text), TEST_WAIT));
    while (got < strlen(text)) {
        size_t n;

        co_test_ok(io_read(&to->io, buf + got, sizeof(buf) - got, &n, TEST_WAIT));
        got += n;
    }
    ck_assert_mem_eq(buf, text, got);
}

/* The two are ends of one connection. */
static void check_talk(struct net_conn *a, struct net_conn *b)
{
    check_say(a, b, "there");
    check_say(b, a, "and back");
}

/* Sent to a receiver that already waits (_i == 0), and to one that waits later. */
START_TEST(a_connection_arrives)
{
    struct taking t = {0};
    struct net_conn *a;
    struct net_conn *b;
    struct co *co = NULL;
    int give;

    t.channel = channel_make(&give);
    co_test_pair(TCP, &a, &b);
    if (_i == 0)
        co = start(&t);
    ck_assert_int_eq(net_pass_give(give, b->fd, 3), 0);
    if (co == NULL)
        co = start(&t);
    co_test_until(&t.done);
    co_test_ok(t.err);
    ck_assert_uint_eq(t.what, 3);
    ck_assert_str_eq(t.conn->ip, "127.0.0.1");
    ck_assert_uint_eq(t.conn->port, b->port);
    ck_assert_int_eq(fcntl(t.conn->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(t.conn->fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    co_join(co);
    /* The sender's end is closed, and the connection continues. */
    net_free(b);
    check_talk(a, t.conn);
    net_free(a);
    net_free(t.conn);
    net_free(t.channel);
    close(give);
}
END_TEST

START_TEST(an_interrupt_ends_the_wait)
{
    struct taking t = {0};
    struct co *co;
    int give;

    t.channel = channel_make(&give);
    co = start(&t);
    co_interrupt(co);
    co_join(co);
    co_test_err(t.err, ERR_INTERRUPTED);
    net_free(t.channel);
    close(give);
}
END_TEST

START_TEST(a_channel_that_ends)
{
    struct taking t = {0};
    int give;

    t.channel = channel_make(&give);
    close(give);
    run_take(&t);
    co_test_err(t.err, ERR_SYS);
    net_free(t.channel);
}
END_TEST

/* A connection that its peer has closed meanwhile is left out; the next one is received. */
START_TEST(a_closed_connection_is_left_out)
{
    struct linger now = {1, 0};
    struct taking t = {0};
    struct net_conn *a[2];
    struct net_conn *b[2];
    int give;

    t.channel = channel_make(&give);
    for (int i = 0; i < 2; i++) {
        co_test_pair(TCP, &a[i], &b[i]);
        ck_assert_int_eq(net_pass_give(give, b[i]->fd, (uint8_t)i), 0);
    }
    ck_assert_int_eq(setsockopt(a[0]->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    net_free(a[0]); /* a reset, which loopback delivers at once */
    run_take(&t);
    co_test_ok(t.err);
    ck_assert_ptr_null(t.conn);
    run_take(&t);
    co_test_ok(t.err);
    ck_assert_uint_eq(t.what, 1);
    check_talk(a[1], t.conn);
    net_free(a[1]);
    net_free(t.conn);
    for (int i = 0; i < 2; i++)
        net_free(b[i]);
    net_free(t.channel);
    close(give);
}
END_TEST

/* Without a free descriptor one connection is lost and logged, and the next one is received. */
START_TEST(without_a_descriptor)
{
    struct rlimit before;
    struct rlimit tight;
    struct taking t = {0};
    struct net_conn *a;
    struct net_conn *b;
    int give;
    int fd;

    t.channel = channel_make(&give);
    co_test_pair(TCP, &a, &b);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    fd = dup(0);
    ck_assert_int_ge(fd, 0);
    close(fd);
    tight = before;
    tight.rlim_cur = (rlim_t)fd; /* the lowest free one */
    ck_assert_int_eq(net_pass_give(give, b->fd, 0), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    run_take(&t);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    co_test_ok(t.err);
    ck_assert_ptr_null(t.conn);
    ck_assert_int_eq(co_test_log_has("no free descriptor"), 1);
    ck_assert_int_eq(net_pass_give(give, b->fd, 1), 0);
    run_take(&t);
    co_test_ok(t.err);
    ck_assert_uint_eq(t.what, 1);
    check_talk(a, t.conn);
    net_free(a);
    net_free(b);
    net_free(t.conn);
    net_free(t.channel);
    close(give);
}
END_TEST

/* Nobody receives: the number of connections in the channel is bounded, and a sender that gets an
 * error keeps its connection. */
START_TEST(the_channel_is_bounded)
{
    struct net_conn *channel;
    struct net_conn *a;
    struct net_conn *b;
    int give;
    int count = 0;

    channel = channel_make(&give);
    co_test_pair(TCP, &a, &b);
    while (count < MANY_MAX && net_pass_give(give, b->fd, 0) == 0)
        count++;
    ck_assert_int_gt(count, 10);
    ck_assert_int_lt(count, MANY_MAX);
    for (int i = 0; i < count; i++) {
        struct net_conn *conn;
        uint8_t what;

        co_test_ok(net_pass_take(channel, &conn, &what, co_test_log()));
        net_free(conn);
    }
    check_talk(a, b);
    net_free(a);
    net_free(b);
    net_free(channel);
    close(give);
}
END_TEST

/* A byte without a connection, from a foreign sender. */
START_TEST(a_byte_without_a_descriptor_is_ignored)
{
    struct taking t = {0};
    int give;

    t.channel = channel_make(&give);
    ck_assert_int_eq(write(give, "x", 1), 1);
    run_take(&t);
    co_test_ok(t.err);
    ck_assert_ptr_null(t.conn);
    net_free(t.channel);
    close(give);
}
END_TEST

Suite *check_net_pass_suite(void)
{
    Suite *suite = suite_create("net_pass");
    TCase *tc = co_test_case(suite, "net_pass");

    tcase_add_loop_test(tc, a_connection_arrives, 0, 2);
    tcase_add_test(tc, an_interrupt_ends_the_wait);
    tcase_add_test(tc, a_channel_that_ends);
    tcase_add_test(tc, a_closed_connection_is_left_out);
    tcase_add_test(tc, without_a_descriptor);
    tcase_add_test(tc, the_channel_is_bounded);
    tcase_add_test(tc, a_byte_without_a_descriptor_is_ignored);
    return suite;
}
