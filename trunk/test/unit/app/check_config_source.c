/*
 * The source of a configuration: kept, written, read back with the same result, and bytes that are
 * cut or wrong.
 */
#include "config_test.h"

#include "app/config/config_running.h"
#include "app/config/config_source.h"

Suite *check_config_source_suite(void);

static char *environment[] = {"SRS_MAX_CONNECTIONS=77", "HOME=/root", "SRS_NONSENSE=1", NULL};

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* A configuration of two files, which are deleted before this returns. */
static struct config *load(void)
{
    char folder[] = "/tmp/check_source.XXXXXX";
    char path[128];
    struct config_options options = {.file = path};
    struct config *config;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file(folder, "a.conf", "listen 1; include b.conf;");
    write_file(folder, "b.conf", "vhost x { token { key abcdefghijklmnopqrstuvwx; } }");
    (void)snprintf(path, sizeof(path), "%s/a.conf", folder);
    ck_assert_ptr_null(config_load(&options, environment, &config));
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/b.conf", folder);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
    return config;
}

START_TEST(test_read_back)
{
    struct config *config = load();
    const struct config_source *source = config_source_of(config);
    struct config *again;
    struct buf text;
    size_t used = 0;

    ck_assert_int_eq(source->file_count, 2);
    ck_assert_int_eq(source->env_count, 2);
    buf_init(&text, CONFIG_SOURCE_BYTES_MAX);
    ck_assert_int_eq(config_source_write(source, &text), 0);
    ck_assert_int_eq(buf_append(&text, "more", 4), 0);
    ck_assert_ptr_null(
        config_load_source(config_source_read(buf_data(&text), text.len, &used), &again));
    ck_assert_uint_eq(used, text.len - 4);
    ck_assert_int_eq(again->max_connections, 77);
    ck_assert_int_eq(again->vhost_count, 2);
    ck_assert_str_eq(config_vhost_find(again, "x")->token.key.item[0], "abcdefghijklmnopqrstuvwx");
    buf_fini(&text);
    config_unref(config);
    config_unref(again);
}
END_TEST

/* Every cut, and every changed byte of the first record's head, gives NULL or a source. */
START_TEST(test_malformed)
{
    struct config *config = load();
    struct buf text;
    size_t used;

    buf_init(&text, CONFIG_SOURCE_BYTES_MAX);
    ck_assert_int_eq(config_source_write(config_source_of(config), &text), 0);
    for (size_t len = 0; len < text.len; len++)
        ck_assert_ptr_null(config_source_read(buf_data(&text), len, &used));
    for (size_t i = 0; i < 12; i++) {
        buf_data(&text)[i] ^= 0xff;
        ck_assert_ptr_null(config_source_read(buf_data(&text), text.len, &used));
        buf_data(&text)[i] ^= 0xff;
    }
    buf_fini(&text);
    config_unref(config);
}
END_TEST

START_TEST(test_running)
{
    struct config *first = load();
    struct config *now = config_test_load("workers 3; max_connections 9;", NULL);
    struct config *seen;
    struct err *err;
    int fd = -1;

    err = config_running_of(getpid(), &seen);
    ck_assert_int_eq(err_code(err), ERR_NOT_FOUND);
    err_free(err);
    ck_assert_int_eq(config_running_show(&fd, first, first), 0);
    ck_assert_int_eq(config_running_show(&fd, first, now), 0);
    ck_assert_ptr_null(config_running_of(getpid(), &seen));
    ck_assert_int_eq(seen->max_connections, 9);
    ck_assert_int_eq(seen->workers, 1); /* needs a restart */
    ck_assert_int_eq(close(fd), 0);
    config_unref(first);
    config_unref(now);
    config_unref(seen);
}
END_TEST

Suite *check_config_source_suite(void)
{
    Suite *suite = suite_create("config_source");
    TCase *tests = tcase_create("config_source");

    tcase_add_test(tests, test_read_back);
    tcase_add_test(tests, test_malformed);
    tcase_add_test(tests, test_running);
    suite_add_tcase(suite, tests);
    return suite;
}
