/*
 * The sandbox's paths: what a configuration allows, and what a changed one may name. And Landlock
 * itself, in a process of its own.
 */
#include "app/core/sandbox_private.h"
#include "config_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

Suite *check_sandbox_suite(void);

static char top[] = "/tmp/check_sandbox.XXXXXX";
static struct sandbox sandbox;

static const char *at(const char *name)
{
    static char path[4][128];
    static int turn;
    char *out = path[turn++ % 4];

    (void)snprintf(out, sizeof(path[0]), "%s/%s", top, name);
    return out;
}

static void setup(void)
{
    memcpy(strrchr(top, '.'), ".XXXXXX", 7);
    ck_assert_ptr_nonnull(mkdtemp(top));
    ck_assert_int_eq(mkdir(at("www"), 0755), 0);
    ck_assert_int_eq(mkdir(at("www/deep"), 0755), 0);
    ck_assert_int_eq(mkdir(at("other"), 0755), 0);
    ck_assert_int_eq(symlink(at("other"), at("www/link")), 0);
    memset(&sandbox, 0, sizeof(sandbox));
}

static void teardown(void)
{
    for (int i = 0; i < sandbox.count; i++)
        free(sandbox.path[i].text);
    free(sandbox.path);
    (void)unlink(at("www/link"));
    (void)unlink(at("other/file"));
    (void)rmdir(at("www/deep"));
    (void)rmdir(at("www"));
    (void)rmdir(at("other"));
    ck_assert_int_eq(rmdir(top), 0);
}

static struct config *config_of(const char *format, const char *name)
{
    char text[512];

    (void)snprintf(text, sizeof(text), format, at(name));
    return config_test_load(text, NULL);
}

static int has(const char *path, unsigned rights)
{
    for (int i = 0; i < sandbox.count; i++)
        if (strcmp(sandbox.path[i].text, path) == 0 && sandbox.path[i].rights == rights)
            return 1;
    return 0;
}

/* Whether a changed configuration can be applied. */
static int fits(const char *format, const char *name)
{
    struct config *config = config_of(format, name);
    struct err *err = sandbox_check(&sandbox, config);
    int is_fit = err == NULL;

    if (err != NULL)
        ck_assert_int_eq(err_code(err), ERR_DENIED);
    err_free(err);
    config_unref(config);
    return is_fit;
}

#define SERVES "http_server { dir %s; }"

START_TEST(test_config)
{
    struct config *config = config_of("listen unix:%s; vhost a { http_static { dir /etc; } }"
                                      "rtmps { key /etc/passwd; } srs_log_file /var/log/x;",
                                      "www/socket");

    ck_assert_ptr_null(sandbox_allow_config(&sandbox, config));
    ck_assert(has("/proc", SANDBOX_READ));
    ck_assert(has("/etc", SANDBOX_READ));
    ck_assert(has(at("www"), SANDBOX_SOCKETS));
    ck_assert(!has("/etc/passwd", SANDBOX_READ) && !has("/var/log", SANDBOX_READ));
    for (int i = 0; i < sandbox.count; i++)
        ck_assert_str_ne(sandbox.path[i].text, "/");
    config_unref(config);
}
END_TEST

/* Folders that somebody has configured, and that are not there. */
START_TEST(test_missing)
{
    struct config *there = config_of(SERVES, "www");
    struct config *missing = config_of(SERVES, "later");
    static struct config_test_log log;

    config_test_log_init(&log);
    sandbox_log_missing(there, &log.log);
    ck_assert_uint_eq(log.len, 0);
    sandbox_log_missing(missing, &log.log);
    ck_assert_ptr_nonnull(strstr(log.text, "sandbox: dir /tmp/check_sandbox."));
    ck_assert_ptr_nonnull(
        strstr(log.text, "/later: No such file or directory; if it is made later"));
    config_unref(there);
    config_unref(missing);
}
END_TEST

/* The folder of a file, so that it may be replaced, but never a top folder; and a link's target. */
START_TEST(test_folder_of)
{
    ck_assert_ptr_null(sandbox_allow_folder_of(&sandbox, at("www/file"), SANDBOX_READ));
    ck_assert(has(at("www"), SANDBOX_READ));
    ck_assert_ptr_null(sandbox_allow_folder_of(&sandbox, "/etc/passwd", SANDBOX_READ));
    ck_assert(has("/etc/passwd", SANDBOX_READ) && !has("/etc", SANDBOX_READ));
    ck_assert_ptr_null(sandbox_allow(&sandbox, at("www/link"), SANDBOX_READ));
    ck_assert(has(at("other"), SANDBOX_READ));
    ck_assert_ptr_null(sandbox_allow(&sandbox, at("nothing"), SANDBOX_READ));
    ck_assert(!has(at("nothing"), SANDBOX_READ));
}
END_TEST

START_TEST(test_check)
{
    struct config *config = config_of(SERVES, "www");

    ck_assert_ptr_null(sandbox_allow_config(&sandbox, config));
    ck_assert(fits(SERVES, "other")); /* not in a sandbox */
    sandbox.is_on = 1;
    sandbox.landlock = 1;
    ck_assert(fits(SERVES, "www"));
    ck_assert(fits(SERVES, "www/deep"));
    ck_assert(!fits(SERVES, "other"));
    ck_assert(!fits(SERVES, "www/link"));
    ck_assert(!fits(SERVES, "."));
    ck_assert(fits(SERVES, "nothing")); /* is not found either way */
    ck_assert(!fits("listen unix:%s;", "www/socket"));
    ck_assert(!fits("vhost a { forward { ca %s; } }", "other"));
    ck_assert(fits("srs_log_tank file; srs_log_file %s;", "other/log"));
    config_unref(config);
}
END_TEST

/* What the child finds, as its exit status: a bit for each that is not as it should be. */
static int landlock_child(void)
{
    int wrong = 0;

    sandbox.landlock = sandbox_landlock_version();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        sandbox_allow(&sandbox, at("www"), SANDBOX_READ) != NULL ||
        sandbox_allow(&sandbox, at("other"), SANDBOX_READ | SANDBOX_WRITE | SANDBOX_CREATE) !=
            NULL ||
        sandbox_landlock_enter(&sandbox) != NULL)
        return 64;
    wrong |= open(at("www"), O_RDONLY | O_CLOEXEC) < 0 ? 1 : 0;
    wrong |= open(at("www/deep"), O_RDONLY | O_CLOEXEC) < 0 ? 2 : 0;
    wrong |= open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES ? 4 : 0;
    wrong |= open(at("www/file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? 8 : 0;
    wrong |= open(at("other/file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? 16 : 0;
    wrong |=
        rename(at("other/file"), at("other/new")) != 0 || unlink(at("other/new")) != 0 ? 32 : 0;
    return wrong;
}

START_TEST(test_landlock)
{
    pid_t child;
    int status;

    if (sandbox_landlock_version() == 0)
        return;
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(landlock_child());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

Suite *check_sandbox_suite(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tcase = tcase_create("sandbox");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_config);
    tcase_add_test(tcase, test_missing);
    tcase_add_test(tcase, test_folder_of);
    tcase_add_test(tcase, test_check);
    tcase_add_test(tcase, test_landlock);
    suite_add_tcase(suite, tcase);
    return suite;
}
