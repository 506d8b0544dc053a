/*
 * The keeper: it opens what the configuration names, as that is now, and nothing else; it serves
 * several processes, and ends with them.
 */
#include "app/core/keeper.h"
#include "config_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

Suite *check_keeper_suite(void);

static char folder[] = "/tmp/check_keeper.XXXXXX";
static char conf[96], key[96], other[96], log_file[96], pid[96];
static struct config *config;
static struct keeper *keeper;
static const struct privileges nobody = {.is_set = 0};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_conf(const char *key_path)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "listen 1; srs_log_file %s; rtmps { enabled on; key %s; cert %s; }", log_file,
                   key_path, key_path);
    write_file(conf, text);
}

static void setup(void)
{
    static struct config_options options = {.file = conf};
    struct keeper_options start = {
        .reload = &options, .environment = NULL, .pid = pid, .privileges = &nobody};

    memcpy(strrchr(folder, '.'), ".XXXXXX", 7);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(conf, sizeof(conf), "%s/conf", folder);
    (void)snprintf(key, sizeof(key), "%s/key", folder);
    (void)snprintf(other, sizeof(other), "%s/other", folder);
    (void)snprintf(log_file, sizeof(log_file), "%s/log", folder);
    (void)snprintf(pid, sizeof(pid), "%s/pid", folder);
    write_file(key, "a key");
    write_file(other, "another key");
    write_file(pid, "1\n");
    write_conf(key);
    ck_assert_ptr_null(config_load(&options, NULL, &config));
    start.config = config;
    ck_assert_ptr_null(keeper_start(&keeper, &start, 2));
}

static void teardown(void)
{
    keeper_free(keeper);
    config_unref(config);
    (void)unlink(conf);
    (void)unlink(key);
    (void)unlink(other);
    (void)unlink(log_file);
    (void)unlink(pid);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Whether the file can be had, with this text if it has one. */
static int can_open(enum keeper_file kind, const char *path, const char *text)
{
    char got[64] = "";
    int fd = keeper_open(keeper, kind, path);

    if (fd < 0) {
        ck_assert_int_eq(errno, EACCES);
        return 0;
    }
    if (text != NULL) {
        ck_assert_int_ge(pread(fd, got, sizeof(got) - 1, 0), 0);
        ck_assert_str_eq(got, text);
    }
    close(fd);
    return 1;
}

START_TEST(test_open)
{
    struct stat st;
    int fd;

    ck_assert(can_open(KEEPER_SECRET, key, "a key"));
    ck_assert(can_open(KEEPER_CONFIG, conf, NULL));
    ck_assert(!can_open(KEEPER_SECRET, other, NULL));
    ck_assert(!can_open(KEEPER_SECRET, conf, NULL));
    ck_assert(!can_open(KEEPER_CONFIG, key, NULL));
    ck_assert(!can_open(KEEPER_LOG, key, NULL));
    ck_assert_int_eq(keeper_open(keeper, (enum keeper_file)7, key), -1);
    fd = keeper_open(keeper, KEEPER_LOG, log_file);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "line\n", 5), 5);
    close(fd);
    ck_assert_int_eq(stat(log_file, &st), 0);
    ck_assert_int_eq(st.st_size, 5);
}
END_TEST

/* A reload is about to read it: the keeper has to look at the file, too. */
START_TEST(test_changed_configuration)
{
    ck_assert(!can_open(KEEPER_SECRET, other, NULL));
    write_conf(other);
    ck_assert(can_open(KEEPER_SECRET, other, "another key"));
    ck_assert(!can_open(KEEPER_SECRET, key, NULL));
    write_file(conf, "no such directive;");
    ck_assert(!can_open(KEEPER_SECRET, key, NULL));
    ck_assert(can_open(KEEPER_SECRET, other, NULL));
}
END_TEST

START_TEST(test_pid)
{
    ck_assert_int_eq(keeper_remove_pid(keeper), 0);
    ck_assert_int_ne(access(pid, F_OK), 0);
    ck_assert_int_ne(keeper_remove_pid(keeper), 0);
    ck_assert_int_ne(keeper_remove_pid(NULL), 0);
    ck_assert_int_eq(keeper_open(NULL, KEEPER_SECRET, key), -1);
}
END_TEST

/* A path that is too long is no request. */
START_TEST(test_long_path)
{
    static char path[8192];

    memset(path, 'x', sizeof(path) - 1);
    ck_assert(!can_open(KEEPER_SECRET, path, NULL));
    ck_assert(can_open(KEEPER_SECRET, key, "a key"));
}
END_TEST

/* Two processes ask; the first one's replacement continues where it stopped. */
START_TEST(test_processes)
{
    for (int slot = 0; slot < 4; slot++) {
        pid_t child = fork();
        int status;

        ck_assert_int_ge(child, 0);
        if (child == 0) {
            keeper_use(keeper, slot % 2);
            _exit(can_open(KEEPER_SECRET, key, "a key") ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

Suite *check_keeper_suite(void)
{
    Suite *suite = suite_create("keeper");
    TCase *tcase = tcase_create("keeper");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_open);
    tcase_add_test(tcase, test_changed_configuration);
    tcase_add_test(tcase, test_pid);
    tcase_add_test(tcase, test_long_path);
    tcase_add_test(tcase, test_processes);
    suite_add_tcase(suite, tcase);
    return suite;
}
