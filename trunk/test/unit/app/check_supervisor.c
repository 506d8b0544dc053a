/* Notifications to a service manager, their order, and which addresses are refused. */
#include "app/core/supervisor.h"

#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *check_supervisor_suite(void);

static char folder[64];
static char path[96];
static char said[1024];
static char got[256];

static void sink_write(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    (void)snprintf(said, sizeof(said), "%.*s", (int)len, line);
}

static struct log_sink sink = {sink_write};
static const struct log logger = {.level = LOG_INFO, .sink = &sink};

static void setup(void)
{
    (void)strncpy(folder, "/tmp/check_super.XXXXXX", sizeof(folder) - 1);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/notify", folder);
    said[0] = '\0';
}

static void teardown(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

/* The service manager's socket, at this address. */
static int manager_open(const char *address)
{
    struct sockaddr_un at;
    socklen_t len;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(supervisor_address(address, &at, &len), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    return fd;
}

/* The next message; "" if there is none. */
static const char *manager_next(int fd)
{
    ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

    got[n > 0 ? n : 0] = '\0';
    return got;
}

START_TEST(test_address)
{
    char text[256];
    struct sockaddr_un at;
    socklen_t len;
    size_t max = sizeof(at.sun_path) - 1;
    static const char *const bad[] = {"", "/", "@", "notify", "./notify", "vsock:2:1", " /run/a"};

    ck_assert_int_eq(supervisor_address("/run/a", &at, &len), 0);
    ck_assert_int_eq(at.sun_family, AF_UNIX);
    ck_assert_str_eq(at.sun_path, "/run/a");
    ck_assert_uint_eq(len, offsetof(struct sockaddr_un, sun_path) + 7);

    ck_assert_int_eq(supervisor_address("@name", &at, &len), 0);
    ck_assert_mem_eq(at.sun_path, "\0name", 5);
    ck_assert_uint_eq(len, offsetof(struct sockaddr_un, sun_path) + 5);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(supervisor_address(bad[i], &at, &len), -1);

    memset(text, 'x', sizeof(text));
    for (const char *first = "/@"; *first != '\0'; first++) {
        text[0] = *first;
        text[max] = '\0';
        ck_assert_int_eq(supervisor_address(text, &at, &len), 0);
        ck_assert_uint_le(len, sizeof(at));
        text[max] = 'x';
        text[max + 1] = '\0';
        ck_assert_int_eq(supervisor_address(text, &at, &len), -1);
        text[max + 1] = 'x';
    }
}
END_TEST

static void check_life(const char *address)
{
    struct supervisor supervisor;
    int fd = manager_open(address);

    ck_assert_ptr_null(supervisor_open(&supervisor, address, &logger));
    /* A reload before it is ready must not look like readiness. */
    supervisor_reloading(&supervisor);
    supervisor_reloaded(&supervisor);
    ck_assert_str_eq(manager_next(fd), "");

    supervisor_ready(&supervisor, 0);
    ck_assert_str_eq(manager_next(fd), "READY=1");
    supervisor_ready(&supervisor, 0);
    ck_assert_str_eq(manager_next(fd), "");

    supervisor_reloading(&supervisor);
    ck_assert_int_eq(strncmp(manager_next(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    ck_assert_int_gt(strtoll(got + 27, NULL, 10), 0);
    supervisor_reloaded(&supervisor);
    ck_assert_str_eq(manager_next(fd), "READY=1");

    supervisor_stopping(&supervisor);
    ck_assert_str_eq(manager_next(fd), "STOPPING=1");
    supervisor_stopping(&supervisor);
    supervisor_reloading(&supervisor);
    supervisor_reloaded(&supervisor);
    supervisor_ready(&supervisor, 0);
    ck_assert_str_eq(manager_next(fd), "");
    supervisor_close(&supervisor);
    ck_assert_str_eq(said, "");
    close(fd);
}

START_TEST(test_path)
{
    check_life(path);
}
END_TEST

START_TEST(test_abstract)
{
    path[0] = '@';
    check_life(path);
    path[0] = '/';
}
END_TEST

START_TEST(test_daemon)
{
    struct supervisor supervisor;
    int fd = manager_open(path);

    ck_assert_ptr_null(supervisor_open(&supervisor, path, &logger));
    supervisor_ready(&supervisor, 4711);
    ck_assert_str_eq(manager_next(fd), "READY=1\nMAINPID=4711");
    supervisor_close(&supervisor);
    close(fd);
}
END_TEST

START_TEST(test_no_service_manager)
{
    struct supervisor supervisor;
    char text[256];

    ck_assert_ptr_null(supervisor_open(&supervisor, NULL, &logger));
    ck_assert_int_eq(supervisor.fd, -1);
    ck_assert_ptr_null(supervisor_open(&supervisor, "", &logger));
    ck_assert_int_eq(supervisor.fd, -1);
    supervisor_ready(&supervisor, 0);
    supervisor_stopping(&supervisor);
    ck_assert_str_eq(said, "");

    memset(text, 'x', sizeof(text) - 1);
    text[0] = '/';
    text[sizeof(text) - 1] = '\0';
    ck_assert_ptr_null(supervisor_open(&supervisor, text, &logger));
    ck_assert_int_eq(supervisor.fd, -1);
    ck_assert_ptr_nonnull(strstr(said, "NOTIFY_SOCKET ignored: it must be an absolute path"));
    ck_assert_ptr_null(strstr(said, "xxx"));
    supervisor_ready(&supervisor, 0);
    supervisor_close(&supervisor);
}
END_TEST

/* Nothing listens at the address: the server continues, and the log names the message. */
START_TEST(test_manager_is_gone)
{
    struct supervisor supervisor;

    ck_assert_ptr_null(supervisor_open(&supervisor, path, &logger));
    supervisor_ready(&supervisor, 4711);
    ck_assert_ptr_nonnull(strstr(said, "service manager not notified (READY=1)"));
    supervisor_close(&supervisor);
}
END_TEST

/* A manager that does not read: its queue fills, and no call waits for it. */
START_TEST(test_manager_reads_nothing)
{
    struct supervisor supervisor;
    int fd = manager_open(path);

    ck_assert_ptr_null(supervisor_open(&supervisor, path, &logger));
    supervisor_ready(&supervisor, 0);
    for (int i = 0; i < 10000 && said[0] == '\0'; i++)
        supervisor_reloaded(&supervisor);
    ck_assert_ptr_nonnull(strstr(said, "service manager not notified (READY=1)"));
    supervisor_close(&supervisor);
    close(fd);
}
END_TEST

Suite *check_supervisor_suite(void)
{
    Suite *suite = suite_create("supervisor");
    TCase *tcase = tcase_create("supervisor");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_address);
    tcase_add_test(tcase, test_path);
    tcase_add_test(tcase, test_abstract);
    tcase_add_test(tcase, test_daemon);
    tcase_add_test(tcase, test_no_service_manager);
    tcase_add_test(tcase, test_manager_is_gone);
    tcase_add_test(tcase, test_manager_reads_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
