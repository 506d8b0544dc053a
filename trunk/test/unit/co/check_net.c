/*
 * A connection over a pair of sockets: reading and writing with deadlines, which event wakes which
 * coroutine, closing from outside, and what remains of a freed one.
 */
#include "co_test.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

Suite *check_net_suite(void);

#define LOTS (4 * 1024 * 1024)

struct side {
    struct net_conn *conn;
    struct err *err;
    usec_t timeout;
    int events; /* to wait for */
    int got;    /* what net_wait() answered */
    int done;
    size_t bytes;
    unsigned sum;
};

static void run_read(void *arg)
{
    struct side *s = arg;
    char buf[64];

    s->err = io_read(&s->conn->io, buf, sizeof(buf), &s->bytes, s->timeout);
    s->done = 1;
}

static void run_wait(void *arg)
{
    struct side *s = arg;

    s->got = net_wait(s->conn, s->events, s->timeout);
    s->done = 1;
}

static struct co *start(void (*fn)(void *), struct side *s)
{
    struct co *co = co_spawn_joinable(fn, s);

    ck_assert_ptr_nonnull(co);
    co_yield ();
    ck_assert_int_eq(s->done, 0);
    return co;
}

static void free_both(struct net_conn *a, struct net_conn *b)
{
    net_free(a);
    net_free(b);
}

/* Writes until the kernel accepts no more. */
static size_t fill(struct net_conn *conn)
{
    static char block[65536];
    struct iovec iov = {block, sizeof(block)};
    size_t sum = 0;
    ssize_t n;

    while ((n = net_try_writev(conn, &iov, 1)) > 0)
        sum += (size_t)n;
    ck_assert_int_eq(n, -1);
    ck_assert_int_eq(errno, EAGAIN);
    return sum;
}

static void drain(struct net_conn *conn, size_t len)
{
    static char block[65536];
    size_t got;

    for (; len > 0; len -= got)
        co_test_ok(
            io_read(&conn->io, block, len < sizeof(block) ? len : sizeof(block), &got, TEST_WAIT));
}

START_TEST(read_what_is_written)
{
    struct net_conn *a;
    struct net_conn *b;
    char buf[16];
    size_t got;

    co_test_pair(_i, &a, &b);
    co_test_ok(io_write(&a->io, "hello", 5, TEST_WAIT));
    co_test_ok(io_read(&b->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_uint_eq(got, 5);
    ck_assert_mem_eq(buf, "hello", 5);
    ck_assert_uint_eq(a->bytes_out, 5);
    ck_assert_uint_eq(b->bytes_in, 5);
    ck_assert_str_eq(a->ip, _i == 0 ? "" : "127.0.0.1");
    free_both(a, b);
    net_free(NULL);
}
END_TEST

START_TEST(read_waits_and_times_out)
{
    struct net_conn *a;
    struct net_conn *b;
    struct side s = {.timeout = TEST_WAIT};
    usec_t from = clock_now();
    char buf[16];
    size_t got;

    co_test_pair(_i, &a, &b);
    s.conn = b;
    struct co *co = start(run_read, &s);
    co_test_ok(io_write(&a->io, "xyz", 3, TEST_WAIT));
    co_join(co);
    co_test_ok(s.err);
    ck_assert_uint_eq(s.bytes, 3);
    co_test_err(io_read(&b->io, buf, sizeof(buf), &got, 3000), ERR_TIMEOUT);
    ck_assert_int_ge(clock_now() - from, 3000);
    co_test_err(io_read(&b->io, buf, sizeof(buf), &got, 0), ERR_TIMEOUT);
    free_both(a, b);
}
END_TEST

START_TEST(end_of_stream)
{
    struct net_conn *a;
    struct net_conn *b;
    usec_t deadline = co_deadline(TEST_WAIT);
    struct err *err;
    char buf[4];
    size_t got;

    co_test_pair(_i, &a, &b);
    co_test_ok(io_write(&a->io, "12345", 5, TEST_WAIT));
    net_free(a);
    ck_assert_int_ne(net_wait(b, NET_IN, TEST_WAIT) & NET_IN, 0);
    co_test_ok(io_read(&b->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_uint_eq(got, 4);
    co_test_ok(io_read(&b->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_uint_eq(got, 1); /* a short read, but there is more: the end */
    co_test_err(io_read(&b->io, buf, sizeof(buf), &got, TEST_WAIT), ERR_CLOSED);
    ck_assert_int_ne(net_wait(b, NET_IN, TEST_WAIT) & NET_HUP, 0);
    /* Over TCP the first write is still sent; a reset is the answer. */
    do
        err = io_write(&b->io, "x", 1, TEST_WAIT);
    while (err == NULL && co_left(deadline) > 0);
    co_test_err(err, ERR_CLOSED); /* and no SIGPIPE */
    net_free(b);
}
END_TEST

static void run_drain(void *arg)
{
    struct side *s = arg;
    uint8_t buf[5000];
    size_t got;

    while (s->bytes < LOTS) {
        s->err = io_read(&s->conn->io, buf, sizeof(buf), &got, TEST_WAIT);
        if (s->err != NULL)
            break;
        s->bytes += got;
        for (size_t i = 0; i < got; i++)
            s->sum = s->sum * 31 + buf[i];
    }
    s->done = 1;
}

START_TEST(writev_of_many_spans_arrives_whole)
{
    static uint8_t data[LOTS];
    static struct iovec iov[IOV_MAX + 500];
    const int spans = IOV_MAX + 500;
    struct net_conn *a;
    struct net_conn *b;
    struct side s = {.sum = 0};
    unsigned sum = 0;
    size_t at = 0;

    for (size_t i = 0; i < LOTS; i++) {
        data[i] = (uint8_t)(i * 7 + (i >> 9));
        sum = sum * 31 + data[i];
    }
    for (int i = 0; i < spans; i++) {
        size_t len = i == spans - 1 ? LOTS - at : (size_t)(i % 5) * 700; /* also empty ones */

        iov[i].iov_base = data + at;
        iov[i].iov_len = len;
        at += len;
    }
    co_test_pair(_i, &a, &b);
    s.conn = b;
    struct co *co = start(run_drain, &s);
    co_test_ok(io_writev(&a->io, iov, spans, TEST_WAIT));
    co_join(co);
    co_test_ok(s.err);
    ck_assert_uint_eq(s.bytes, LOTS);
    ck_assert_uint_eq(s.sum, sum);
    co_test_ok(io_writev(&a->io, iov, 1, TEST_WAIT)); /* iov[0] is empty: nothing to do */
    free_both(a, b);
}
END_TEST

/* A reader that reads something every millisecond does not extend a write's deadline. */
static void run_trickle(void *arg)
{
    static char buf[65536];
    struct side *s = arg;
    size_t got;

    while (!s->done) {
        err_free(io_read(&s->conn->io, buf, sizeof(buf), &got, TEST_WAIT));
        (void)co_sleep(1000);
    }
}

START_TEST(one_deadline_for_the_whole_write)
{
    static char data[LOTS];
    struct net_conn *a;
    struct net_conn *b;
    struct side s = {.done = 0};
    usec_t from = clock_now();
    int small = 65536;

    co_test_pair(_i, &a, &b);
    ck_assert_int_eq(setsockopt(a->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    ck_assert_int_eq(setsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    s.conn = b;
    struct co *co = start(run_trickle, &s);
    /* At 64 KB a millisecond it would take 64. */
    co_test_err(io_write(&a->io, data, sizeof(data), 20 * USEC_PER_MS), ERR_TIMEOUT);
    ck_assert_int_ge(clock_now() - from, 20 * USEC_PER_MS);
    ck_assert_uint_gt(a->bytes_out, 2 * (size_t)small); /* so it waited more than once */
    s.done = 1;
    io_close(&b->io);
    co_join(co);
    free_both(a, b);
}
END_TEST

START_TEST(close_by_another_ends_a_read)
{
    struct net_conn *a;
    struct net_conn *b;
    struct side s = {.timeout = USEC_NEVER};
    struct iovec iov = {(char *)"x", 1};
    char c;
    size_t got;

    co_test_pair(_i, &a, &b);
    s.conn = b;
    struct co *co = start(run_read, &s);
    io_close(&b->io);
    io_close(&b->io);
    co_join(co);
    co_test_err(s.err, ERR_CLOSED);
    ck_assert_int_eq(net_try_read(b, &c, 1), -1);
    ck_assert_int_eq(errno, ESHUTDOWN);
    ck_assert_int_eq(net_try_writev(b, &iov, 1), -1);
    ck_assert_int_eq(errno, ESHUTDOWN);
    ck_assert_int_ne(net_wait(b, NET_IN, USEC_NEVER) & NET_HUP, 0);
    co_test_err(io_read(&b->io, &c, 1, &got, USEC_NEVER), ERR_CLOSED);
    co_test_err(io_write(&b->io, &c, 1, USEC_NEVER), ERR_CLOSED);
    /* The peer sees the end at once, before net_free(). */
    co_test_err(io_read(&a->io, &c, 1, &got, TEST_WAIT), ERR_CLOSED);
    free_both(a, b);
}
END_TEST

static void run_fill(void *arg)
{
    static char data[LOTS];
    struct side *s = arg;

    s->err = io_write(&s->conn->io, data, sizeof(data), s->timeout);
    s->done = 1;
}

START_TEST(close_and_interrupt_end_a_write_and_a_wait)
{
    for (int how = 0; how < 4; how++) {
        struct net_conn *a;
        struct net_conn *b;
        struct side s = {.timeout = USEC_NEVER, .events = NET_IN};

        co_test_pair(_i, &a, &b);
        s.conn = b;
        struct co *co = start(how & 1 ? run_fill : run_wait, &s);
        if (how & 2)
            co_interrupt(co);
        else
            io_close(&b->io);
        co_join(co);
        if (how & 1)
            co_test_err(s.err, how & 2 ? ERR_INTERRUPTED : ERR_CLOSED);
        else if (how & 2)
            ck_assert_int_eq(s.got, -1);
        else
            ck_assert_int_ne(s.got & NET_HUP, 0);
        free_both(a, b);
    }
}
END_TEST

START_TEST(net_wake_owner_is_remembered_until_the_next_wait)
{
    struct net_conn *a;
    struct net_conn *b;
    char buf[4];
    size_t got;

    co_test_pair(_i, &a, &b);
    net_wake_owner(b);
    net_wake_owner(b);
    /* A read doesn't take it. */
    co_test_err(io_read(&b->io, buf, 1, &got, 1000), ERR_TIMEOUT);
    ck_assert_int_eq(net_wait(b, NET_IN, TEST_WAIT), NET_KICK);
    ck_assert_int_eq(net_wait(b, NET_IN, 1000), 0);
    ck_assert_int_eq(net_wait(b, NET_IN, 0), 0);
    free_both(a, b);
}
END_TEST

START_TEST(net_wake_owner_wakes_the_waiting_coroutine)
{
    struct net_conn *a;
    struct net_conn *b;
    struct side s = {.timeout = USEC_NEVER, .events = NET_IN};

    co_test_pair(_i, &a, &b);
    s.conn = b;
    struct co *co = start(run_wait, &s);
    net_wake_owner(b);
    co_join(co);
    ck_assert_int_eq(s.got, NET_KICK);
    /* But not one that reads. */
    s = (struct side){.conn = b, .timeout = USEC_NEVER};
    co = start(run_read, &s);
    net_wake_owner(b);
    co_yield ();
    co_yield ();
    ck_assert_int_eq(s.done, 0);
    co_test_ok(io_write(&a->io, "x", 1, TEST_WAIT));
    co_join(co);
    co_test_ok(s.err);
    ck_assert_int_eq(net_wait(b, NET_IN, TEST_WAIT) & NET_KICK, NET_KICK);
    free_both(a, b);
}
END_TEST

START_TEST(room_to_write_wakes_no_reader)
{
    struct net_conn *a;
    struct net_conn *b;
    struct side s = {.timeout = USEC_NEVER, .events = NET_IN};
    usec_t deadline = co_deadline(TEST_WAIT);
    size_t len;

    co_test_pair(_i, &a, &b);
    s.conn = a;
    struct co *co = start(run_wait, &s);
    len = fill(a); /* by another coroutine than the one that waits */
    ck_assert_int_eq(a->ready & NET_OUT, 0);
    drain(b, len);
    while (!(a->ready & NET_OUT)) { /* the bit comes ... */
        ck_assert_int_gt(co_left(deadline), 0);
        co_yield ();
    }
    co_yield ();
    ck_assert_int_eq(s.done, 0); /* ... and wakes nobody */
    net_wake_owner(a);
    co_join(co);
    ck_assert_int_eq(s.got, NET_KICK);
    /* Full again: now it waits for both, as a kicked viewer does. */
    len = fill(a);
    s = (struct side){.conn = a, .timeout = USEC_NEVER, .events = NET_IN | NET_OUT};
    co = start(run_wait, &s);
    drain(b, len);
    co_join(co);
    ck_assert_int_eq(s.got, NET_OUT);
    free_both(a, b);
}
END_TEST

/* With net_delay_read() a few bytes wake no coroutine; the first byte wakes a net_wait() after it.
 */
START_TEST(a_wait_after_a_delay_is_woken_by_the_first_byte)
{
    struct side side = {.events = NET_IN, .timeout = TEST_WAIT};
    struct net_conn *other;
    struct co *co;
    char byte;

    co_test_pair(1, &side.conn, &other);
    net_delay_read(side.conn, 1000, co_now() + 1);
    ck_assert_int_eq((int)net_try_read(side.conn, &byte, 1), -1);
    co = start(run_wait, &side);
    co_test_ok(io_write(&other->io, "x", 1, TEST_WAIT));
    co_join(co);
    ck_assert_int_eq(side.got & NET_IN, NET_IN);
    ck_assert_int_eq((int)net_try_read(side.conn, &byte, 1), 1);
    free_both(side.conn, other);
}
END_TEST

START_TEST(a_pair_is_connected)
{
    struct net_conn *one;
    struct net_conn *other;
    char buf[16];
    size_t got;

    co_test_ok(net_pair(&one, &other));
    co_test_ok(io_write(&one->io, "to", 2, TEST_WAIT));
    co_test_ok(io_read(&other->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_uint_eq(got, 2);
    /* What was written before a close is still read, and then the end. */
    co_test_ok(io_write(&other->io, "fro", 3, TEST_WAIT));
    io_close(&other->io);
    co_test_ok(io_read(&one->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_uint_eq(got, 3);
    co_test_err(io_read(&one->io, buf, sizeof(buf), &got, TEST_WAIT), ERR_CLOSED);
    free_both(one, other);
}
END_TEST

START_TEST(free_with_events_under_way)
{
    struct net_conn *a;
    struct net_conn *b;

    for (int i = 0; i < 500; i++) {
        int copy;

        co_test_pair(_i, &a, &b);
        copy = dup(b->fd); /* keeps the socket open beyond net_free(), as a fork would */
        co_test_ok(io_write(&a->io, "x", 1, TEST_WAIT));
        net_free(b);
        ck_assert_int_eq(send(a->fd, "y", 1, 0), 1);
        if (i % 8 == 0)
            co_yield ();
        net_free(a);
        close(copy);
    }
    co_yield ();
}
END_TEST

Suite *check_net_suite(void)
{
    Suite *suite = suite_create("net");
    TCase *tc = co_test_case(suite, "net");

    tcase_add_loop_test(tc, read_what_is_written, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, read_waits_and_times_out, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, end_of_stream, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, writev_of_many_spans_arrives_whole, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, one_deadline_for_the_whole_write, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, close_by_another_ends_a_read, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, close_and_interrupt_end_a_write_and_a_wait, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, net_wake_owner_is_remembered_until_the_next_wait, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, net_wake_owner_wakes_the_waiting_coroutine, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, room_to_write_wakes_no_reader, 0, CO_TEST_KINDS);
    tcase_add_test(tc, a_wait_after_a_delay_is_woken_by_the_first_byte);
    tcase_add_test(tc, a_pair_is_connected);
    tcase_add_loop_test(tc, free_with_events_under_way, 0, CO_TEST_KINDS);
    return suite;
}
