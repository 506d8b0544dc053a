/* The configuration's tokens: words, quotes and escapes, marks, and where each of them stands. */
#include "base/conf_private.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_conf_word_suite(void);

/* All tokens as text: words in <>, joined, and the line of each mark. Or the error. */
static const char *tokens(const char *text, size_t len)
{
    static char out[8192];
    struct conf_text file = {.path = (char *)(uintptr_t) "f", .len = len, .line = 1};
    enum conf_token token = CONF_WORD;
    struct conf_words words = {.count = 0};
    struct err *err = NULL;
    size_t at = 0;

    file.text = malloc(len + 1);
    ck_assert_ptr_nonnull(file.text);
    memcpy(file.text, text, len);
    buf_init(&words.text, (size_t)CONF_WORD_MAX * (CONF_ARGS_MAX + 1));
    out[0] = '\0';
    while (token != CONF_END) {
        size_t before = words.text.len;

        err = conf_next(&file, &words, &token);
        if (err != NULL)
            break;
        if (token == CONF_WORD) {
            const char *word = (const char *)buf_data(&words.text) + before;

            at += (size_t)snprintf(out + at, sizeof(out) - at, "<%.40s>", word);
            ck_assert_uint_eq(words.text.len, before + strlen(word) + 1);
            continue;
        }
        at += (size_t)snprintf(out + at, sizeof(out) - at, "%c%d ", "_{};."[token], file.line);
        ck_assert_uint_lt(at, sizeof(out));
        buf_consume(&words.text, words.text.len);
        words.count = 0;
    }
    if (err != NULL)
        (void)snprintf(out, sizeof(out), "%s", err_text(err));
    err_free(err);
    buf_fini(&words.text);
    free(file.text);
    return out;
}

#define TOKENS(text, want) ck_assert_str_eq(tokens(text, strlen(text)), want)

START_TEST(plain)
{
    TOKENS("", ".1 ");
    TOKENS("a b;c{}", "<a><b>;1 <c>{1 }1 .1 ");
    TOKENS("a\n#x;\n  b;\n", "<a><b>;3 .4 ");
    TOKENS("a#b;", "<a#b>;1 .1 ");
    TOKENS("[vhost]/[app].flv\r\n;", "<[vhost]/[app].flv>;2 .2 ");
}
END_TEST

START_TEST(quotes)
{
    TOKENS("a \"b; {c}\" 'd\"';", "<a><b; {c}><d\">;1 .1 ");
    TOKENS("a \"\";", "<a><>;1 .1 ");
    TOKENS("a \"\\\"\\\\\\n\\x\";", "<a><\"\\\n\\x>;1 .1 ");
    TOKENS("a 'b", "f:1: a quote is not closed on its line");
    TOKENS("a 'b\n';", "f:1: a quote is not closed on its line");
    TOKENS("a 'b'c;", "f:1: text right after a closing quote");
    TOKENS("''", "f:1: a directive's name is empty");
}
END_TEST

START_TEST(control_characters)
{
    for (int c = 1; c < 256; c++) {
        char text[] = {'a', ' ', 'x', (char)c, ';'};
        const char *out = tokens(text, sizeof(text));

        if (c < 0x20 && strchr("\t\r\n", c) == NULL)
            ck_assert_ptr_nonnull(strstr(out, "control character"));
        else if (c == 0x7f)
            ck_assert_str_eq(out, "f:1: control character 0x7f");
        else
            ck_assert_ptr_null(strstr(out, "control"));
    }
    ck_assert_str_eq(tokens("a\0b;", 4), "f:1: control character 0x00");
}
END_TEST

START_TEST(limits)
{
    char *text = malloc(CONF_WORD_MAX + 4 + 2 * CONF_ARGS_MAX);

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', CONF_WORD_MAX);
    ck_assert_ptr_null(strstr(tokens(text, CONF_WORD_MAX - 1), "longer"));
    ck_assert_ptr_nonnull(strstr(tokens(text, CONF_WORD_MAX), "a word is longer than 4095 bytes"));
    for (int i = 0; i < 2 * (CONF_ARGS_MAX + 2); i++)
        text[i] = i % 2 == 0 ? 'a' : ' ';
    ck_assert_ptr_null(strstr(tokens(text, 2 * (CONF_ARGS_MAX + 1)), "more than"));
    ck_assert_ptr_nonnull(
        strstr(tokens(text, 2 * (CONF_ARGS_MAX + 2)), "a: more than 64 arguments"));
    free(text);
}
END_TEST

/* Truncated anywhere: tokens or an error, and no read beyond the end. */
START_TEST(truncated)
{
    static const char text[] = "vhost a.b { # c\n  play { time_jitter \"f\\\"ull\" 'x y'; }\n}\n";

    for (size_t len = 0; len <= strlen(text); len++)
        ck_assert_str_ne(tokens(text, len), "");
}
END_TEST

Suite *check_conf_word_suite(void)
{
    Suite *suite = suite_create("conf_word");
    TCase *tc = tcase_create("tokens");

    tcase_add_test(tc, plain);
    tcase_add_test(tc, quotes);
    tcase_add_test(tc, control_characters);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, truncated);
    suite_add_tcase(suite, tc);
    return suite;
}
