/* The pid file: written, a lock against a second instance, removed; and folders for it. */
#include "app/core/process.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *check_process_suite(void);

static char folder[64];
static char path[128];

static void setup(void)
{
    (void)strncpy(folder, "/tmp/check_process.XXXXXX", sizeof(folder) - 1);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/in/pid", folder);
}

static void teardown(void)
{
    (void)unlink(path);
    path[strlen(path) - 4] = '\0';
    (void)rmdir(path);
    (void)rmdir(folder);
}

START_TEST(test_pid)
{
    struct process_pid pid;
    struct process_pid second;
    struct stat st;
    char expected[32];
    char got[32] = "";
    struct err *err;
    FILE *file;

    process_make_folder(path);
    ck_assert_ptr_null(process_pid_open(&pid, path));
    ck_assert_ptr_null(process_pid_write(&pid));
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(got, sizeof(got), file));
    (void)fclose(file);
    (void)snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    ck_assert_str_eq(got, expected);

    err = process_pid_open(&second, path);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err_code(err), ERR_BUSY);
    expected[strlen(expected) - 1] = '\0';
    ck_assert_ptr_nonnull(strstr(err_text(err), expected));
    err_free(err);
    process_pid_close(&second);
    ck_assert_int_eq(stat(path, &st), 0);

    process_pid_close(&pid);
    ck_assert_int_ne(stat(path, &st), 0);
    process_pid_close(&pid);
}
END_TEST

/* The file of a crashed instance is not a lock. */
START_TEST(test_stale_pid)
{
    struct process_pid pid;
    FILE *file;
    struct stat st;

    process_make_folder(path);
    file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs("123456789012345\n", file);
    (void)fclose(file);
    ck_assert_ptr_null(process_pid_open(&pid, path));
    ck_assert_ptr_null(process_pid_write(&pid));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_lt(st.st_size, 16);
    process_pid_close(&pid);
}
END_TEST

START_TEST(test_pid_mistakes)
{
    struct process_pid pid;
    struct err *err = process_pid_open(&pid, "/nowhere/in/pid");

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err_code(err), ERR_SYS);
    ck_assert_int_eq(pid.fd, -1);
    err_free(err);
    ck_assert_ptr_null(process_pid_write(&pid));
    process_make_folder("pid"); /* in a folder that does not exist */
    process_make_folder("/pid");
}
END_TEST

/* A link in its place would have us write into any file. */
START_TEST(test_pid_is_no_link)
{
    char target[] = "/tmp/millrace-pid-XXXXXX";
    int fd = mkstemp(target);
    char link[64];
    struct process_pid pid;
    struct stat st;
    struct err *err;

    ck_assert_int_ge(fd, 0);
    (void)snprintf(link, sizeof(link), "%s.link", target);
    ck_assert_int_eq(symlink(target, link), 0);
    err = process_pid_open(&pid, link);
    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_nonnull(strstr(err_text(err), "symbolic link"));
    err_free(err);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    close(fd);
    unlink(link);
    unlink(target);
}
END_TEST

Suite *check_process_suite(void)
{
    Suite *suite = suite_create("process");
    TCase *tcase = tcase_create("process");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_pid);
    tcase_add_test(tcase, test_stale_pid);
    tcase_add_test(tcase, test_pid_mistakes);
    tcase_add_test(tcase, test_pid_is_no_link);
    suite_add_tcase(suite, tcase);
    return suite;
}
