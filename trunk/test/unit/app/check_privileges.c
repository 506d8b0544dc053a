/* The user of the configuration: names that exist or not, and the change itself in a child. */
#include "app/core/privileges.h"
#include "config_test.h"

#include <pwd.h>
#include <sys/wait.h>

Suite *check_privileges_suite(void);

static struct err *find(struct privileges *privileges, const char *text,
                        struct config_test_log *log)
{
    struct config *config = config_test_load(text, NULL);
    struct err *err;

    config_test_log_init(log);
    err = privileges_find(privileges, config, &log->log);
    privileges->name = "test";
    config_unref(config);
    return err;
}

START_TEST(test_names)
{
    static const char *const wrong[] = {"user no-such-user;", "user nobody no-such-group;"};
    struct privileges privileges;
    struct config_test_log *log = malloc(sizeof(*log));

    ck_assert_ptr_nonnull(log);
    ck_assert_ptr_null(find(&privileges, "listen 1;", log));
    ck_assert_int_eq(privileges.is_set, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err *err = find(&privileges, wrong[i], log);

        ck_assert_ptr_nonnull(err);
        ck_assert_int_eq(err_code(err), ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(err_text(err), i == 0 ? "no such user" : "no such group"));
        err_free(err);
    }
    ck_assert_ptr_null(find(&privileges, "user nobody nogroup;", log));
    ck_assert_int_eq(privileges.is_set, geteuid() == 0);
    if (geteuid() != 0)
        ck_assert_ptr_nonnull(strstr(log->text, "was not started as root"));
    ck_assert_ptr_null(find(&privileges, "user root;", log));
    ck_assert_int_eq(privileges.is_set, 0);
    free(log);
}
END_TEST

static int drop_child(const struct privileges *privileges)
{
    uid_t real, effective, saved;
    gid_t group;

    if (privileges_drop(privileges) != NULL || getresuid(&real, &effective, &saved) != 0)
        return 1;
    if (real != privileges->uid || effective != privileges->uid || saved != privileges->uid)
        return 2;
    return getgroups(1, &group) != 0 || seteuid(0) == 0 ? 3 : 0;
}

START_TEST(test_drop)
{
    struct config_test_log *log = malloc(sizeof(*log));
    struct privileges privileges;
    pid_t child;
    int status;

    ck_assert_ptr_nonnull(log);
    ck_assert_ptr_null(find(&privileges, "user nobody;", log));
    free(log);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(privileges.is_set ? drop_child(&privileges) : 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

Suite *check_privileges_suite(void)
{
    Suite *suite = suite_create("privileges");
    TCase *tcase = tcase_create("privileges");

    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_drop);
    suite_add_tcase(suite, tcase);
    return suite;
}
