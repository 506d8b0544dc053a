/*
 * Listeners: every way to write an endpoint, addresses in use, UNIX files, and
 * an accept loop that lives through a shortage of descriptors and its own end.
 */
#include "base/str.h"
#include "co_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

Suite *check_net_listen_suite(void);

#define CLIENTS 20

struct acceptor {
    struct net_listener *listener;
    struct net_conn *conn[CLIENTS];
    struct err *err;
    usec_t timeout;
    int want;
    int count;
};

static void run_accept(void *arg)
{
    struct acceptor *a = arg;

    while (a->count < a->want && a->err == NULL) {
        a->err = net_accept(a->listener, &a->conn[a->count], co_test_log(), a->timeout);
        if (a->err == NULL)
            a->count++;
    }
}

static struct co *start(struct acceptor *a)
{
    struct co *co = co_spawn_joinable(run_accept, a);

    ck_assert_ptr_nonnull(co);
    co_yield ();
    return co;
}

static struct net_conn *client(struct net_listener *listener)
{
    struct net_conn *conn;

    co_test_ok(net_connect("127.0.0.1", net_listener_port(listener), &conn, TEST_WAIT));
    return conn;
}

START_TEST(malformed_endpoints)
{
    static const char *const bad[] = {"",
                                      ":",
                                      "65536",
                                      "-1",
                                      "http",
                                      "80a",
                                      " 80",
                                      "1.2.3:80",
                                      "1.2.3.4:",
                                      "::1:80x",
                                      "[::1]",
                                      "[::1:80",
                                      "[::1]80",
                                      "[]:80",
                                      "[1.2.3.4]:0",
                                      "unix:",
                                      "localhost:",
                                      "localhost:80",
                                      "::1:80",
                                      "1.2.3.4.5:80",
                                      "99999999999999999999"};
    char longest[600];
    struct net_listener *listener;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err *err = net_listen(bad[i], &listener);

        ck_assert_msg(err != NULL && err_code(err) == ERR_CONFIG, "\"%s\"", bad[i]);
        ck_assert_ptr_null(listener);
        err_free(err);
    }
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest, "unix:/", 6);
    co_test_err(net_listen(longest, &listener), ERR_CONFIG);
    memcpy(longest + sizeof(longest) - 4, ":80", 4);
    co_test_err(net_listen(longest + 6, &listener), ERR_CONFIG);
    net_listener_close(NULL);
}
END_TEST

static void named(const char *endpoint, const char *before_port)
{
    struct net_listener *listener;
    char name[64];

    co_test_ok(net_listen(endpoint, &listener));
    ck_assert_int_gt(net_listener_port(listener), 0);
    ck_assert_int_eq(
        str_format(name, sizeof(name), "%s:%d", before_port, net_listener_port(listener)), 0);
    ck_assert_str_eq(net_listener_name(listener), name);
    ck_assert_int_ge(net_listener_fd(listener), 0);
    net_listener_close(listener);
}

START_TEST(endpoints_and_their_names)
{
    named("0", "0.0.0.0");
    named(":0", "0.0.0.0");
    named("*:0", "0.0.0.0");
    named("127.0.0.1:0", "127.0.0.1");
    named("[::]:0", "[::]");
    named("[::1]:0", "[::1]");
}
END_TEST

START_TEST(addresses_in_use)
{
    struct net_listener *v4;
    struct net_listener *v6;
    struct net_listener *none;
    char endpoint[32];
    struct err *err;

    co_test_ok(net_listen("0", &v4));
    ck_assert_int_eq(str_format(endpoint, sizeof(endpoint), "%d", net_listener_port(v4)), 0);
    err = net_listen(endpoint, &none);
    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_nonnull(strstr(err_text(err), "address in use"));
    ck_assert_ptr_nonnull(strstr(err_text(err), endpoint));
    co_test_err(err, ERR_BUSY);
    /* The same port on IPv6 is another one. */
    ck_assert_int_eq(str_format(endpoint, sizeof(endpoint), "[::]:%d", net_listener_port(v4)), 0);
    co_test_ok(net_listen(endpoint, &v6));
    net_listener_close(v6);
    net_listener_close(v4);
}
END_TEST

START_TEST(workers_share_a_port)
{
    struct net_listener *a;
    struct net_listener *b;
    char endpoint[32];

    co_test_ok(net_listen_shared("127.0.0.1:0", &a));
    ck_assert_int_eq(str_format(endpoint, sizeof(endpoint), "127.0.0.1:%d", net_listener_port(a)),
                     0);
    co_test_ok(net_listen_shared(endpoint, &b));
    net_listener_close(a);
    net_listener_close(b);
}
END_TEST

START_TEST(accepts_and_shows_the_peer)
{
    struct acceptor a = {.want = CLIENTS, .timeout = TEST_WAIT};
    struct net_conn *clients[CLIENTS];
    char buf[4];
    size_t got;

    co_test_ok(net_listen("[::1]:0", &a.listener));
    struct co *co = start(&a);
    for (int i = 0; i < CLIENTS; i++)
        co_test_ok(net_connect("::1", net_listener_port(a.listener), &clients[i], TEST_WAIT));
    co_join(co);
    co_test_ok(a.err);
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_str_eq(a.conn[i]->ip, "::1");
        ck_assert_int_gt(a.conn[i]->port, 0);
        ck_assert_str_eq(clients[i]->ip, "::1");
        ck_assert_int_eq(clients[i]->port, net_listener_port(a.listener));
        net_tune(a.conn[i], 131072, 1);
        co_test_ok(io_write(&clients[i]->io, "ping", 4, TEST_WAIT));
        co_test_ok(io_read(&a.conn[i]->io, buf, 4, &got, TEST_WAIT));
        ck_assert_mem_eq(buf, "ping", 4);
        net_free(clients[i]);
        co_test_err(io_read(&a.conn[i]->io, buf, 4, &got, TEST_WAIT), ERR_CLOSED);
        net_free(a.conn[i]);
    }
    net_listener_close(a.listener);
}
END_TEST

START_TEST(accept_times_out_and_is_interrupted)
{
    struct acceptor a = {.want = 1, .timeout = 2000};
    usec_t from = clock_now();

    co_test_ok(net_listen("127.0.0.1:0", &a.listener));
    co_join(start(&a));
    co_test_err(a.err, ERR_TIMEOUT);
    ck_assert_int_ge(clock_now() - from, 2000);
    a.err = NULL;
    a.timeout = USEC_NEVER;
    struct co *co = start(&a);
    co_interrupt(co);
    co_join(co);
    co_test_err(a.err, ERR_INTERRUPTED);
    net_listener_close(a.listener);
}
END_TEST

START_TEST(closing_ends_an_accept)
{
    struct acceptor a = {.want = 1, .timeout = USEC_NEVER};
    struct net_listener *copy;
    struct net_conn *conn;
    int fd;

    co_test_ok(net_listen("127.0.0.1:0", &a.listener));
    fd = dup(net_listener_fd(a.listener));
    struct co *co = start(&a);
    net_listener_close(a.listener);
    co_join(co);
    co_test_err(a.err, ERR_CLOSED);
    /* A process that has inherited the socket continues to use it. */
    co_test_ok(net_listen_fd(fd, &copy));
    conn = client(copy);
    a = (struct acceptor){.listener = copy, .want = 1, .timeout = TEST_WAIT};
    co_join(co_spawn_joinable(run_accept, &a));
    co_test_ok(a.err);
    net_free(a.conn[0]);
    net_free(conn);
    net_listener_close(copy);
}
END_TEST

START_TEST(no_listener_to_take_over)
{
    struct net_listener *listener;
    int fd[2];

    co_test_err(net_listen_fd(-1, &listener), ERR_SYS);
    co_test_err(net_listen_fd(open("/dev/null", O_RDONLY | O_CLOEXEC), &listener), ERR_SYS);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    co_test_err(net_listen_fd(fd[0], &listener), ERR_SYS);
    close(fd[1]);
}
END_TEST

START_TEST(serves_again_after_a_shortage_of_descriptors)
{
    struct acceptor a = {.want = 4, .timeout = USEC_NEVER};
    struct net_conn *clients[4];
    struct rlimit old;
    struct rlimit tight;
    int spare;

    co_test_ok(net_listen("127.0.0.1:0", &a.listener));
    for (int i = 0; i < 4; i++)
        clients[i] = client(a.listener);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    spare = dup(0);
    tight = old;
    tight.rlim_cur = (rlim_t)spare + 1; /* room for no more */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    struct co *co = start(&a);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(co_sleep(15 * USEC_PER_MS), CO_TIMEOUT); /* several tries */
    ck_assert_int_eq(a.count, 0);
    ck_assert_int_eq(co_test_log_has("new connections wait"), 1);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    /* No event follows now; only a descriptor becomes free. */
    net_free(clients[0]);
    co_join(co);
    co_test_ok(a.err);
    ck_assert_int_eq(a.count, 4);
    ck_assert_int_eq(co_test_log_has("accepting again"), 1);
    close(spare);
    for (int i = 0; i < 4; i++) {
        net_free(a.conn[i]);
        if (i > 0)
            net_free(clients[i]);
    }
    net_listener_close(a.listener);
}
END_TEST

/* EOPNOTSUPP is one connection's as a rule; here every accept4() answers it. */
START_TEST(a_persistent_accept_error_pauses)
{
    struct net_listener *listener;
    struct net_conn *conn = NULL;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    ck_assert_int_ge(fd, 0);
    co_test_ok(net_listen("127.0.0.1:0", &listener));
    ck_assert_int_ge(dup2(fd, net_listener_fd(listener)), 0);
    close(fd);
    co_test_err(net_accept(listener, &conn, co_test_log(), 50 * USEC_PER_MS), ERR_TIMEOUT);
    ck_assert_ptr_null(conn);
    net_listener_close(listener);
}
END_TEST

START_TEST(no_listener_is_an_error)
{
    struct net_listener *listener;
    struct net_conn *conn = NULL;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    co_test_ok(net_listen("127.0.0.1:0", &listener));
    ck_assert_int_ge(dup2(fd, net_listener_fd(listener)), 0);
    close(fd);
    co_test_err(net_accept(listener, &conn, co_test_log(), TEST_WAIT), ERR_SYS);
    net_listener_close(listener);
}
END_TEST

START_TEST(closing_ends_a_starved_accept)
{
    struct acceptor a = {.want = 1, .timeout = USEC_NEVER};
    struct rlimit old;
    struct rlimit tight;
    struct net_conn *conn;
    usec_t from;
    int spare;

    co_test_ok(net_listen("127.0.0.1:0", &a.listener));
    conn = client(a.listener);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    spare = dup(0);
    tight = old;
    tight.rlim_cur = (rlim_t)spare + 1;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    struct co *co = start(&a);
    from = clock_now();
    ck_assert_int_eq(co_test_log_has("new connections wait"), 1);
    net_listener_close(a.listener);
    co_join(co);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    co_test_err(a.err, ERR_CLOSED);
    ck_assert_int_lt(clock_now() - from, TEST_WAIT);
    close(spare);
    net_free(conn);
}
END_TEST

START_TEST(unix_files)
{
    char dir[] = "/tmp/check_net_listen_XXXXXX";
    char endpoint[128];
    char kept[128];
    const char *path = endpoint + 5;
    struct acceptor a = {.want = 1, .timeout = TEST_WAIT};
    struct net_listener *other;
    struct net_conn *conn;
    struct stat st;
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(str_format(endpoint, sizeof(endpoint), "unix:%s/s", dir), 0);
    ck_assert_int_eq(str_format(kept, sizeof(kept), "%s/kept", dir), 0);
    co_test_err(net_connect_unix(path, &conn, TEST_WAIT), ERR_SYS);
    co_test_ok(net_listen(endpoint, &a.listener));
    ck_assert_str_eq(net_listener_name(a.listener), endpoint);
    ck_assert_int_eq(net_listener_port(a.listener), 0);
    co_test_err(net_listen(endpoint, &other), ERR_BUSY); /* it is alive: not replaced */
    struct co *co = start(&a);
    co_test_ok(net_connect_unix(path, &conn, TEST_WAIT));
    co_join(co);
    while (a.count < a.want) /* the one that only looked whether it lives came first */
        co_join(start(&a));
    co_test_ok(a.err);
    net_free(a.conn[0]);
    net_free(conn);
    /* A file that was replaced is not ours to remove. */
    ck_assert_int_eq(unlink(path), 0);
    co_test_ok(net_listen(endpoint, &other));
    net_listener_close(a.listener);
    ck_assert_int_eq(stat(path, &st), 0);
    net_listener_close(other);
    ck_assert_int_ne(stat(path, &st), 0);
    /* One left over from a crash is. */
    co_test_ok(net_listen(endpoint, &a.listener));
    fd = dup(net_listener_fd(a.listener));
    ck_assert_int_eq(link(path, kept), 0);
    net_listener_close(a.listener);
    close(fd);
    ck_assert_int_eq(rename(kept, path), 0);
    co_test_ok(net_listen(endpoint, &a.listener));
    net_listener_close(a.listener);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(files_that_are_no_sockets_stay)
{
    char path[] = "unix:/tmp/check_net_listen_XXXXXX";
    struct net_listener *listener;
    struct stat st;
    int fd = mkstemp(path + 5);

    ck_assert_int_ge(fd, 0);
    close(fd);
    co_test_err(net_listen(path, &listener), ERR_BUSY);
    ck_assert_int_eq(stat(path + 5, &st), 0);
    ck_assert_int_eq(unlink(path + 5), 0);
}
END_TEST

Suite *check_net_listen_suite(void)
{
    Suite *suite = suite_create("net_listen");
    TCase *tc = co_test_case(suite, "net_listen");

    tcase_add_test(tc, malformed_endpoints);
    tcase_add_test(tc, endpoints_and_their_names);
    tcase_add_test(tc, addresses_in_use);
    tcase_add_test(tc, workers_share_a_port);
    tcase_add_test(tc, accepts_and_shows_the_peer);
    tcase_add_test(tc, accept_times_out_and_is_interrupted);
    tcase_add_test(tc, closing_ends_an_accept);
    tcase_add_test(tc, no_listener_to_take_over);
    tcase_add_test(tc, serves_again_after_a_shortage_of_descriptors);
    tcase_add_test(tc, a_persistent_accept_error_pauses);
    tcase_add_test(tc, no_listener_is_an_error);
    tcase_add_test(tc, closing_ends_a_starved_accept);
    tcase_add_test(tc, unix_files);
    tcase_add_test(tc, files_that_are_no_sockets_stay);
    return suite;
}
