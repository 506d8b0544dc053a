/* Files opens_files_below_the_folder a directory, with the kernel's help and without. */
#include "co/file.h"
#include "co_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *check_file_suite(void);

typedef struct err *(*open_fn)(const char *dir, const char *path, struct file *out);

static const open_fn ways[] = {file_open, file_open_walking};
static char root[64];

static const char *at(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void make(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void begin(void)
{
    snprintf(root, sizeof(root), "/tmp/check_file_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(mkdir(at("in"), 0755), 0);
    ck_assert_int_eq(mkdir(at("in/sub"), 0755), 0);
    make("in/file", "0123456789");
    make("in/sub/deep", "x");
    make("out", "secret");
    ck_assert_int_eq(symlink("../out", at("in/escape")), 0);
    ck_assert_int_eq(symlink("/etc", at("in/absolute")), 0);
    ck_assert_int_eq(symlink("..", at("in/up")), 0);
    ck_assert_int_eq(symlink("loop", at("in/loop")), 0);
    ck_assert_int_eq(mkfifo(at("in/fifo"), 0644), 0);
}

static void end(void)
{
    static const char *const names[] = {"in/file", "in/sub/deep", "out",     "in/escape",
                                        "in/up",   "in/absolute", "in/loop", "in/fifo"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_int_eq(unlink(at(names[i])), 0);
    ck_assert_int_eq(rmdir(at("in/sub")), 0);
    ck_assert_int_eq(rmdir(at("in")), 0);
    ck_assert_int_eq(rmdir(root), 0);
}

static void opens(open_fn way, const char *path, int is_dir, size_t size)
{
    struct file file;

    co_test_ok(way(at("in"), path, &file));
    ck_assert_int_ge(file.fd, 0);
    ck_assert_int_eq(file.is_dir, is_dir);
    if (!is_dir)
        ck_assert_uint_eq(file.size, size);
    ck_assert_int_gt((int)(file.mtime / 1000), 0);
    file_close(&file);
    ck_assert_int_eq(file.fd, -1);
    file_close(&file);
}

static void fails(open_fn way, const char *path, enum err_code code)
{
    struct file file;

    co_test_err(way(at("in"), path, &file), code);
    ck_assert_int_eq(file.fd, -1);
}

START_TEST(opens_files_below_the_folder)
{
    char dir[128];
    struct file file;

    begin();
    for (size_t i = 0; i < 2; i++) {
        opens(ways[i], "file", 0, 10);
        opens(ways[i], "/file", 0, 10);
        opens(ways[i], "///sub//deep", 0, 1);
        opens(ways[i], "sub", 1, 0);
        opens(ways[i], "sub/", 1, 0);
        opens(ways[i], "", 1, 0);
        opens(ways[i], "/", 1, 0);
        fails(ways[i], "none", ERR_NOT_FOUND);
        fails(ways[i], "none/file", ERR_NOT_FOUND);
        fails(ways[i], "file/x", ERR_NOT_FOUND);
        fails(ways[i], "fifo", ERR_NOT_FOUND);
        fails(ways[i], "..", ERR_DENIED);
        fails(ways[i], "../out", ERR_DENIED);
        fails(ways[i], "sub/../file", ERR_DENIED);
        fails(ways[i], "escape", ERR_DENIED);
        fails(ways[i], "loop", ERR_DENIED);
        snprintf(dir, sizeof(dir), "%s", at("none"));
        co_test_err(ways[i](dir, "file", &file), ERR_NOT_FOUND);
    }
    /* A link to a directory in the middle of the path. */
    fails(file_open, "up/out", ERR_DENIED);
    fails(file_open, "absolute/passwd", ERR_DENIED);
    fails(file_open_walking, "up/out", ERR_NOT_FOUND);
    fails(file_open_walking, "absolute/passwd", ERR_NOT_FOUND);
    end();
}
END_TEST

START_TEST(long_names)
{
    static char path[8192];

    begin();
    memset(path, 'a', sizeof(path));
    for (size_t i = 0; i < 2; i++) {
        path[256] = '\0';
        fails(ways[i], path, ERR_NOT_FOUND);
        path[256] = 'a';
        path[5000] = '\0';
        fails(ways[i], path, ERR_DENIED);
        path[5000] = 'a';
    }
    end();
}
END_TEST

START_TEST(pieces)
{
    struct file file;
    char buf[8];
    size_t got;

    begin();
    co_test_ok(file_open(at("in"), "file", &file));
    co_test_ok(file_read(&file, 0, buf, 4, &got));
    ck_assert_uint_eq(got, 4);
    ck_assert_int_eq(memcmp(buf, "0123", 4), 0);
    co_test_ok(file_read(&file, 7, buf, sizeof(buf), &got));
    ck_assert_uint_eq(got, 3);
    ck_assert_int_eq(memcmp(buf, "789", 3), 0);
    co_test_ok(file_read(&file, 10, buf, sizeof(buf), &got));
    ck_assert_uint_eq(got, 0);
    file_close(&file);
    end();
}
END_TEST

Suite *check_file_suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tc = co_test_case(suite, "file");

    tcase_add_test(tc, opens_files_below_the_folder);
    tcase_add_test(tc, long_names);
    tcase_add_test(tc, pieces);
    return suite;
}
