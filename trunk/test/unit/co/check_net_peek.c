/* Peeking at readable bytes: they stay, peeking waits for more, and the end is reported. */
#include "co_test.h"

#include <string.h>
#include <sys/socket.h>

Suite *check_net_peek_suite(void);

#define TCP 1 /* a kind of co_test_pair() */

struct look {
    struct net_conn *conn;
    struct err *err;
    size_t got;
    int done;
    char buf[16];
};

static void run_peek(void *arg)
{
    struct look *look = arg;

    look->err = net_peek(look->conn, look->buf, sizeof(look->buf), &look->got, TEST_WAIT);
    look->done = 1;
}

static struct co *start(struct look *look)
{
    struct co *co = co_spawn_joinable(run_peek, look);

    ck_assert_ptr_nonnull(co);
    co_yield ();
    return co;
}

/* Peeks again until there are enough bytes, because pieces arrive one by one. */
static void peek_until(struct net_conn *conn, char *buf, size_t cap, size_t wanted)
{
    size_t got = 0;

    while (got < wanted)
        co_test_ok(net_peek(conn, buf, cap, &got, TEST_WAIT));
    ck_assert_uint_eq(got, wanted);
}

START_TEST(peeked_bytes_are_not_consumed)
{
    struct net_conn *a;
    struct net_conn *b;
    char buf[16] = "";
    size_t got;

    co_test_pair(TCP, &a, &b);
    co_test_ok(io_write(&a->io, "hello", 5, TEST_WAIT));
    for (int i = 0; i < 3; i++) {
        peek_until(b, buf, sizeof(buf), 5);
        ck_assert_mem_eq(buf, "hello", 5);
    }
    ck_assert_uint_eq(b->bytes_in, 0);
    /* Not more than the buffer holds; and then everything can still be read. */
    got = 0;
    co_test_ok(net_peek(b, buf, 2, &got, TEST_WAIT));
    ck_assert_uint_eq(got, 2);
    co_test_ok(io_read(&b->io, buf, 2, &got, TEST_WAIT));
    ck_assert_uint_eq(got, 2);
    peek_until(b, buf, sizeof(buf), 3);
    ck_assert_mem_eq(buf, "llo", 3);
    co_test_ok(io_read(&b->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_uint_eq(got, 3);
    net_free(a);
    net_free(b);
}
END_TEST

START_TEST(more_is_waited_for)
{
    struct look look = {.done = 0};
    struct net_conn *a;
    struct net_conn *b;
    struct co *co;

    co_test_pair(TCP, &a, &b);
    look.conn = b;
    for (size_t n = 0; n < 8; n++) {
        co = start(&look);
        ck_assert_int_eq(look.done, 0);
        co_test_ok(io_write(&a->io, &"PROXY TC"[n], 1, TEST_WAIT));
        co_join(co);
        co_test_ok(look.err);
        ck_assert_uint_eq(look.got, n + 1);
        ck_assert_mem_eq(look.buf, "PROXY TC", n + 1);
        look.done = 0;
    }
    co_test_err(net_peek(b, look.buf, sizeof(look.buf), &look.got, 3000), ERR_TIMEOUT);
    ck_assert_uint_eq(look.got, 8);
    co_test_err(net_peek(b, look.buf, sizeof(look.buf), &look.got, 0), ERR_TIMEOUT);
    net_free(a);
    net_free(b);
}
END_TEST

START_TEST(an_end_is_told)
{
    struct look look = {.done = 0};
    struct net_conn *a;
    struct net_conn *b;
    struct co *co;
    size_t got;

    co_test_pair(TCP, &a, &b);
    look.conn = b;
    co_test_ok(io_write(&a->io, "PRO", 3, TEST_WAIT));
    peek_until(b, look.buf, sizeof(look.buf), 3);
    look.got = 3;
    co = start(&look);
    ck_assert_int_eq(look.done, 0);
    ck_assert_int_eq(shutdown(a->fd, SHUT_WR), 0);
    co_join(co);
    co_test_err(look.err, ERR_CLOSED);
    /* What arrived before the end is still there. */
    peek_until(b, look.buf, sizeof(look.buf), 3);
    co_test_ok(io_read(&b->io, look.buf, sizeof(look.buf), &got, TEST_WAIT));
    got = 0;
    co_test_err(net_peek(b, look.buf, sizeof(look.buf), &got, TEST_WAIT), ERR_CLOSED);
    net_free(a);
    net_free(b);
}
END_TEST

START_TEST(ends_with_the_connection_and_by_interrupt)
{
    for (int way = 0; way < 2; way++) {
        struct look look = {.done = 0};
        struct net_conn *a;
        struct net_conn *b;
        struct co *co;

        co_test_pair(TCP, &a, &b);
        look.conn = b;
        co = start(&look);
        ck_assert_int_eq(look.done, 0);
        if (way == 0)
            io_close(&b->io);
        else
            co_interrupt(co);
        co_join(co);
        co_test_err(look.err, way == 0 ? ERR_CLOSED : ERR_INTERRUPTED);
        net_free(a);
        net_free(b);
    }
}
END_TEST

/* Whether there is data, also while reading is delayed and few bytes wake no coroutine. */
START_TEST(is_there_more)
{
    struct net_conn *a;
    struct net_conn *b;
    char buf[16];
    size_t got;

    co_test_pair(TCP, &a, &b);
    ck_assert_int_eq(net_has_more(b), 0);
    net_delay_read(b, 1000, co_now() + USEC_PER_MS);
    ck_assert_int_eq(net_has_more(b), 0);
    co_test_ok(io_write(&a->io, "hello", 5, TEST_WAIT));
    while (!net_has_more(b))
        co_yield ();
    for (size_t left = 5; left > 0; left -= got) {
        ck_assert_int_eq(net_has_more(b), 1);
        co_test_ok(io_read(&b->io, buf, left, &got, TEST_WAIT));
    }
    ck_assert_int_eq(net_has_more(b), 0);
    /* An end differs from no data; a connection closed here has ended. */
    net_free(a);
    while (!net_has_more(b))
        co_yield ();
    io_close(&b->io);
    ck_assert_int_eq(net_has_more(b), 1);
    net_free(b);
}
END_TEST

Suite *check_net_peek_suite(void)
{
    Suite *suite = suite_create("net_peek");
    TCase *tc = co_test_case(suite, "net_peek");

    tcase_add_test(tc, peeked_bytes_are_not_consumed);
    tcase_add_test(tc, more_is_waited_for);
    tcase_add_test(tc, is_there_more);
    tcase_add_test(tc, an_end_is_told);
    tcase_add_test(tc, ends_with_the_connection_and_by_interrupt);
    return suite;
}
