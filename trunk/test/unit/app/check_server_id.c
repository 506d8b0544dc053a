/* server_id: generated once, kept in a file, and never trusted without a look. */
#include "app/core/server_id.h"

#include "config_test.h"

#include <fcntl.h>
#include <sys/stat.h>

Suite *check_server_id_suite(void);

static char folder[64], pid[128], path[128];
static struct config_test_log warned;

static void setup(void)
{
    (void)strncpy(folder, "/tmp/check_server_id.XXXXXX", sizeof(folder) - 1);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(pid, sizeof(pid), "%s/srs.pid", folder);
    (void)snprintf(path, sizeof(path), "%s/srs.id", folder);
    config_test_log_init(&warned);
}

static void teardown(void)
{
    (void)unlink(path);
    (void)rmdir(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void put(const char *text)
{
    FILE *file = fopen(path, "we");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static const char *kept(void)
{
    static char text[256];
    FILE *file = fopen(path, "re");
    size_t len;

    ck_assert_ptr_nonnull(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

static void ck_generated(const char *text)
{
    ck_assert_int_eq(strncmp(text, "vid-", 4), 0);
    ck_assert_uint_eq(strlen(text), 11);
    ck_assert_uint_eq(strspn(text + 4, "abcdefghijklmnopqrstuvwxyz0123456789"), 7);
}

START_TEST(test_outlives_the_process)
{
    struct server_id first, second;

    server_id_open(&first, "", pid, NULL, &warned.log);
    ck_generated(first.text);
    ck_assert_str_eq(kept(), first.text);
    server_id_close(&first);
    server_id_open(&second, "", pid, NULL, &warned.log);
    ck_assert_str_eq(second.text, first.text);
    server_id_close(&second);
    ck_assert_str_eq(warned.text, "");
}
END_TEST

START_TEST(test_where)
{
    struct server_id id;
    char state[256];

    /* A pid file without its extension; the state folder, the first of several. */
    (void)snprintf(state, sizeof(state), "%s/srs", folder);
    server_id_open(&id, "", state, "/nowhere", &warned.log);
    ck_assert_str_eq(kept(), id.text);
    server_id_close(&id);
    (void)unlink(path);
    (void)snprintf(state, sizeof(state), "%s:/nowhere", folder);
    server_id_open(&id, "", "", state, &warned.log);
    server_id_close(&id);
    (void)snprintf(path, sizeof(path), "%s/millrace.id", folder);
    ck_assert_str_eq(kept(), id.text);
    ck_assert_str_eq(warned.text, "");
}
END_TEST

START_TEST(test_configured)
{
    struct server_id id;

    server_id_open(&id, "origin-a", pid, NULL, &warned.log);
    ck_assert_str_eq(id.text, "origin-a");
    ck_assert_int_eq(id.fd, -1);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_str_eq(warned.text, "");
    server_id_open(&id, "a-name-that-is-longer-than-any-name-may-be", pid, NULL, &warned.log);
    ck_assert_uint_eq(strlen(id.text), SERVER_ID_SIZE - 1);
    ck_assert_ptr_nonnull(strstr(warned.text, "is longer than 31 letters"));
}
END_TEST

/* The name that SRS has left, or an operator has written. */
START_TEST(test_taken_over)
{
    struct server_id id;

    put("vid-0xk3abc");
    server_id_open(&id, "", pid, NULL, &warned.log);
    ck_assert_str_eq(id.text, "vid-0xk3abc");
    server_id_close(&id);
    put("Origin_1.example\r\n");
    server_id_open(&id, "", pid, NULL, &warned.log);
    ck_assert_str_eq(id.text, "Origin_1.example");
    server_id_close(&id);
    ck_assert_str_eq(warned.text, "");
}
END_TEST

START_TEST(test_odd_content)
{
    static const char *const odd[] = {"a b",     "\xff\xfe",
                                      "../../x", "{\"id\":1}",
                                      "a\nb",    "a-name-that-is-longer-than-any-name-may-be"};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct server_id id;

        config_test_log_init(&warned);
        put(odd[i]);
        server_id_open(&id, "", pid, NULL, &warned.log);
        ck_generated(id.text);
        ck_assert_int_eq(id.fd, -1);
        ck_assert_ptr_nonnull(strstr(warned.text, "[warn]"));
        ck_assert_ptr_nonnull(strstr(warned.text, "it does not contain a server_id"));
        ck_assert_str_eq(kept(), odd[i]); /* it may be another program's file */
    }
}
END_TEST

START_TEST(test_odd_files)
{
    struct server_id id;

    ck_assert_int_eq(symlink("/etc/hostname", path), 0);
    server_id_open(&id, "", pid, NULL, &warned.log);
    ck_generated(id.text);
    ck_assert_ptr_nonnull(strstr(warned.text, "symbolic links are not followed"));
    ck_assert_int_eq(unlink(path), 0);

    config_test_log_init(&warned);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    server_id_open(&id, "", pid, NULL, &warned.log);
    ck_generated(id.text);
    ck_assert_ptr_nonnull(strstr(warned.text, "not a regular file"));
    ck_assert_int_eq(unlink(path), 0);

    config_test_log_init(&warned);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    server_id_open(&id, "", pid, NULL, &warned.log);
    ck_generated(id.text);
    ck_assert_ptr_nonnull(strstr(warned.text, "[warn]"));
    ck_assert_int_eq(id.fd, -1);
}
END_TEST

START_TEST(test_no_folder)
{
    struct server_id id;

    server_id_open(&id, "", "/proc/self/nowhere/srs.pid", NULL, &warned.log);
    ck_generated(id.text);
    ck_assert_ptr_nonnull(strstr(warned.text, "[warn]"));
    ck_assert_ptr_nonnull(strstr(warned.text, "for this run only"));
}
END_TEST

/* Two servers never have one name. */
START_TEST(test_two_at_once)
{
    struct server_id first, second;

    server_id_open(&first, "", pid, NULL, &warned.log);
    server_id_open(&second, "", pid, NULL, &warned.log);
    ck_generated(second.text);
    ck_assert_str_ne(second.text, first.text);
    ck_assert_ptr_nonnull(strstr(warned.text, "another server uses it"));
    ck_assert_ptr_null(strstr(warned.text, "[warn]"));
    ck_assert_str_eq(kept(), first.text);
    server_id_close(&second);
    server_id_close(&first);
}
END_TEST

Suite *check_server_id_suite(void)
{
    Suite *suite = suite_create("server_id");
    TCase *tcase = tcase_create("server_id");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_outlives_the_process);
    tcase_add_test(tcase, test_where);
    tcase_add_test(tcase, test_configured);
    tcase_add_test(tcase, test_taken_over);
    tcase_add_test(tcase, test_odd_content);
    tcase_add_test(tcase, test_odd_files);
    tcase_add_test(tcase, test_no_folder);
    tcase_add_test(tcase, test_two_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
