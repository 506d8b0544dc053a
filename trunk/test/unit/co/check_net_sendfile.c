/* Files sent by the kernel: every byte, a slow or disconnecting peer, a file that is too short. */
#include "co_test.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

Suite *check_net_sendfile_suite(void);

#define SIZE ((size_t)8 * 1024 * 1024)

struct reader {
    struct net_conn *conn;
    size_t first; /* where in the file the first byte is from */
    size_t total, bad;
    int is_holding; /* does not read while it is set */
    int done;
};

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i % 251);
}

static int file_make(void)
{
    static uint8_t block[251 * 100];
    int fd = memfd_create("sendfile", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = byte_at(i);
    for (size_t at = 0; at < SIZE; at += sizeof(block)) {
        size_t len = SIZE - at < sizeof(block) ? SIZE - at : sizeof(block);

        ck_assert_int_eq(pwrite(fd, block, len, (off_t)at), (ssize_t)len);
    }
    return fd;
}

static void run_reader(void *arg)
{
    struct reader *r = arg;
    static uint8_t buf[65536];
    struct err *err = NULL;
    size_t got = 0;

    while (r->is_holding)
        (void)co_sleep(USEC_PER_MS);
    while (err == NULL) {
        err = io_read(&r->conn->io, buf, sizeof(buf), &got, TEST_WAIT);
        for (size_t i = 0; err == NULL && i < got; i++)
            r->bad += buf[i] != byte_at(r->first + r->total + i);
        r->total += err == NULL ? got : 0;
    }
    err_free(err);
    r->done = 1;
}

static void run_release(void *arg)
{
    (void)co_sleep(50 * USEC_PER_MS);
    *(int *)arg = 0;
}

START_TEST(all_of_it)
{
    static const size_t parts[][2] = {{0, SIZE}, {0, 1}, {SIZE - 1, 1}, {12345, 3000000}, {5, 0}};
    int fd = file_make();

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct reader reader = {.first = parts[i][0]};
        struct net_conn *conn;

        co_test_pair(1, &conn, &reader.conn);
        ck_assert(net_can_sendfile(conn));
        ck_assert_ptr_nonnull(co_spawn(run_reader, &reader));
        co_test_ok(net_sendfile(conn, fd, parts[i][0], parts[i][1], TEST_WAIT));
        ck_assert_uint_eq(conn->bytes_out, parts[i][1]);
        shutdown(conn->fd, SHUT_WR);
        co_test_until(&reader.done);
        ck_assert_uint_eq(reader.total, parts[i][1]);
        ck_assert_uint_eq(reader.bad, 0);
        net_free(conn);
        net_free(reader.conn);
    }
    close(fd);
}
END_TEST

/* A peer that pauses is waited for; each progress restarts the timeout. */
START_TEST(slow_peer)
{
    struct reader reader = {.is_holding = 1};
    int fd = file_make();
    struct net_conn *conn;

    co_test_pair(1, &conn, &reader.conn);
    ck_assert_ptr_nonnull(co_spawn(run_reader, &reader));
    ck_assert_ptr_nonnull(co_spawn(run_release, &reader.is_holding));
    co_test_ok(net_sendfile(conn, fd, 0, SIZE, TEST_WAIT));
    shutdown(conn->fd, SHUT_WR);
    co_test_until(&reader.done);
    ck_assert_uint_eq(reader.total, SIZE);
    ck_assert_uint_eq(reader.bad, 0);
    net_free(conn);
    net_free(reader.conn);
    close(fd);
}
END_TEST

START_TEST(failures)
{
    int fd = file_make();
    struct net_conn *a;
    struct net_conn *b;

    /* A peer that does not read. */
    co_test_pair(1, &a, &b);
    co_test_err(net_sendfile(a, fd, 0, SIZE, 20 * USEC_PER_MS), ERR_TIMEOUT);
    net_free(a);
    net_free(b);
    /* A peer that has disconnected. */
    co_test_pair(1, &a, &b);
    net_free(b);
    co_test_err(net_sendfile(a, fd, 0, SIZE, TEST_WAIT), ERR_CLOSED);
    net_free(a);
    /* A connection that was closed here. */
    co_test_pair(1, &a, &b);
    io_close(&a->io);
    co_test_err(net_sendfile(a, fd, 0, 10, TEST_WAIT), ERR_CLOSED);
    net_free(a);
    net_free(b);
    /* A file that is too short. */
    co_test_pair(1, &a, &b);
    co_test_err(net_sendfile(a, fd, SIZE - 10, 11, TEST_WAIT), ERR_CLOSED);
    co_test_err(net_sendfile(a, fd, SIZE + 10, 1, TEST_WAIT), ERR_CLOSED);
    /* No file at all. */
    co_test_err(net_sendfile(a, -1, 0, 1, TEST_WAIT), ERR_SYS);
    net_free(a);
    net_free(b);
    /* Not over a connection that is not a plain socket. */
    co_test_pair(0, &a, &b);
    ck_assert(!net_can_sendfile(a));
    net_free(a);
    net_free(b);
    close(fd);
}
END_TEST

Suite *check_net_sendfile_suite(void)
{
    Suite *suite = suite_create("net_sendfile");
    TCase *tc = co_test_case(suite, "net_sendfile");

    tcase_add_test(tc, all_of_it);
    tcase_add_test(tc, slow_peer);
    tcase_add_test(tc, failures);
    return suite;
}
