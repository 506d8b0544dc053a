/* Names and passwords of the API, right, wrong and malformed. */
#include "app/config/config.h"
#include "app/http/api_login.h"
#include "base/str.h"

#include <check.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

Suite *check_api_login_suite(void);

/* Whether "user:password" as sent in this scheme is right. */
static int sent(const char *username, const char *password, const char *scheme, const char *text)
{
    char *item[] = {(char *)(uintptr_t)password};
    struct config_api_auth auth = {1, username, {password[0] != '\0', item}};
    unsigned char code[4096];
    char line[5000];

    EVP_EncodeBlock(code, (const unsigned char *)text, (int)strlen(text));
    snprintf(line, sizeof(line), "%s%s", scheme, (const char *)code);
    return api_login_is_right(&auth, line);
}

START_TEST(right_and_wrong)
{
    static const char *const passwords[] = {
        "p", "pa", "pas", "a:b", ":", "with space", "\xc3\xa4\xc3\xb6", "==="};

    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
        char text[100];

        snprintf(text, sizeof(text), "user:%s", passwords[i]);
        ck_assert_msg(sent("user", passwords[i], "Basic ", text), "%s", passwords[i]);
        ck_assert(sent("user", passwords[i], "bAsIc   ", text));
        ck_assert(!sent("user", passwords[i], "Basi ", text));
        ck_assert(!sent("user", passwords[i], "Basic", text));
        ck_assert(!sent("User", passwords[i], "Basic ", text));
        snprintf(text, sizeof(text), "user:%sx", passwords[i]);
        ck_assert(!sent("user", passwords[i], "Basic ", text));
        snprintf(text, sizeof(text), "user%s", passwords[i]);
        ck_assert_msg(!sent("user", passwords[i], "Basic ", text), "%s", passwords[i]);
    }
    ck_assert(!sent("user", "p", "Basic ", ""));
    ck_assert(!sent("user", "p", "Basic ", ":"));
    /* Without a password no login succeeds. */
    ck_assert(!sent("", "p", "Basic ", ":p"));
    ck_assert(!sent("user", "", "Basic ", "user:"));
}
END_TEST

START_TEST(malformed)
{
    char *item[] = {(char *)(uintptr_t) "p"};
    struct config_api_auth auth = {1, "u", {1, item}};
    static const char *const lines[] = {
        "",           "Basic",       "Basic ",          "Basic dTpw", "Basic =",
        "Basic ====", "Basic dTpw=", "Basic dTpw dTpw", "Basic !",    "Basic \xff\xff\xff\xff",
        "BasicdTpw",  "dTpw"};
    static char long_line[9000];

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ck_assert_msg(api_login_is_right(&auth, lines[i]) == (i == 3), "%s", lines[i]);
    ck_assert(!api_login_is_right(&auth, NULL));
    memset(long_line, 'A', sizeof(long_line) - 1);
    memcpy(long_line, "Basic ", 6);
    for (size_t len = 0; len < sizeof(long_line) - 7; len += 97) {
        long_line[6 + len] = '\0';
        ck_assert(!api_login_is_right(&auth, long_line));
        long_line[6 + len] = 'A';
    }
}
END_TEST

Suite *check_api_login_suite(void)
{
    Suite *suite = suite_create("api_login");
    TCase *tc = tcase_create("api_login");

    tcase_add_test(tc, right_and_wrong);
    tcase_add_test(tc, malformed);
    suite_add_tcase(suite, tc);
    return suite;
}
