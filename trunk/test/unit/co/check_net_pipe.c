/* Connections in memory: reading, writing, waiting, limits, and either end closing first. */
#include "co/net_pipe.h"

#include "co_test.h"

#include <errno.h>
#include <string.h>

Suite *check_net_pipe_suite(void);

#define IN_MAX  64
#define OUT_MAX 100

struct ends {
    struct net_conn *conn;
    struct net_pipe *pipe;
    int changes;
    char got[256];
    size_t got_len;
    struct err *err;
    int is_done;
};

static void changed(void *arg)
{
    ((struct ends *)arg)->changes++;
}

static void ends_open(struct ends *ends)
{
    struct net_pipe_options options = {IN_MAX, OUT_MAX, changed, ends};
    struct err *err;

    memset(ends, 0, sizeof(*ends));
    err = net_pipe_new(&options, &ends->conn, &ends->pipe);
    ck_assert_ptr_null(err);
}

static size_t written(struct ends *ends)
{
    const uint8_t *data;

    return net_pipe_peek(ends->pipe, &data);
}

START_TEST(reads_what_is_put)
{
    struct ends ends;
    char got[8];
    size_t len = 0;

    ends_open(&ends);
    errno = 0;
    ck_assert_int_eq(net_try_read(ends.conn, got, sizeof(got)), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(net_pipe_put(ends.pipe, "hello", 5), 0);
    ck_assert_uint_eq(net_pipe_unread(ends.pipe), 5);
    ck_assert_ptr_null(io_read(&ends.conn->io, got, 3, &len, USEC_PER_SEC));
    ck_assert_uint_eq(len, 3);
    ck_assert_int_eq(memcmp(got, "hel", 3), 0);
    ck_assert_int_eq(ends.changes, 1);
    ck_assert(net_has_more(ends.conn));
    net_pipe_end(ends.pipe);
    ck_assert_int_eq(net_try_read(ends.conn, got, sizeof(got)), 2);
    ck_assert_int_eq(net_try_read(ends.conn, got, sizeof(got)), 0);
    ck_assert(net_wait(ends.conn, NET_IN, 0) & NET_HUP);
    net_free(ends.conn);
    net_pipe_free(ends.pipe);
}
END_TEST

START_TEST(input_is_limited)
{
    struct ends ends;
    char many[IN_MAX] = "";

    ends_open(&ends);
    ck_assert_int_eq(net_pipe_put(ends.pipe, many, sizeof(many)), 0);
    ck_assert_int_eq(net_pipe_put(ends.pipe, "x", 1), -1);
    ck_assert_uint_eq(net_pipe_unread(ends.pipe), IN_MAX);
    net_pipe_free(ends.pipe);
    net_free(ends.conn);
}
END_TEST

START_TEST(output_is_limited)
{
    struct ends ends;
    char many[OUT_MAX + 20] = "";
    struct iovec iov[2] = {{many, 30}, {many, OUT_MAX}};
    const uint8_t *data;

    ends_open(&ends);
    ck_assert_int_eq(net_try_writev(ends.conn, iov, 2), OUT_MAX);
    ck_assert_int_eq(net_try_writev(ends.conn, iov, 1), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(net_wait(ends.conn, NET_OUT, 0), 0);
    ck_assert_uint_eq(net_pipe_peek(ends.pipe, &data), OUT_MAX);
    ck_assert_int_eq(memcmp(data, many, OUT_MAX), 0);
    net_pipe_consume(ends.pipe, 10);
    ck_assert_int_eq(net_wait(ends.conn, NET_OUT, 0), 0);
    net_pipe_consume(ends.pipe, 60);
    ck_assert_int_eq(net_wait(ends.conn, NET_OUT, 0), NET_OUT);
    ck_assert_int_eq(net_try_writev(ends.conn, iov, 1), 30);
    ck_assert_uint_eq(written(&ends), 60);
    ck_assert_uint_eq(ends.conn->bytes_out, OUT_MAX + 30);
    net_free(ends.conn);
    /* What was written can still be taken. */
    ck_assert(net_pipe_is_over(ends.pipe));
    ck_assert_uint_eq(written(&ends), 60);
    net_pipe_free(ends.pipe);
}
END_TEST

static void reader_run(void *arg)
{
    struct ends *ends = arg;

    ends->err = io_read(&ends->conn->io, ends->got, sizeof(ends->got), &ends->got_len, USEC_NEVER);
    ends->is_done = 1;
}

START_TEST(put_wakes_the_reader)
{
    struct ends ends;

    ends_open(&ends);
    ck_assert_ptr_nonnull(co_spawn(reader_run, &ends));
    co_yield ();
    ck_assert(!ends.is_done);
    ck_assert_int_eq(net_pipe_put(ends.pipe, "x", 1), 0);
    co_yield ();
    ck_assert(ends.is_done);
    ck_assert_ptr_null(ends.err);
    ck_assert_uint_eq(ends.got_len, 1);
    net_pipe_free(ends.pipe);
    net_free(ends.conn);
}
END_TEST

static void writer_run(void *arg)
{
    static const char many[3 * OUT_MAX];
    struct ends *ends = arg;

    ends->err = io_write(&ends->conn->io, many, sizeof(many), USEC_NEVER);
    ends->is_done = 1;
}

START_TEST(consume_wakes_the_writer)
{
    struct ends ends;
    size_t total = 0;

    ends_open(&ends);
    ck_assert_ptr_nonnull(co_spawn(writer_run, &ends));
    for (int i = 0; i < 20 && !ends.is_done; i++) {
        co_yield ();
        total += written(&ends);
        net_pipe_consume(ends.pipe, written(&ends));
    }
    ck_assert(ends.is_done);
    ck_assert_ptr_null(ends.err);
    ck_assert_uint_eq(total + written(&ends), 3 * OUT_MAX);
    net_free(ends.conn);
    net_pipe_free(ends.pipe);
}
END_TEST

START_TEST(freed_pipe_ends_the_connection)
{
    struct iovec iov = {"x", 1};
    struct ends ends;
    char got[8];

    ends_open(&ends);
    ck_assert_ptr_nonnull(co_spawn(writer_run, &ends));
    co_yield ();
    net_pipe_free(ends.pipe);
    co_yield ();
    ck_assert(ends.is_done);
    ck_assert_ptr_nonnull(ends.err);
    ck_assert_int_eq(err_code(ends.err), ERR_CLOSED);
    err_free(ends.err);
    ck_assert_int_eq(net_try_read(ends.conn, got, sizeof(got)), 0);
    ck_assert_int_eq(net_try_writev(ends.conn, &iov, 1), -1);
    ck_assert_int_eq(errno, EPIPE);
    net_free(ends.conn);
}
END_TEST

START_TEST(closed_connection)
{
    struct ends ends;

    ends_open(&ends);
    ck_assert(!net_pipe_is_over(ends.pipe));
    io_close(&ends.conn->io);
    ck_assert(net_pipe_is_over(ends.pipe));
    ends.changes = 0;
    net_free(ends.conn);
    ck_assert_int_eq(ends.changes, 1);
    ck_assert_int_eq(net_pipe_put(ends.pipe, "x", 1), 0);
    net_pipe_end(ends.pipe);
    net_pipe_free(ends.pipe);
    net_pipe_free(NULL);
}
END_TEST

Suite *check_net_pipe_suite(void)
{
    Suite *suite = suite_create("net_pipe");
    TCase *tc = co_test_case(suite, "net_pipe");

    tcase_add_test(tc, reads_what_is_put);
    tcase_add_test(tc, input_is_limited);
    tcase_add_test(tc, output_is_limited);
    tcase_add_test(tc, put_wakes_the_reader);
    tcase_add_test(tc, consume_wakes_the_writer);
    tcase_add_test(tc, freed_pipe_ends_the_connection);
    tcase_add_test(tc, closed_connection);
    suite_add_tcase(suite, tc);
    return suite;
}
