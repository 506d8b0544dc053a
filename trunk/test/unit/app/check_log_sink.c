/*
 * The log's sinks: a file that is appended to and reopened, and a console that nobody reads, which
 * must not block the writer, drops only what exceeds the limit, and reports it.
 */
#include "app/core/log_sink.h"

#include "base/str.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *check_log_sink_suite(void);

static char folder[64];
static char path[128];
static char old_path[128];

static void setup(void)
{
    (void)strncpy(folder, "/tmp/check_log_sink.XXXXXX", sizeof(folder) - 1);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    (void)snprintf(old_path, sizeof(old_path), "%s/log.1", folder);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void teardown(void)
{
    (void)unlink(path);
    (void)unlink(old_path);
    (void)rmdir(folder);
}

static void line(struct log_sink_file *file, const char *text)
{
    file->sink.write(&file->sink, text, strlen(text));
}

static void expect_file(const char *name, const char *text)
{
    char got[256];
    FILE *stream = fopen(name, "re");
    size_t len;

    ck_assert_ptr_nonnull(stream);
    len = fread(got, 1, sizeof(got) - 1, stream);
    got[len] = '\0';
    (void)fclose(stream);
    ck_assert_str_eq(got, text);
}

START_TEST(test_file)
{
    struct log_sink_file file;

    ck_assert_ptr_null(log_sink_open(&file, path, NULL));
    line(&file, "one\n");
    log_sink_close(&file);
    ck_assert_ptr_null(log_sink_open(&file, path, NULL));
    line(&file, "two\n");
    expect_file(path, "one\ntwo\n");
    ck_assert_int_eq(rename(path, old_path), 0);
    line(&file, "three\n");
    ck_assert_ptr_null(log_sink_reopen(&file));
    line(&file, "four\n");
    log_sink_close(&file);
    expect_file(old_path, "one\ntwo\nthree\n");
    expect_file(path, "four\n");
}
END_TEST

START_TEST(test_reopen_fails)
{
    struct log_sink_file file;
    struct err *err;

    ck_assert_ptr_null(log_sink_open(&file, path, NULL));
    ck_assert_int_eq(rename(path, old_path), 0);
    ck_assert_int_eq(symlink(folder, path), 0); /* a folder cannot be opened for writing */
    err = log_sink_reopen(&file);
    ck_assert_ptr_nonnull(err);
    err_free(err);
    line(&file, "continues\n");
    log_sink_close(&file);
    expect_file(old_path, "continues\n");
}
END_TEST

START_TEST(test_open_fails)
{
    struct log_sink_file file;
    struct err *err = log_sink_open(&file, "/nowhere/log", NULL);

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err_code(err), ERR_SYS);
    err_free(err);
}
END_TEST

/* Neither at the start nor at a reopen; but the system's own links are followed. */
START_TEST(test_links)
{
    char target[] = "/tmp/millrace-log-XXXXXX";
    int fd = mkstemp(target);
    char link[64];
    struct log_sink_file file;
    struct err *err;

    ck_assert_int_ge(fd, 0);
    close(fd);
    (void)snprintf(link, sizeof(link), "%s.link", target);
    ck_assert_int_eq(symlink(target, link), 0);
    err = log_sink_open(&file, link, NULL);
    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_nonnull(strstr(err_text(err), "symbolic link"));
    err_free(err);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_ptr_null(log_sink_open(&file, link, NULL));
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(symlink(target, link), 0);
    err = log_sink_reopen(&file);
    ck_assert_ptr_nonnull(err);
    err_free(err);
    log_sink_close(&file);
    unlink(link);
    unlink(target);
    ck_assert_ptr_null(log_sink_open(&file, "/dev/stderr", NULL));
    log_sink_close(&file);
}
END_TEST

/* Reads until nothing is left; returns the number of lines of each kind. */
struct tally {
    unsigned numbered, notes, lost, next;
    char rest[4096];
    size_t rest_len;
};

static void tally_line(struct tally *tally, const char *text)
{
    unsigned number;

    if (sscanf(text, "line %u ", &number) == 1) { /* NOLINT(cert-err34-c) */
        ck_assert_uint_eq(number, tally->next + tally->lost);
        tally->next++;
        tally->numbered++;
    } else {
        const char *at = strstr(text, "][warn][");

        ck_assert_ptr_nonnull(at);
        ck_assert_int_eq(sscanf(strrchr(text, ']') + 2, "%u log lines dropped", &number), 1);
        tally->lost += number;
        tally->notes++;
    }
}

static void drain(int fd, struct tally *tally)
{
    for (;;) {
        ssize_t n =
            read(fd, tally->rest + tally->rest_len, sizeof(tally->rest) - tally->rest_len - 1);
        char *start = tally->rest;
        char *end;

        if (n <= 0)
            return;
        tally->rest_len += (size_t)n;
        tally->rest[tally->rest_len] = '\0';
        while ((end = strchr(start, '\n')) != NULL) {
            *end = '\0';
            tally_line(tally, start);
            start = end + 1;
        }
        tally->rest_len -= (size_t)(start - tally->rest);
        memmove(tally->rest, start, tally->rest_len);
    }
}

START_TEST(test_reader_sleeps)
{
    struct log_sink_file file;
    struct tally tally = {0};
    char text[128];
    unsigned count = 20000; /* of 100 bytes: far more than the pipe and the bound */
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    log_sink_open_fd(&file, ends[1]);
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(text, sizeof(text), "line %-93u\n", i);
        line(&file, text);
    }
    ck_assert_uint_gt(file.lost, 0);
    ck_assert_uint_le(file.pending.len, LOG_SINK_PENDING_MAX);
    /* The reader wakes: each line that follows brings some of what was kept. */
    for (int i = 0; i < 100; i++) {
        drain(ends[0], &tally);
        (void)snprintf(text, sizeof(text), "line %-93u\n", count++);
        line(&file, text);
    }
    drain(ends[0], &tally);
    ck_assert_uint_eq(file.lost, 0);
    ck_assert_uint_eq(file.pending.len, 0);
    ck_assert_uint_ge(tally.notes, 1);
    ck_assert_uint_eq(tally.numbered + tally.lost, count);
    log_sink_close(&file);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

/* Lines that were dropped at the very end are reported, too. */
START_TEST(test_loss_before_the_end)
{
    struct log_sink_file file;
    struct tally tally = {0};
    char text[128];
    unsigned count = 10000;
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    log_sink_open_fd(&file, ends[1]);
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(text, sizeof(text), "line %-93u\n", i);
        line(&file, text);
    }
    ck_assert_uint_gt(file.lost, 0);
    /* The pipe is large enough, because nothing reads it here. */
    ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 1024 * 1024), 1024 * 1024);
    log_sink_close(&file);
    (void)close(ends[1]);
    drain(ends[0], &tally);
    ck_assert_uint_eq(tally.notes, 1);
    ck_assert_uint_eq(tally.numbered + tally.lost, count);
    (void)close(ends[0]);
}
END_TEST

static void check_lines(char *text)
{
    for (char *start = text, *end; *start != '\0'; start = end + 1) {
        end = strchr(start, '\n');
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        ck_assert(str_starts(start, "line "));
        ck_assert_int_eq(end - start, 98);
    }
}

/* Two processes with pending lines: no line interrupts a line of the other. */
START_TEST(test_two_writers)
{
    struct log_sink_file file[2];
    char text[128];
    char *got = calloc(1, 400 * 1024);
    size_t len = 0;
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    log_sink_open_fd(&file[0], ends[1]);
    log_sink_open_fd(&file[1], ends[1]);
    (void)snprintf(text, sizeof(text), "line %-93u\n", 0);
    for (int i = 0; i < 600; i++)
        line(&file[i % 2], text);
    ck_assert_uint_gt(file[0].pending.len, 4 * 4096);
    for (int i = 0; i < 40; i++) {
        ssize_t n = read(ends[0], got + len, 8192);

        len += n > 0 ? (size_t)n : 0;
        line(&file[i % 2], text);
    }
    len += (size_t)read(ends[0], got + len, 8192);
    ck_assert_uint_gt(len, 500 * 99);
    got[len] = '\0';
    check_lines(got);
    free(got);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(file[i].lost, 0);
        log_sink_close(&file[i]);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

START_TEST(test_reader_is_gone)
{
    struct log_sink_file file;
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    log_sink_open_fd(&file, ends[1]);
    (void)close(ends[0]);
    line(&file, "nobody\n");
    line(&file, "nobody\n");
    ck_assert_uint_eq(file.pending.len, 0);
    ck_assert_uint_gt(file.lost, 0);
    log_sink_close(&file);
    (void)close(ends[1]);
}
END_TEST

Suite *check_log_sink_suite(void)
{
    Suite *suite = suite_create("log_sink");
    TCase *tcase = tcase_create("log_sink");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_file);
    tcase_add_test(tcase, test_reopen_fails);
    tcase_add_test(tcase, test_open_fails);
    tcase_add_test(tcase, test_links);
    tcase_add_test(tcase, test_reader_sleeps);
    tcase_add_test(tcase, test_loss_before_the_end);
    tcase_add_test(tcase, test_two_writers);
    tcase_add_test(tcase, test_reader_is_gone);
    suite_add_tcase(suite, tcase);
    return suite;
}
