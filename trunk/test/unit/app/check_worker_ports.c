/* The workers' listening sockets: waiting connections outlive a worker, and other workers take
 * them. */
#include "app/workers/worker_ports.h"

#include "app/core/endpoint.h"
#include "app/http/http_listener.h"
#include "app/rtmp/rtmp_listener.h"
#include "app/workers/worker_share.h"
#include "base/str.h"
#include "co/net.h"
#include "co/net_pass.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

Suite *check_worker_ports_suite(void);

#define CLIENTS 8

/* Places in the list. */
#define RTMP 0
#define HTTP 1

static const struct listener_type *const types[] = {&rtmp_listener, &http_listener, NULL};

static char endpoint[64];
static char *endpoints[] = {endpoint};
static struct config config;
static struct worker_share *share;
static int client[CLIENTS];

/* A port that is free: the kernel chooses one, for a socket that is closed again. */
static int free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    close(fd);
    return ntohs(addr.sin_port);
}

static void setup(void)
{
    (void)str_format(endpoint, sizeof(endpoint), "127.0.0.1:%d", free_port());
    config = (struct config){.workers = 2, .max_streams = 10, .max_connections = 1000};
    config.listen.count = 1;
    config.listen.item = endpoints;
    ck_assert_ptr_null(worker_share_new(&share, &config, NULL));
    ck_assert_ptr_null(worker_ports_new(&share->ports, types, &config, 2));
}

static void teardown(void)
{
    worker_share_free(share);
}

static int dial(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int64_t port;

    ck_assert_int_eq(str_to_i64(strrchr(endpoint, ':') + 1, 1, 65535, &port), 0);
    addr.sin_port = htons((uint16_t)port);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

/* The worker's own, as it has it after the fork; the master's stays in the table. */
static int worker_fd(int slot)
{
    int master = worker_ports_take(share->ports, slot, endpoint, RTMP);

    ck_assert_int_ge(master, 0);
    return master;
}

START_TEST(test_take)
{
    int fd;

    ck_assert_int_eq(worker_ports_take(share->ports, 0, endpoint, HTTP), -1);
    ck_assert_int_eq(worker_ports_take(share->ports, 0, "127.0.0.1:1", RTMP), -1);
    ck_assert_int_eq(worker_ports_take(NULL, 0, endpoint, RTMP), -1);
    fd = worker_fd(0);
    ck_assert_int_ne(net_is_listening(fd), 0);
    /* It is the caller's now. */
    ck_assert_int_eq(worker_ports_take(share->ports, 0, endpoint, RTMP), -1);
    close(fd);
    worker_ports_keep(share->ports, 0);
    ck_assert_int_eq(worker_ports_take(share->ports, 1, endpoint, RTMP), -1);
}
END_TEST

/* Connections that neither worker accepts all reach the second one. */
START_TEST(test_rescue)
{
    int handed = 0;

    for (int i = 0; i < CLIENTS; i++)
        client[i] = dial();
    ck_assert_int_eq(worker_ports_rescue(share, 0), 0); /* there is no other worker yet */
    share->slot[1].state = WORKER_READY;
    share->slot[1].is_late = 1;
    ck_assert_int_eq(worker_ports_rescue(share, 0), 0);
    share->slot[1].is_late = 0;
    handed = worker_ports_rescue(share, 0);
    share->slot[0].state = WORKER_READY;
    handed += worker_ports_rescue(share, 1);
    ck_assert_int_eq(handed, CLIENTS);
    ck_assert_uint_eq(share->slot[0].handed + share->slot[1].handed, CLIENTS);
    ck_assert_int_eq(worker_ports_rescue(share, 0), 0);
    for (int i = 0; i < CLIENTS; i++) {
        struct pollfd poll_fd = {.fd = client[i], .events = POLLIN};

        /* It is still open. */
        ck_assert_int_eq(poll(&poll_fd, 1, 0), 0);
        close(client[i]);
    }
}
END_TEST

START_TEST(test_a_closed_listener_is_opened_again)
{
    int fd = worker_fd(0);

    ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
    ck_assert_int_eq(net_is_listening(fd), 0);
    close(fd);
    worker_ports_renew(share->ports, 0, NULL);
    fd = worker_fd(0);
    ck_assert_int_ne(net_is_listening(fd), 0);
    close(fd);
}
END_TEST

/* A configuration with a second address, which a reload adds and another one removes. */
START_TEST(test_a_reload)
{
    char more[64];
    char *both[] = {endpoint, more};
    struct config two = config;
    int type, fd;

    (void)str_format(more, sizeof(more), "127.0.0.1:%d", free_port());
    two.listen.count = 2;
    two.listen.item = both;
    ck_assert_ptr_null(worker_ports_add(share->ports, types, &two));
    ck_assert_str_eq(worker_ports_added(share->ports, 0, 1, &type, &fd), more);
    ck_assert_int_eq(type, RTMP);
    ck_assert_int_ne(net_is_listening(fd), 0);
    ck_assert_ptr_null(worker_ports_added(share->ports, 1, 1, &type, &fd));
    /* It failed in a worker: as before. */
    worker_ports_abandon(share->ports);
    ck_assert_int_eq(net_is_listening(fd), 0);
    ck_assert_ptr_null(worker_ports_added(share->ports, 0, 1, &type, &fd));
    ck_assert_int_eq(worker_ports_take(share->ports, 0, more, RTMP), -1);
    ck_assert_ptr_null(worker_ports_add(share->ports, types, &two));
    worker_ports_commit(share->ports, types, &two);
    ck_assert_ptr_null(worker_ports_added(share->ports, 0, 1, &type, &fd));
    fd = worker_ports_take(share->ports, 0, more, RTMP);
    ck_assert_int_ge(fd, 0);
    close(fd);
    worker_ports_commit(share->ports, types, &config);
    ck_assert_int_eq(worker_ports_take(share->ports, 1, more, RTMP), -1);
    close(worker_fd(1));
}
END_TEST

/* Another server has the address: nothing is added, not even what could be. */
START_TEST(test_a_reload_that_fails)
{
    char more[64], taken[64];
    char *all[] = {endpoint, more, taken};
    struct config three = config;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int port = free_port();
    int other = socket(AF_INET, SOCK_STREAM, 0);
    struct err *err;

    addr.sin_port = htons((uint16_t)port);
    ck_assert_int_eq(bind(other, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(other, 1), 0);
    (void)str_format(more, sizeof(more), "127.0.0.1:%d", free_port());
    (void)str_format(taken, sizeof(taken), "127.0.0.1:%d", port);
    three.listen.count = 3;
    three.listen.item = all;
    err = worker_ports_add(share->ports, types, &three);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err_code(err), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(err_text(err), taken));
    err_free(err);
    ck_assert_int_eq(worker_ports_take(share->ports, 0, more, RTMP), -1);
    close(worker_fd(0));
    close(other);
}
END_TEST

/* In a worker: a socket that came from the master, and one that was not wanted. */
START_TEST(test_adopted)
{
    int fd[2];

    ck_assert_ptr_null(net_listen_raw("127.0.0.1:0", &fd[0]));
    ck_assert_ptr_null(net_listen_raw("127.0.0.1:0", &fd[1]));
    ck_assert_ptr_null(worker_ports_adopt(share->ports, 0, "127.0.0.1:7", HTTP, fd[0]));
    ck_assert_ptr_null(worker_ports_adopt(share->ports, 0, "127.0.0.1:8", HTTP, fd[1]));
    ck_assert_int_eq(worker_ports_take(share->ports, 0, "127.0.0.1:7", HTTP), fd[0]);
    worker_ports_abandon(share->ports);
    ck_assert_int_ne(net_is_listening(fd[0]), 0);
    ck_assert_int_eq(net_is_listening(fd[1]), 0);
    close(fd[0]);
}
END_TEST

Suite *check_worker_ports_suite(void)
{
    Suite *suite = suite_create("worker_ports");
    TCase *tc = tcase_create("worker_ports");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_take);
    tcase_add_test(tc, test_rescue);
    tcase_add_test(tc, test_a_closed_listener_is_opened_again);
    tcase_add_test(tc, test_a_reload);
    tcase_add_test(tc, test_a_reload_that_fails);
    tcase_add_test(tc, test_adopted);
    suite_add_tcase(suite, tc);
    return suite;
}
