/*
 * Log lines: the form "[time][level][pid][context id][errno] text", levels, lines that are too
 * long, and bytes of a peer that try to forge a line.
 */
#include "base/log.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

Suite *check_log_suite(void);

struct memory_sink {
    struct log_sink sink;
    char text[LOG_LINE_MAX + 16];
    size_t len;
    int lines;
};

static void memory_write(struct log_sink *sink, const char *line, size_t len)
{
    struct memory_sink *memory = (struct memory_sink *)sink;

    ck_assert_uint_le(len, LOG_LINE_MAX);
    memcpy(memory->text, line, len);
    memory->text[len] = '\0';
    memory->len = len;
    memory->lines++;
    errno = EBADF; /* a sink may spoil it, the caller must not notice */
}

static const char *context_of(void *arg)
{
    return arg;
}

static struct memory_sink memory;
static struct log logger;

static void set_up(void)
{
    memset(&memory, 0, sizeof(memory));
    memset(&logger, 0, sizeof(logger));
    memory.sink.write = memory_write;
    logger.level = LOG_DEBUG;
    logger.sink = &memory.sink;
}

START_TEST(a_line_has_time_level_and_context)
{
    static char id[] = "abcd1234";
    int year, month, day, hour, minute, second, ms, pid, code, end = 0;
    char level[16], context[16];

    logger.context = context_of;
    logger.context_arg = id;
    errno = ENOENT;
    log_sys(&logger, LOG_WARN, EPIPE, "mount %s", "/live");
    ck_assert_int_eq(sscanf(memory.text,
                            "[%4d-%2d-%2d %2d:%2d:%2d.%3d][%15[a-z]][%d][%15[a-z0-9]][%d] %n",
                            &year, &month, &day, &hour, &minute, &second, &ms, level, &pid, context,
                            &code, &end),
                     11);
    ck_assert_str_eq(level, "warn");
    ck_assert_int_eq(pid, getpid());
    ck_assert_str_eq(context, "abcd1234");
    ck_assert_int_eq(code, EPIPE);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_ge(year, 2024);
    ck_assert_str_eq(memory.text + end, "mount /live\n");
}
END_TEST

/* Whatever errno was left by other calls. */
START_TEST(a_line_shows_the_errno_of_its_error)
{
    struct err *err = err_wrap(err_sys(ECONNRESET, "read"), "peer");

    errno = ENOENT;
    log_err(&logger, LOG_INFO, err, "%s", err_text(err));
    ck_assert_ptr_nonnull(strstr(memory.text, "][104] peer: read: Connection reset by peer\n"));
    err_free(err);
    err = err_new(ERR_CLOSED, "closed");
    log_err(&logger, LOG_INFO, err, "x");
    ck_assert_ptr_nonnull(strstr(memory.text, "][0] x\n"));
    err_free(err);
    log_err(&logger, LOG_INFO, NULL, "y");
    ck_assert_ptr_nonnull(strstr(memory.text, "][0] y\n"));
    log_warn(&logger, "z");
    ck_assert_ptr_nonnull(strstr(memory.text, "][0] z\n"));
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(a_line_without_context_shows_a_dash)
{
    log_info(&logger, "x");
    ck_assert_ptr_nonnull(strstr(memory.text, "][-][0] x\n"));
}
END_TEST

START_TEST(utc_is_an_hour_or_more_from_a_far_zone)
{
    char local[32];

    ck_assert_int_eq(setenv("TZ", "XXX-5", 1), 0);
    tzset();
    log_info(&logger, "x");
    memcpy(local, memory.text, 14);
    local[14] = '\0';
    logger.utc = 1;
    log_info(&logger, "x");
    memory.text[14] = '\0';
    ck_assert_str_ne(local, memory.text);
    ck_assert_int_eq(unsetenv("TZ"), 0);
    tzset();
}
END_TEST

START_TEST(lines_below_the_level_are_dropped)
{
    for (int set = LOG_ERROR; set <= LOG_DEBUG; set++) {
        logger.level = (enum log_level)set;
        for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
            memory.lines = 0;
            log_write(&logger, (enum log_level)level, "x");
            ck_assert_int_eq(memory.lines, level <= set);
        }
    }
    memory.lines = 0;
    logger.level = LOG_INFO;
    log_debug(&logger, "%d", 1);
    ck_assert_int_eq(memory.lines, 0);
}
END_TEST

START_TEST(nothing_is_logged_without_a_sink)
{
    logger.sink = NULL;
    log_error(&logger, "x");
    ck_assert_int_eq(memory.lines, 0);
}
END_TEST

START_TEST(logging_preserves_errno)
{
    errno = EINTR;
    log_error(&logger, "x");
    ck_assert_int_eq(errno, EINTR);
}
END_TEST

START_TEST(control_bytes_cannot_forge_a_line)
{
    log_info(&logger, "a\nb\r\x1b[31mc\x7f\td");
    ck_assert_ptr_nonnull(strstr(memory.text, "] a?b??[31mc??d\n"));
    ck_assert_ptr_eq(strchr(memory.text, '\n'), memory.text + memory.len - 1);
}
END_TEST

/* U+009B begins a sequence as ESC [ does, U+202E turns the rest of the line around. */
START_TEST(hidden_characters_and_broken_ones)
{
    log_info(&logger, "a\xc2\x9b"
                      "31mb\xe2\x80\xae"
                      "c\x9b"
                      "31m\xe2\x80");
    ck_assert_ptr_nonnull(strstr(memory.text, "] a?31mb?c?31m??\n"));
}
END_TEST

START_TEST(a_context_cannot_forge_a_line)
{
    static char id[] = "a\nb";

    logger.context = context_of;
    logger.context_arg = id;
    log_info(&logger, "x");
    ck_assert_ptr_eq(strchr(memory.text, '\n'), memory.text + memory.len - 1);
}
END_TEST

START_TEST(utf8_passes)
{
    log_info(&logger, "stream %s", "\xe7\x9b\xb4\xe6\x92\xad");
    ck_assert_ptr_nonnull(strstr(memory.text, "stream \xe7\x9b\xb4\xe6\x92\xad\n"));
}
END_TEST

/* Every length about the limit, so that a line is cut and never runs over. */
START_TEST(lines_are_cut_at_the_limit)
{
    static char big[LOG_LINE_MAX * 2];
    size_t longest = 0;

    for (size_t n = LOG_LINE_MAX - 200; n < LOG_LINE_MAX + 200; n++) {
        memset(big, 'x', n);
        big[n] = '\0';
        log_info(&logger, "%s", big);
        ck_assert_uint_le(memory.len, LOG_LINE_MAX);
        ck_assert_int_eq(memory.text[memory.len - 1], '\n');
        ck_assert_int_eq(memory.text[memory.len - 2], 'x');
        if (memory.len > longest)
            longest = memory.len;
    }
    ck_assert_uint_ge(longest, LOG_LINE_MAX - 2);
}
END_TEST

START_TEST(an_endless_context_is_cut)
{
    static char id[LOG_LINE_MAX * 2];

    memset(id, 'i', sizeof(id) - 1);
    logger.context = context_of;
    logger.context_arg = id;
    log_info(&logger, "text");
    ck_assert_uint_le(memory.len, LOG_LINE_MAX);
    ck_assert_int_eq(memory.text[memory.len - 1], '\n');
}
END_TEST

START_TEST(level_names)
{
    static const struct {
        const char *name;
        int level;
    } rows[] = {{"error", LOG_ERROR},
                {"warn", LOG_WARN},
                {"info", LOG_INFO},
                {"debug", LOG_DEBUG},
                {"trace", LOG_INFO},
                {"verbose", LOG_DEBUG},
                {"", -1},
                {"Error", -1},
                {"errors", -1},
                {"err", -1},
                {"0", -1}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_int_eq(log_level_parse(rows[i].name), rows[i].level);
}
END_TEST

Suite *check_log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, a_line_has_time_level_and_context);
    tcase_add_test(tcase, a_line_shows_the_errno_of_its_error);
    tcase_add_test(tcase, a_line_without_context_shows_a_dash);
    tcase_add_test(tcase, utc_is_an_hour_or_more_from_a_far_zone);
    tcase_add_test(tcase, lines_below_the_level_are_dropped);
    tcase_add_test(tcase, nothing_is_logged_without_a_sink);
    tcase_add_test(tcase, logging_preserves_errno);
    tcase_add_test(tcase, control_bytes_cannot_forge_a_line);
    tcase_add_test(tcase, hidden_characters_and_broken_ones);
    tcase_add_test(tcase, a_context_cannot_forge_a_line);
    tcase_add_test(tcase, utf8_passes);
    tcase_add_test(tcase, lines_are_cut_at_the_limit);
    tcase_add_test(tcase, an_endless_context_is_cut);
    tcase_add_test(tcase, level_names);
    suite_add_tcase(suite, tcase);
    return suite;
}
