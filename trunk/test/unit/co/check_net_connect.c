/*
 * Outgoing connections: refused, stalled, interrupted, and the next address
 * when the first one fails.
 */
#include "co_test.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

Suite *check_net_connect_suite(void);

struct attempt {
    const char *host;
    int port;
    struct net_conn *conn;
    struct err *err;
    usec_t timeout;
};

static void run_connect(void *arg)
{
    struct attempt *a = arg;

    a->err = net_connect(a->host, a->port, &a->conn, a->timeout);
}

/* A port that neither accepts nor refuses connections: its backlog is full. */
static int stalled_port(int fd[3])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);

    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd[0], (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(fd[0], 0), 0);
    ck_assert_int_eq(getsockname(fd[0], (struct sockaddr *)&addr, &len), 0);
    for (int i = 1; i < 3; i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fd[i], (struct sockaddr *)&addr, sizeof(addr));
    }
    return ntohs(addr.sin_port);
}

static void close_all(const int fd[3])
{
    for (int i = 0; i < 3; i++)
        close(fd[i]);
}

START_TEST(refused)
{
    struct net_listener *listener;
    struct net_conn *conn;
    struct err *err;
    int port;

    co_test_ok(net_listen("127.0.0.1:0", &listener));
    port = net_listener_port(listener);
    net_listener_close(listener);
    err = net_connect("127.0.0.1", port, &conn, TEST_WAIT);
    ck_assert_ptr_null(conn);
    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_nonnull(strstr(err_text(err), "connect to 127.0.0.1:"));
    co_test_err(err, ERR_SYS);
}
END_TEST

START_TEST(stalled)
{
    struct net_conn *conn;
    int fd[3];
    int port = stalled_port(fd);
    usec_t from = clock_now();

    co_test_err(net_connect("127.0.0.1", port, &conn, 20 * USEC_PER_MS), ERR_TIMEOUT);
    ck_assert_int_ge(clock_now() - from, 20 * USEC_PER_MS);
    ck_assert_ptr_null(conn);
    close_all(fd);
}
END_TEST

START_TEST(interrupted)
{
    int fd[3];
    struct attempt a = {.host = "127.0.0.1", .port = stalled_port(fd), .timeout = USEC_NEVER};
    struct co *co = co_spawn_joinable(run_connect, &a);

    co_yield ();
    co_interrupt(co);
    co_join(co);
    co_test_err(a.err, ERR_INTERRUPTED);
    ck_assert_ptr_null(a.conn);
    close_all(fd);
}
END_TEST

/* "localhost" is 127.0.0.1 and, on most machines, ::1: a listener on one of them is found. */
START_TEST(each_address_is_tried)
{
    struct net_listener *listener;
    struct net_conn *conn;
    struct net_conn *peer;

    co_test_ok(net_listen("127.0.0.1:0", &listener));
    co_test_ok(net_connect("localhost", net_listener_port(listener), &conn, TEST_WAIT));
    co_test_ok(net_accept(listener, &peer, co_test_log(), TEST_WAIT));
    ck_assert_str_eq(conn->ip, "127.0.0.1");
    ck_assert_str_eq(peer->ip, "127.0.0.1");
    ck_assert_int_eq(conn->port, net_listener_port(listener));
    net_free(conn);
    net_free(peer);
    net_listener_close(listener);
}
END_TEST

START_TEST(paths_of_unix_sockets)
{
    char path[300];
    struct net_conn *conn;

    co_test_err(net_connect_unix("/nowhere/at/all", &conn, TEST_WAIT), ERR_SYS);
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    co_test_err(net_connect_unix(path, &conn, TEST_WAIT), ERR_CONFIG);
    ck_assert_ptr_null(conn);
}
END_TEST

Suite *check_net_connect_suite(void)
{
    Suite *suite = suite_create("net_connect");
    TCase *tc = co_test_case(suite, "net_connect");

    tcase_add_test(tc, refused);
    tcase_add_test(tc, stalled);
    tcase_add_test(tc, interrupted);
    tcase_add_test(tc, each_address_is_tried);
    tcase_add_test(tc, paths_of_unix_sockets);
    return suite;
}
