/*
 * Bytes over TLS: every byte once and in order, however much the socket takes at a time, readiness
 * while OpenSSL holds bytes, key updates, and the end.
 */
#include "co/tls_private.h"
#include "tls_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

Suite *check_tls_conn_suite(void);

#define BULK ((size_t)3 * 1024 * 1024 + 7)

static struct tls_test_files files;
static struct tls *server;
static struct tls *client;
static struct tls_test_pair pair;
static uint8_t *bulk;

static void set_up(void)
{
    tls_test_files_open(&files, "localhost");
    server = tls_test_server(&files);
    client = tls_test_client(&files);
    bulk = malloc(BULK);
    ck_assert_ptr_nonnull(bulk);
    for (size_t i = 0; i < BULK; i++)
        bulk[i] = (uint8_t)(i * 2654435761U >> 13);
}

static void tear_down(void)
{
    free(bulk);
    tls_free(server);
    tls_free(client);
    tls_test_files_close(&files);
}

static SSL *ssl_of(struct net_conn *conn)
{
    struct tls_conn *t = conn->tls;

    return t->ssl;
}

/* Reads len bytes and compares them with bulk from `at` on, in pieces of at most `piece`. */
static void expect(struct net_conn *conn, size_t at, size_t len, size_t piece)
{
    static uint8_t buf[65536];

    while (len > 0) {
        size_t got;

        co_test_ok(io_read(&conn->io, buf, piece < len ? piece : len, &got, TEST_WAIT));
        ck_assert_mem_eq(buf, bulk + at, got);
        at += got;
        len -= got;
    }
}

/* ---- all of it ---- */

struct writing {
    struct net_conn *conn;
    size_t span; /* length of the spans */
    struct err *err;
    int done;
};

static void write_run(void *arg)
{
    struct writing *w = arg;
    size_t at = 0;

    while (at < BULK && w->err == NULL) {
        struct iovec iov[12];
        int n = 0;

        for (; n < 12 && at < BULK; n++) {
            size_t len = w->span < BULK - at ? w->span : BULK - at;

            iov[n] = (struct iovec){bulk + at, len};
            at += len;
        }
        w->err = io_writev(&w->conn->io, iov, n, TEST_WAIT);
    }
    w->done = 1;
}

static const size_t spans[] = {1000, 16384, 16385, 44000, 131072, 700001};

START_TEST(every_byte_arrives)
{
    struct writing w = {.span = spans[_i / CO_TEST_KINDS]};
    int small = 20000;

    tls_test_pair(&pair, _i % CO_TEST_KINDS, server, client);
    (void)setsockopt(pair.server_conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    w.conn = pair.server_conn;
    ck_assert_ptr_nonnull(co_spawn(write_run, &w));
    expect(pair.client_conn, 0, BULK, 40000);
    co_test_until(&w.done);
    co_test_ok(w.err);
    ck_assert_uint_eq(pair.server_conn->bytes_out, BULK);
    ck_assert_uint_eq(pair.client_conn->bytes_in, BULK);
    tls_test_pair_free(&pair);
}
END_TEST

/* Reads what is available, at most `max` bytes, and compares it. */
static size_t take(struct net_conn *conn, size_t at, size_t max)
{
    static uint8_t buf[4096];
    size_t len = 0;
    ssize_t n;

    while (len < max && (n = net_try_read(conn, buf, sizeof(buf))) > 0) {
        ck_assert_mem_eq(buf, bulk + at + len, (size_t)n);
        len += (size_t)n;
    }
    return len;
}

/* Many attempts with a slow reader: accepted bytes arrive exactly once. */
START_TEST(accepted_means_sent)
{
    int small = 20000;
    size_t accepted = 0;
    size_t read = 0;
    int refused = 0;

    tls_test_pair(&pair, _i, server, client);
    (void)setsockopt(pair.server_conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    while (accepted < BULK) {
        /* Three spans, one of them empty, of which the middle ends within a record. */
        size_t left = BULK - accepted;
        size_t len = left < 60000 ? left : 60000;
        struct iovec iov[3] = {{bulk + accepted, len / 3},
                               {bulk + accepted, 0},
                               {bulk + accepted + len / 3, len - len / 3}};
        ssize_t n = net_try_writev(pair.server_conn, iov, 3);

        if (n > 0) {
            accepted += (size_t)n;
            ck_assert_uint_eq(pair.server_conn->bytes_out, accepted);
            continue;
        }
        ck_assert_int_eq(n, -1);
        ck_assert_int_eq(errno, EAGAIN);
        refused++;
        read += take(pair.client_conn, read, 30000);
        ck_assert_uint_le(read, accepted + 1);
        co_yield (); /* for the reactor to see that there is room */
    }
    ck_assert_int_gt(refused, 10);
    expect(pair.client_conn, read, BULK - read, 65536);
    tls_test_pair_free(&pair);
}
END_TEST

/* A peer that does not read costs us what one call encrypts, and no more with each try. */
START_TEST(little_is_kept_for_a_slow_peer)
{
    struct iovec iov = {bulk, BULK};
    const struct tls_conn *t;
    ssize_t n;

    tls_test_pair(&pair, 1, server, client);
    t = pair.server_conn->tls;
    do {
        iov.iov_base = bulk;
        n = net_try_writev(pair.server_conn, &iov, 1);
    } while (n > 0);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_uint_gt(t->out_len, 0);
    ck_assert_uint_le(t->out_len, TLS_SCRATCH_SIZE);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(net_try_writev(pair.server_conn, &iov, 1), -1);
    ck_assert_uint_le(t->out_len, TLS_SCRATCH_SIZE);
    tls_test_pair_free(&pair);
}
END_TEST

/* ---- readiness ---- */

START_TEST(bytes_that_openssl_holds_are_ready)
{
    uint8_t buf[64];

    tls_test_pair(&pair, _i, server, client);
    co_test_ok(io_write(&pair.client_conn->io, bulk, 100, TEST_WAIT));
    co_test_ok(io_write(&pair.client_conn->io, bulk + 100, 28, TEST_WAIT));
    expect(pair.server_conn, 0, 10, 10);
    for (size_t at = 10; at < 128; at += 59) {
        /* The kernel has no data left that could cause an event. */
        ck_assert_int_eq(net_wait(pair.server_conn, NET_IN, TEST_WAIT), NET_IN);
        expect(pair.server_conn, at, 59, 59);
    }
    ck_assert_int_eq(net_try_read(pair.server_conn, buf, sizeof(buf)), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(net_wait(pair.server_conn, NET_IN, 10 * USEC_PER_MS), 0);
    tls_test_pair_free(&pair);
}
END_TEST

/* Data in the same flight as the end of the handshake causes no event of its own either. */
START_TEST(session_tickets_are_not_data)
{
    uint8_t buf[16];

    tls_test_pair(&pair, _i, server, client);
    while (net_wait(pair.client_conn, NET_IN, 50 * USEC_PER_MS) == NET_IN) {
        ck_assert_int_eq(net_try_read(pair.client_conn, buf, sizeof(buf)), -1);
        ck_assert_int_eq(errno, EAGAIN);
    }
    ck_assert_uint_eq(pair.client_conn->bytes_in, 0);
    tls_test_pair_free(&pair);
}
END_TEST

START_TEST(keys_are_updated)
{
    uint8_t buf[16];

    tls_test_pair(&pair, _i, server, client);
    for (size_t round = 0; round < 40; round++) {
        ck_assert_int_eq(SSL_key_update(ssl_of(pair.client_conn), SSL_KEY_UPDATE_REQUESTED), 1);
        co_test_ok(io_write(&pair.client_conn->io, bulk + 10 * round, 10, TEST_WAIT));
        expect(pair.server_conn, 10 * round, 10, 10);
        /* Now the answer to the request is sent first. */
        co_test_ok(io_write(&pair.server_conn->io, bulk + 7 * round, 7, TEST_WAIT));
        expect(pair.client_conn, 7 * round, 7, 7);
        ck_assert_int_eq(net_try_read(pair.server_conn, buf, sizeof(buf)), -1);
        ck_assert_int_eq(errno, EAGAIN);
    }
    tls_test_pair_free(&pair);
}
END_TEST

/* If the kernel supports TLS but declines this connection, it works as without. */
START_TEST(kernel_may_decline)
{
    server->has_ktls = client->has_ktls = 1;
    tls_test_pair(&pair, _i, server, client);
    for (size_t at = 0; at < 200000; at += 20000) {
        co_test_ok(io_write(&pair.server_conn->io, bulk + at, 20000, TEST_WAIT));
        expect(pair.client_conn, at, 20000, 7000);
        co_test_ok(io_write(&pair.client_conn->io, bulk + at, 1000, TEST_WAIT));
        expect(pair.server_conn, at, 1000, 999);
    }
    net_free(pair.client_conn);
    pair.client_conn = NULL;
    ck_assert_int_eq(net_wait(pair.server_conn, NET_IN, TEST_WAIT) & NET_IN, NET_IN);
    ck_assert_int_eq(net_try_read(pair.server_conn, bulk, 16), 0);
    tls_test_pair_free(&pair);
}
END_TEST

/* ---- ends ---- */

START_TEST(close_notify_is_sent)
{
    uint8_t buf[16];
    size_t got;

    tls_test_pair(&pair, _i, server, client);
    co_test_ok(io_write(&pair.server_conn->io, bulk, 16, TEST_WAIT));
    tls_finish(pair.server_conn);
    tls_finish(pair.server_conn);
    expect(pair.client_conn, 0, 16, 16);
    co_test_err(io_read(&pair.client_conn->io, buf, sizeof(buf), &got, TEST_WAIT), ERR_CLOSED);
    ck_assert_int_eq(SSL_get_shutdown(ssl_of(pair.client_conn)) & SSL_RECEIVED_SHUTDOWN,
                     SSL_RECEIVED_SHUTDOWN);
    ck_assert_int_eq(net_try_read(pair.client_conn, buf, sizeof(buf)), 0);
    /* The other direction is open. */
    co_test_ok(io_write(&pair.client_conn->io, bulk, 16, TEST_WAIT));
    expect(pair.server_conn, 0, 16, 16);
    tls_test_pair_free(&pair);
}
END_TEST

START_TEST(freeing_sends_close_notify)
{
    uint8_t buf[16];
    size_t got;

    tls_test_pair(&pair, _i, server, client);
    net_free(pair.server_conn);
    pair.server_conn = NULL;
    co_test_err(io_read(&pair.client_conn->io, buf, sizeof(buf), &got, TEST_WAIT), ERR_CLOSED);
    ck_assert_int_eq(((struct tls_conn *)pair.client_conn->tls)->is_eof, 0);
    tls_test_pair_free(&pair);
}
END_TEST

START_TEST(torn_connection_ends)
{
    uint8_t buf[16];
    size_t got;

    tls_test_pair(&pair, _i, server, client);
    ck_assert_int_eq(shutdown(pair.server_conn->fd, SHUT_RDWR), 0);
    co_test_err(io_read(&pair.client_conn->io, buf, sizeof(buf), &got, TEST_WAIT), ERR_CLOSED);
    tls_test_pair_free(&pair);
}
END_TEST

/* Bytes that are not encrypted. */
START_TEST(garbage_breaks_it)
{
    static const char garbage[] = "\x17\x03\x03\x00\x20 this is not what it says it is ...";
    uint8_t buf[16];
    size_t got;

    tls_test_pair(&pair, _i, server, client);
    ck_assert_int_gt(send(pair.client_conn->fd, garbage, sizeof(garbage), MSG_NOSIGNAL), 0);
    err_free(io_read(&pair.server_conn->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_int_eq(((struct tls_conn *)pair.server_conn->tls)->is_broken, 1);
    ck_assert_int_eq(net_try_read(pair.server_conn, buf, sizeof(buf)), -1);
    ck_assert_int_ne(errno, EAGAIN);
    co_test_err(io_write(&pair.server_conn->io, bulk, 8, TEST_WAIT), ERR_CLOSED);
    ck_assert_uint_eq(server->scratch_len, 0);
    tls_test_pair_free(&pair);
}
END_TEST

START_TEST(closed_by_us)
{
    struct iovec iov = {bulk, 8};
    uint8_t buf[16];

    tls_test_pair(&pair, _i, server, client);
    io_close(&pair.server_conn->io);
    ck_assert_int_eq(net_try_read(pair.server_conn, buf, sizeof(buf)), -1);
    ck_assert_int_eq(errno, ESHUTDOWN);
    ck_assert_int_eq(net_try_writev(pair.server_conn, &iov, 1), -1);
    ck_assert_int_eq(errno, ESHUTDOWN);
    tls_test_pair_free(&pair);
}
END_TEST

Suite *check_tls_conn_suite(void)
{
    Suite *suite = suite_create("tls_conn");
    TCase *tc = co_test_case(suite, "bytes");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_byte_arrives, 0,
                        CO_TEST_KINDS * (int)(sizeof(spans) / sizeof(spans[0])));
    tcase_add_loop_test(tc, accepted_means_sent, 0, CO_TEST_KINDS);
    tcase_add_test(tc, little_is_kept_for_a_slow_peer);
    tcase_add_loop_test(tc, bytes_that_openssl_holds_are_ready, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, session_tickets_are_not_data, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, keys_are_updated, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, kernel_may_decline, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, close_notify_is_sent, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, freeing_sends_close_notify, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, torn_connection_ends, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, garbage_breaks_it, 0, CO_TEST_KINDS);
    tcase_add_loop_test(tc, closed_by_us, 0, CO_TEST_KINDS);
    return suite;
}
