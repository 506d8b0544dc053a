/*
 * Congestion control: names that the kernel has and has not, and that accepted connections get what
 * their listener has, until it is given back.
 */
#include "co_test.h"

#include <check.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Linux 6.15, linux/tcp.h; older headers do not have it. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif

Suite *check_net_congestion_suite(void);

START_TEST(names)
{
    struct err *err;

    co_test_ok(net_congestion_check(""));
    co_test_ok(net_congestion_check("reno")); /* every kernel has it */
    err = net_congestion_check("nosuch");
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err_code(err), ERR_CONFIG);
    ck_assert_ptr_nonnull(
        strstr(err_text(err), "\"nosuch\": the kernel has no such congestion control"));
    ck_assert_ptr_nonnull(strstr(err_text(err), "reno"));
    err_free(err);
    co_test_err(net_congestion_check("a-name-that-is-longer-than-any"), ERR_CONFIG);
}
END_TEST

static void name_of(int fd, char out[32])
{
    socklen_t len = 31;

    memset(out, 0, 32);
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, out, &len), 0);
}

struct acceptor {
    struct net_listener *listener;
    struct net_conn *conn;
    struct err *err;
};

static MAY_YIELD void accept_one(void *arg)
{
    struct acceptor *a = arg;

    a->err = net_accept(a->listener, &a->conn, NULL, TEST_WAIT);
}

/* What a connection that the listener accepts now has. */
static void accepted(struct net_listener *listener, char out[32])
{
    struct acceptor a = {.listener = listener};
    struct co *co = co_spawn_joinable(accept_one, &a);
    struct net_conn *client;

    ck_assert_ptr_nonnull(co);
    co_test_ok(net_connect("127.0.0.1", net_listener_port(listener), &client, TEST_WAIT));
    co_join(co);
    co_test_ok(a.err);
    name_of(a.conn->fd, out);
    net_free(client);
    net_free(a.conn);
}

START_TEST(accepted_connections_have_it)
{
    struct net_listener *listener;
    char before[32], now[32];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    name_of(fd, before);
    close(fd);
    co_test_ok(net_listen("127.0.0.1:0", &listener));
    ck_assert_int_eq(net_congestion_set(listener, ""), 0);
    accepted(listener, now);
    ck_assert_str_eq(now, before);
    ck_assert_int_eq(net_congestion_set(listener, "reno"), 0);
    accepted(listener, now);
    ck_assert_str_eq(now, "reno");
    ck_assert_int_eq(net_congestion_set(listener, ""), 0);
    accepted(listener, now);
    ck_assert_str_eq(now, before);
    ck_assert_int_eq(net_congestion_set(listener, "nosuch"), -1);
    net_listener_close(listener);
}
END_TEST

static uint32_t accepted_pace(struct net_listener *listener)
{
    struct acceptor a = {.listener = listener};
    struct co *co = co_spawn_joinable(accept_one, &a);
    struct net_conn *client;
    uint32_t pace = 0;
    socklen_t len = sizeof(pace);

    ck_assert_ptr_nonnull(co);
    co_test_ok(net_connect("127.0.0.1", net_listener_port(listener), &client, TEST_WAIT));
    co_join(co);
    co_test_ok(a.err);
    ck_assert_int_eq(getsockopt(a.conn->fd, SOL_SOCKET, SO_MAX_PACING_RATE, &pace, &len), 0);
    net_free(client);
    net_free(a.conn);
    return pace;
}

START_TEST(accepted_connections_are_paced)
{
    struct net_listener *listener;

    co_test_ok(net_listen("127.0.0.1:0", &listener));
    ck_assert_uint_eq(accepted_pace(listener), UINT32_MAX);
    ck_assert_int_eq(net_congestion_pace(listener, 500000), 0);
    ck_assert_uint_eq(accepted_pace(listener), 500000);
    ck_assert_int_eq(net_congestion_pace(listener, 0), 0);
    ck_assert_uint_eq(accepted_pace(listener), UINT32_MAX);
    net_listener_close(listener);
}
END_TEST

/* 0: the kernel does not know the option. */
static int accepted_retransmit(struct net_listener *listener, int is_default)
{
    struct acceptor a = {.listener = listener};
    struct co *co = co_spawn_joinable(accept_one, &a);
    struct net_conn *client;
    int ms = 0;
    int patience = 0;
    socklen_t len = sizeof(ms);

    ck_assert_ptr_nonnull(co);
    co_test_ok(net_connect("127.0.0.1", net_listener_port(listener), &client, TEST_WAIT));
    co_join(co);
    co_test_ok(a.err);
    if (getsockopt(a.conn->fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &ms, &len) != 0)
        ms = 0;
    ck_assert_int_eq(getsockopt(a.conn->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, &len), 0);
    /* Shorter pauses must not end the connection earlier. */
    ck_assert_int_eq(patience, ms == 0 || is_default ? 0 : 900000);
    net_free(client);
    net_free(a.conn);
    return ms;
}

START_TEST(accepted_connections_retransmit_in_time)
{
    struct net_listener *listener;
    int before;

    co_test_ok(net_listen("127.0.0.1:0", &listener));
    before = accepted_retransmit(listener, 1);
    ck_assert_int_eq(net_congestion_retransmit(listener, USEC_PER_SEC), 0);
    ck_assert_int_eq(accepted_retransmit(listener, 0), before > 0 ? 1000 : 0);
    ck_assert_int_eq(net_congestion_retransmit(listener, 120 * USEC_PER_SEC), 0);
    ck_assert_int_eq(accepted_retransmit(listener, 0), before > 0 ? 120000 : 0);
    net_listener_close(listener);
}
END_TEST

START_TEST(unix_sockets_have_none)
{
    struct net_listener *listener;
    char path[64];

    (void)snprintf(path, sizeof(path), "unix:/tmp/check_net_congestion.%d", (int)getpid());
    co_test_ok(net_listen(path, &listener));
    ck_assert_int_eq(net_congestion_set(listener, "reno"), 0);
    ck_assert_int_eq(net_congestion_pace(listener, 500000), 0);
    ck_assert_int_eq(net_congestion_retransmit(listener, USEC_PER_SEC), 0);
    net_listener_close(listener);
}
END_TEST

Suite *check_net_congestion_suite(void)
{
    Suite *suite = suite_create("net_congestion");
    TCase *tc = co_test_case(suite, "congestion");

    tcase_add_test(tc, names);
    tcase_add_test(tc, accepted_connections_have_it);
    tcase_add_test(tc, accepted_connections_are_paced);
    tcase_add_test(tc, accepted_connections_retransmit_in_time);
    tcase_add_test(tc, unix_sockets_have_none);
    return suite;
}
