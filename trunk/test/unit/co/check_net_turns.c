/*
 * Turns: a coroutine whose connection is always ready still lets others run.
 */
#include "co_test.h"

#include <sys/socket.h>

Suite *check_net_turns_suite(void);

struct busy {
    struct net_conn *conn;
    struct err *err;
    int peer; /* the other end's descriptor */
    int stop, done;
    int got; /* what net_wait() answered */
    size_t bytes;
};

static struct co *start(void (*fn)(void *), struct busy *busy)
{
    struct co *co = co_spawn_joinable(fn, busy);

    ck_assert_ptr_nonnull(co);
    co_yield ();
    ck_assert_int_eq(busy->done, 0);
    return co;
}

static void run_talk_to_oneself(void *arg)
{
    struct busy *busy = arg;
    char c = 'x';
    size_t got;

    /* Never an EAGAIN: what is read was just written. */
    for (int i = 0; i < 1000 && busy->err == NULL; i++) {
        if (send(busy->peer, &c, 1, 0) != 1)
            break;
        busy->err = io_read(&busy->conn->io, &c, 1, &got, TEST_WAIT);
        busy->bytes += got;
    }
    busy->done = 1;
}

START_TEST(a_reader_that_never_waits_yields)
{
    struct net_conn *a;
    struct net_conn *b;
    struct busy busy = {.done = 0};
    struct co *co;
    int turns = 0;

    co_test_pair(_i, &a, &b);
    busy.conn = a;
    busy.peer = b->fd;
    co = start(run_talk_to_oneself, &busy);
    while (!busy.done) {
        co_yield ();
        turns++;
    }
    co_join(co);
    co_test_ok(busy.err);
    ck_assert_uint_eq(busy.bytes, 1000);
    ck_assert_int_ge(turns, 10);
    net_free(a);
    net_free(b);
}
END_TEST

static void run_wait_for_what_is_there(void *arg)
{
    struct busy *busy = arg;

    while (!busy->stop)
        busy->got = net_wait(busy->conn, NET_OUT, TEST_WAIT);
    busy->done = 1;
}

START_TEST(a_wait_that_is_always_over_yields)
{
    struct net_conn *a;
    struct net_conn *b;
    struct busy busy = {.done = 0};
    struct co *co;

    co_test_pair(_i, &a, &b);
    busy.conn = a;
    co = start(run_wait_for_what_is_there, &busy);
    co_yield (); /* comes back only because net_wait() yields */
    busy.stop = 1;
    co_join(co);
    ck_assert_int_eq(busy.got, NET_OUT);
    net_free(a);
    net_free(b);
}
END_TEST

Suite *check_net_turns_suite(void)
{
    Suite *suite = suite_create("net_turns");
    TCase *tc = co_test_case(suite, "turns");

    tcase_add_loop_test(tc, a_reader_that_never_waits_yields, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, a_wait_that_is_always_over_yields, 0, CO_TEST_KINDS);
    return suite;
}
