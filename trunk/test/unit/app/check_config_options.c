/* The command line: each option, bundled options, and refused ones. */
#include "app/config/config.h"

#include <check.h>
#include <string.h>

Suite *check_config_options_suite(void);

static struct config_options options;

/* Parses up to three arguments; what was wrong, or NULL. */
static const char *parse(char *a, char *b, char *c)
{
    static char text[1024];
    char *argv[] = {"server", a, b, c, NULL};
    int argc = 1;
    struct err *err;

    while (argv[argc] != NULL)
        argc++;
    err = config_options_parse(&options, argc, argv);
    if (err == NULL)
        return NULL;
    ck_assert_int_eq(err_code(err), ERR_CONFIG);
    (void)strncpy(text, err_text(err), sizeof(text) - 1);
    err_free(err);
    return text;
}

START_TEST(test_good)
{
    ck_assert_ptr_null(parse("-c", "a.conf", NULL));
    ck_assert_str_eq(options.file, "a.conf");
    ck_assert_int_eq(options.test_only, 0);
    ck_assert_ptr_null(parse("-ca.conf", NULL, NULL));
    ck_assert_str_eq(options.file, "a.conf");
    ck_assert_ptr_null(parse("-t", "-c", "a.conf"));
    ck_assert_int_eq(options.test_only, 1);
    ck_assert_ptr_null(parse("-tc", "-odd.conf", NULL));
    ck_assert_int_eq(options.test_only, 1);
    ck_assert_str_eq(options.file, "-odd.conf");
    ck_assert_ptr_null(parse("-et", NULL, NULL));
    ck_assert_int_eq(options.env_only, 1);
    ck_assert_ptr_null(options.file);
    ck_assert_ptr_null(parse("-v", NULL, NULL));
    ck_assert_int_eq(options.show_version, 1);
    ck_assert_ptr_null(parse("-h", NULL, NULL));
    ck_assert_int_eq(options.show_help, 1);
    ck_assert_ptr_null(parse("--full-conf", NULL, NULL));
    ck_assert_int_eq(options.show_table_conf, 1);
    ck_assert_ptr_null(parse("--doc", NULL, NULL));
    ck_assert_int_eq(options.show_table_doc, 1);
}
END_TEST

/* SRS's variables, which its container images use. */
START_TEST(test_environment)
{
    char *none[] = {"PATH=/bin", "SRS_CONFIG_FILE=", "SRS_CONFIG_FILES=x", "SRS_ENV_ONLYX=1", NULL};
    char *file[] = {"SRS_CONFIG_FILE=b.conf", NULL};
    char *only[] = {"SRS_CONFIG_FILE=b.conf", "SRS_ENV_ONLY=on", NULL};

    ck_assert_ptr_null(parse("-c", "a.conf", NULL));
    config_options_environment(&options, none);
    ck_assert_str_eq(options.file, "a.conf");
    config_options_environment(&options, NULL);
    ck_assert_str_eq(options.file, "a.conf");
    config_options_environment(&options, file);
    ck_assert_str_eq(options.file, "b.conf");
    config_options_environment(&options, only);
    ck_assert_ptr_null(options.file);
    ck_assert_int_eq(options.env_only, 1);
    ck_assert_ptr_null(parse("-e", NULL, NULL));
    config_options_environment(&options, file);
    ck_assert_ptr_null(options.file);
}
END_TEST

START_TEST(test_bad)
{
    ck_assert_ptr_nonnull(strstr(parse(NULL, NULL, NULL), "no configuration: use"));
    ck_assert_ptr_nonnull(strstr(parse("-t", NULL, NULL), "no configuration: use"));
    ck_assert_ptr_nonnull(strstr(parse("-c", NULL, NULL), "-c needs a file name"));
    ck_assert_ptr_nonnull(strstr(parse("-e", "-c", "a"), "cannot be combined"));
    ck_assert_ptr_nonnull(strstr(parse("-x", NULL, NULL), "unknown option -x"));
    ck_assert_ptr_nonnull(strstr(parse("-tx", NULL, NULL), "unknown option -tx"));
    ck_assert_ptr_nonnull(strstr(parse("a.conf", NULL, NULL), "unknown argument a.conf"));
    ck_assert_ptr_nonnull(strstr(parse("--test", NULL, NULL), "unknown argument --test"));
    ck_assert_ptr_nonnull(strstr(parse("-", NULL, NULL), "unknown argument -"));
}
END_TEST

START_TEST(test_usage_names_every_option)
{
    static const char *const names[] = {"-c", "-e", "-t", "-v", "-h", "--full-conf", "--doc"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_ptr_nonnull(strstr(config_usage(), names[i]));
}
END_TEST

Suite *check_config_options_suite(void)
{
    Suite *suite = suite_create("config_options");
    TCase *tcase = tcase_create("config_options");

    tcase_add_test(tcase, test_good);
    tcase_add_test(tcase, test_environment);
    tcase_add_test(tcase, test_bad);
    tcase_add_test(tcase, test_usage_names_every_option);
    suite_add_tcase(suite, tcase);
    return suite;
}
