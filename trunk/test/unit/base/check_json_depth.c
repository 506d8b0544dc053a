/* The depth of a JSON text, before a recursive parser sees it. */
#include "base/json_depth.h"

#include <check.h>
#include <string.h>

Suite *check_json_depth_suite(void);

START_TEST(test_depths)
{
    static const struct {
        const char *text;
        int depth;
    } texts[] = {{"", 0},        {"0", 0},           {"{}", 1},
                 {"[[]]", 2},    {"[{},{}]", 2},     {"{\"a\":[{}]}", 3},
                 {"\"[[[\"", 0}, {"\"\\\"[[[\"", 0}, {"[\"]\",[\"\\\\\",[]]]", 3},
                 {"]]]][[", 0},  {"[", 1},           {"\"\\", 0}};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t len = strlen(texts[i].text);

        ck_assert_msg(json_depth_fits(texts[i].text, len, texts[i].depth), "%s", texts[i].text);
        ck_assert_msg(texts[i].depth == 0 ||
                          !json_depth_fits(texts[i].text, len, texts[i].depth - 1),
                      "%s", texts[i].text);
    }
}
END_TEST

Suite *check_json_depth_suite(void)
{
    Suite *suite = suite_create("json_depth");
    TCase *tc = tcase_create("json_depth");

    tcase_add_test(tc, test_depths);
    suite_add_tcase(suite, tc);
    return suite;
}
