/*
 * Values by type: accepted and refused ones, at the limits of the range and beyond them, and how
 * each is printed.
 */
#include "config_test.h"

#include "app/config/config_value.h"

#include <stddef.h>

Suite *check_config_value_suite(void);

static struct config config;

static const char *const colours[] = {"red", "green", NULL};

static struct config_row row_of(enum config_type type, size_t offset, int64_t min, int64_t max)
{
    struct config_row row = {.name = "x", .offset = offset, .type = type, .min = min, .max = max};

    row.choices = colours;
    return row;
}

#define ROW(type, field, min, max) row_of(type, offsetof(struct config, field), min, max)

/* Sets the row to the text and returns how it is printed; NULL if it was refused. */
static const char *through(const struct config_row *row, const char *text)
{
    static char written[1024];
    struct config_arena arena = {NULL};
    struct err *err = config_value_set_text(row, &config, text, &arena);
    struct buf out;

    if (err) {
        ck_assert_int_eq(err_code(err), ERR_CONFIG);
        ck_assert_str_ne(err_text(err), "");
        err_free(err);
        config_arena_fini(&arena);
        memset(&config, 0, sizeof(config));
        return NULL;
    }
    buf_init(&out, sizeof(written));
    ck_assert_int_eq(config_value_print(row, &config, &out), 0);
    ck_assert_uint_lt(out.len, sizeof(written));
    memcpy(written, buf_data(&out), out.len);
    written[out.len] = '\0';
    buf_fini(&out);
    config_arena_fini(&arena);
    return written;
}

START_TEST(test_switch)
{
    struct config_row row = ROW(CONFIG_SWITCH, daemon, 0, 0);

    ck_assert_str_eq(through(&row, "on"), "on");
    ck_assert_int_eq(config.daemon, 1);
    ck_assert_str_eq(through(&row, "OFF"), "off");
    ck_assert_str_eq(through(&row, "true"), "on");
    ck_assert_str_eq(through(&row, "false"), "off");
    ck_assert_ptr_null(through(&row, "1"));
    ck_assert_ptr_null(through(&row, ""));
}
END_TEST

START_TEST(test_int)
{
    struct config_row row = ROW(CONFIG_INT, max_connections, 2, 50);

    ck_assert_str_eq(through(&row, "2"), "2");
    ck_assert_str_eq(through(&row, "50"), "50");
    ck_assert_ptr_null(through(&row, "1"));
    ck_assert_ptr_null(through(&row, "51"));
    ck_assert_ptr_null(through(&row, "-3"));
    ck_assert_ptr_null(through(&row, "3k"));
    ck_assert_ptr_null(through(&row, "99999999999999999999"));
}
END_TEST

START_TEST(test_size)
{
    struct config_row row = ROW(CONFIG_SIZE, max_message, 1024, (int64_t)4 << 30);

    ck_assert_str_eq(through(&row, "1k"), "1k");
    ck_assert_int_eq(config.max_message, 1024);
    ck_assert_str_eq(through(&row, "2500000"), "2500000");
    ck_assert_str_eq(through(&row, "16M"), "16m");
    ck_assert_str_eq(through(&row, "4g"), "4g");
    ck_assert_str_eq(through(&row, "1024m"), "1g");
    ck_assert_ptr_null(through(&row, "5g"));
    ck_assert_ptr_null(through(&row, "1023"));
    ck_assert_ptr_null(through(&row, "k"));
    ck_assert_ptr_null(through(&row, ""));
    ck_assert_ptr_null(through(&row, "1kk"));
    ck_assert_ptr_null(through(&row, "9223372036854775807g"));
    ck_assert_ptr_null(through(&row, "99999999999999999999999999m"));
}
END_TEST

START_TEST(test_times)
{
    struct config_row ms = ROW(CONFIG_MS, grace_start_wait, 1, 1000);
    struct config_row ms_auto = ROW(CONFIG_MS_AUTO, grace_start_wait, 0, 1000);
    struct config_row seconds = ROW(CONFIG_SECONDS, grace_start_wait, 1, 60);

    ck_assert_str_eq(through(&ms, "350"), "350");
    ck_assert_int_eq(config.grace_start_wait, 350000);
    ck_assert_str_eq(through(&ms, "10.0"), "10");
    ck_assert_str_eq(through(&ms, "1.5"), "1.500");
    ck_assert_int_eq(config.grace_start_wait, 1500);
    ck_assert_str_eq(through(&ms, "1000.000"), "1000");
    ck_assert_ptr_null(through(&ms, "1000.001"));
    ck_assert_ptr_null(through(&ms, "0.999"));
    ck_assert_ptr_null(through(&ms, "1.2345"));
    ck_assert_ptr_null(through(&ms, "1."));
    ck_assert_ptr_null(through(&ms, ".5"));
    ck_assert_ptr_null(through(&ms, "1.x"));
    ck_assert_ptr_null(through(&ms, "1.-1"));
    ck_assert_ptr_null(through(&ms, "auto"));
    ck_assert_str_eq(through(&ms_auto, "AUTO"), "auto");
    ck_assert_int_eq(config.grace_start_wait, -1);
    ck_assert_str_eq(through(&ms_auto, "0"), "0");
    ck_assert_ptr_null(through(&ms_auto, "-1"));
    ck_assert_str_eq(through(&seconds, "30"), "30");
    ck_assert_int_eq(config.grace_start_wait, 30 * USEC_PER_SEC);
    ck_assert_str_eq(through(&seconds, "2.5"), "2.500");
    ck_assert_str_eq(through(&seconds, "5s"), "5");
    ck_assert_int_eq(config.grace_start_wait, 5 * USEC_PER_SEC);
    ck_assert_str_eq(through(&seconds, "2.5s"), "2.500");
    ck_assert_ptr_null(through(&seconds, "61"));
    ck_assert_ptr_null(through(&seconds, "61s"));
    ck_assert_ptr_null(through(&seconds, "s"));
    ck_assert_ptr_null(through(&seconds, "5ss"));
    ck_assert_ptr_null(through(&seconds, "5ms"));
}
END_TEST

START_TEST(test_choices)
{
    struct config_row row = ROW(CONFIG_CHOICE, daemon, 0, 0);
    struct config_row level = ROW(CONFIG_LOG_LEVEL, log_level, 0, 0);

    ck_assert_str_eq(through(&row, "green"), "green");
    ck_assert_int_eq(config.daemon, 1);
    ck_assert_str_eq(through(&row, "Red"), "red");
    ck_assert_ptr_null(through(&row, "blue"));
    ck_assert_str_eq(through(&level, "error"), "error");
    ck_assert_str_eq(through(&level, "trace"), "info");
    ck_assert_str_eq(through(&level, "verbose"), "debug");
    ck_assert_ptr_null(through(&level, "loud"));
}
END_TEST

START_TEST(test_strings)
{
    struct config_row row = ROW(CONFIG_STRING, pid, 0, 0);
    char text[CONFIG_STRING_MAX + 1];

    ck_assert_str_eq(through(&row, "./a"), "./a");
    ck_assert_str_eq(through(&row, ""), "\"\"");
    ck_assert_str_eq(through(&row, "a b"), "\"a b\"");
    ck_assert_str_eq(through(&row, "#a"), "\"#a\"");
    ck_assert_str_eq(through(&row, "a#b"), "a#b");
    ck_assert_str_eq(through(&row, "a\"b\\c\nd\t;"), "\"a\\\"b\\\\c\\nd\\t;\"");
    memset(text, 'x', sizeof(text));
    text[CONFIG_STRING_MAX - 1] = '\0';
    ck_assert_str_eq(through(&row, text), text);
    text[CONFIG_STRING_MAX - 1] = 'x';
    text[CONFIG_STRING_MAX] = '\0';
    ck_assert_ptr_null(through(&row, text));
}
END_TEST

START_TEST(test_endpoints)
{
    static const char *const good[] = {"0",         "65535",          ":80",           "1.2.3.4:80",
                                       "[::]:8080", "[fe80::1]:1935", "unix:/tmp/sock"};
    static const char *const bad[] = {
        "-1",       "65536", "1.2.3:80", "[::]", "[::1:80", "::1:80", "host:1",
        "1.2.3.4:", "[]:1",  "unix:",    "*:80", ":",       "80/tcp", "[1.2.3.4]:1"};
    struct config_row row = ROW(CONFIG_ENDPOINTS, listen, 1, 3);

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        memset(&config, 0, sizeof(config));
        ck_assert_str_eq(through(&row, good[i]), good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&config, 0, sizeof(config));
        ck_assert_msg(through(&row, bad[i]) == NULL, "%s is taken", bad[i]);
    }
    memset(&config, 0, sizeof(config));
    ck_assert_str_eq(through(&row, " 1\t2  3 "), "1 2 3");
    memset(&config, 0, sizeof(config));
    ck_assert_ptr_null(through(&row, "1 2 3 4"));
    memset(&config, 0, sizeof(config));
    ck_assert_ptr_null(through(&row, "  "));
}
END_TEST

/* More words than any list accepts. */
START_TEST(test_many_words)
{
    struct config_row row = ROW(CONFIG_ENDPOINTS, listen, 1, 16);
    char text[256];

    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "1 ", 2);
    text[sizeof(text) - 1] = '\0';
    memset(&config, 0, sizeof(config));
    ck_assert_ptr_null(through(&row, text));
}
END_TEST

Suite *check_config_value_suite(void)
{
    Suite *suite = suite_create("config_value");
    TCase *tcase = tcase_create("config_value");

    tcase_add_test(tcase, test_switch);
    tcase_add_test(tcase, test_int);
    tcase_add_test(tcase, test_size);
    tcase_add_test(tcase, test_times);
    tcase_add_test(tcase, test_choices);
    tcase_add_test(tcase, test_strings);
    tcase_add_test(tcase, test_endpoints);
    tcase_add_test(tcase, test_many_words);
    suite_add_tcase(suite, tcase);
    return suite;
}
