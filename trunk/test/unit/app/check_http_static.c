/* Files, their heads, and files that must not be served. */
#include "app/http/http_static.h"
#include "http_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *check_http_static_suite(void);

#define BIG 200000 /* bytes: several pieces */

static struct http_test t;
static struct http_handler *handler;
static char root[64];

static void file_make(const char *name, const char *text, size_t len)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void setup(void)
{
    static char big[BIG];

    http_test_runtime();
    http_test_init(&t);
    snprintf(root, sizeof(root), "/tmp/check_static_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(mkdir(path_of("html"), 0755), 0);
    ck_assert_int_eq(mkdir(path_of("html/dir"), 0755), 0);
    ck_assert_int_eq(mkdir(path_of("html/empty"), 0755), 0);
    ck_assert_int_eq(mkdir(path_of("v"), 0755), 0);
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)('a' + i % 23);
    file_make("secret", "secret", 6);
    file_make("html/index.html", "root", 4);
    file_make("html/dir/index.html", "dir", 3);
    file_make("html/a b.js", "js", 2);
    file_make("html/nothing.txt", "", 0);
    file_make("html/big.flv", big, sizeof(big));
    file_make("v/own.txt", "own", 3);
    ck_assert_int_eq(symlink("../secret", path_of("html/out")), 0);
    ck_assert_int_eq(symlink("index.html", path_of("html/in")), 0);
    ck_assert_int_eq(mkfifo(path_of("html/fifo"), 0644), 0);
    t.config.http_server.dir = strdup(path_of("html"));
    t.vhost.http_static.dir = strdup(path_of("v"));
    t.vhost.http_static.mount = "[vhost]/files/";
    handler = http_static_new(NULL);
    ck_assert_ptr_nonnull(handler);
}

static void teardown(void)
{
    static const char *const names[] = {"html/out",
                                        "html/in",
                                        "html/fifo",
                                        "html/big.flv",
                                        "html/a b.js",
                                        "html/nothing.txt",
                                        "html/dir/index.html",
                                        "html/index.html",
                                        "v/own.txt",
                                        "secret"};
    static const char *const dirs[] = {"html/dir", "html/empty", "html", "v", ""};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_int_eq(unlink(path_of(names[i])), 0);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        ck_assert_int_eq(rmdir(path_of(dirs[i])), 0);
    free((char *)t.config.http_server.dir);
    free((char *)t.vhost.http_static.dir);
    free(handler);
    http_test_fini(&t);
}

static int get(const char *path)
{
    http_test_request(&t, "GET", path);
    http_test_serve(&t, handler);
    ck_assert_int_eq(t.x.has_answered, 1);
    return http_test_status(&t);
}

START_TEST(files)
{
    ck_assert_int_eq(get("/"), 200);
    ck_assert_str_eq(http_test_body(&t), "root");
    ck_assert(http_test_has_line(&t, "Content-Type: text/html; charset=utf-8"));
    ck_assert(http_test_has_line(&t, "Content-Length: 4"));
    ck_assert_ptr_nonnull(strstr(http_test_out(&t), "\r\nETag: \""));
    ck_assert_ptr_nonnull(strstr(http_test_out(&t), "\r\nLast-Modified: "));
    ck_assert_int_eq(get("/index.html"), 200);
    ck_assert_int_eq(get("/dir/"), 200);
    ck_assert_str_eq(http_test_body(&t), "dir");
    ck_assert_int_eq(get("/a b.js"), 200);
    ck_assert(http_test_has_line(&t, "Content-Type: text/javascript; charset=utf-8"));
    ck_assert_int_eq(get("/nothing.txt"), 200);
    ck_assert(http_test_has_line(&t, "Content-Length: 0"));
    ck_assert_int_eq(get("/in"), 200);
    ck_assert_str_eq(http_test_body(&t), "root");
}
END_TEST

START_TEST(large)
{
    const char *body;

    ck_assert_int_eq(get("/big.flv"), 200);
    ck_assert(http_test_has_line(&t, "Content-Length: 200000"));
    ck_assert(http_test_has_line(&t, "Content-Type: video/x-flv"));
    body = http_test_body(&t);
    ck_assert_uint_eq(strlen(body), BIG);
    for (size_t i = 0; i < BIG; i++)
        ck_assert_int_eq(body[i], (char)('a' + i % 23));
    http_test_request(&t, "HEAD", "/big.flv");
    http_test_serve(&t, handler);
    ck_assert_int_eq(http_test_status(&t), 200);
    ck_assert(http_test_has_line(&t, "Content-Length: 200000"));
    ck_assert_str_eq(http_test_body(&t), "");
}
END_TEST

START_TEST(directories)
{
    ck_assert_int_eq(get("/dir"), 301);
    ck_assert(http_test_has_line(&t, "Location: /dir/"));
    http_test_request(&t, "GET", "/dir");
    t.request.query = "a=b&c";
    http_test_serve(&t, handler);
    ck_assert(http_test_has_line(&t, "Location: /dir/?a=b&c"));
    ck_assert_int_eq(get("/empty/"), 404);
    ck_assert_int_eq(get("/index.html/"), 404);
}
END_TEST

START_TEST(refused)
{
    ck_assert_int_eq(get("/none"), 404);
    ck_assert_int_eq(get("/none/none"), 404);
    ck_assert_int_eq(get("/index.html/x"), 404);
    ck_assert_int_eq(get("/out"), 403);
    ck_assert_int_eq(get("/fifo"), 404);
    /* Even if such a path came through. */
    ck_assert_int_eq(get("/../secret"), 403);
    ck_assert_int_eq(get("/dir/../../secret"), 403);
    ck_assert_int_eq(get("*"), 404);
    http_test_request(&t, "DELETE", "/index.html");
    http_test_serve(&t, handler);
    ck_assert_int_eq(http_test_status(&t), 405);
    t.config.http_server.dir = (free((char *)t.config.http_server.dir), strdup("/nonexistent"));
    ck_assert_int_eq(get("/index.html"), 404);
}
END_TEST

static int get_with(const char *name, const char *value)
{
    http_test_request(&t, "GET", "/index.html");
    http_test_header(&t, name, value);
    http_test_serve(&t, handler);
    return http_test_status(&t);
}

START_TEST(ranges)
{
    const char *body;

    ck_assert_int_eq(get_with("Range", "bytes=1-2"), 206);
    ck_assert(http_test_has_line(&t, "Content-Range: bytes 1-2/4"));
    ck_assert(http_test_has_line(&t, "Content-Length: 2"));
    ck_assert(http_test_has_line(&t, "Accept-Ranges: bytes"));
    ck_assert_str_eq(http_test_body(&t), "oo");
    ck_assert_int_eq(get_with("Range", "bytes=4-"), 416);
    ck_assert(http_test_has_line(&t, "Content-Range: bytes */4"));
    ck_assert_int_eq(get_with("Range", "bytes=0-0,2-2"), 200);
    ck_assert_str_eq(http_test_body(&t), "root");
    http_test_request(&t, "GET", "/big.flv");
    http_test_header(&t, "Range", "bytes=-100001");
    http_test_serve(&t, handler);
    ck_assert_int_eq(http_test_status(&t), 206);
    body = http_test_body(&t);
    ck_assert_uint_eq(strlen(body), 100001);
    ck_assert_int_eq(body[0], (char)('a' + 99999 % 23));
}
END_TEST

START_TEST(conditions)
{
    char etag[64];
    const char *line;

    ck_assert_int_eq(get("/index.html"), 200);
    line = strstr(http_test_out(&t), "ETag: ");
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(sscanf(line, "ETag: %63[^\r]", etag), 1);
    ck_assert_int_eq(get_with("If-None-Match", etag), 304);
    ck_assert_str_eq(http_test_body(&t), "");
    ck_assert_ptr_null(strstr(http_test_out(&t), "Content-Length"));
    ck_assert_ptr_nonnull(strstr(http_test_out(&t), "\r\nLast-Modified: "));
    ck_assert_int_eq(get_with("If-Match", "\"x\""), 412);
}
END_TEST

START_TEST(on_demand)
{
    http_test_request(&t, "GET", "/big.flv");
    t.request.query = "start=x";
    http_test_serve(&t, handler);
    ck_assert_int_eq(http_test_status(&t), 400);
    /* It is not an FLV file, whatever its name. */
    http_test_request(&t, "GET", "/big.flv");
    t.request.query = "start=1";
    http_test_serve(&t, handler);
    ck_assert_int_eq(http_test_status(&t), 416);
    ck_assert(http_test_has_line(&t, "Content-Range: bytes */200000"));
    http_test_request(&t, "GET", "/big.flv");
    t.request.query = "start=0";
    http_test_serve(&t, handler);
    ck_assert_int_eq(http_test_status(&t), 200);
}
END_TEST

START_TEST(vhosts)
{
    ck_assert_int_eq(get("/files/own.txt"), 404);
    t.vhost.http_static.enabled = 1;
    ck_assert_int_eq(get("/files/own.txt"), 200);
    ck_assert_str_eq(http_test_body(&t), "own");
    ck_assert_int_eq(get("/own.txt"), 404);
    ck_assert_int_eq(get("/filesown.txt"), 404);
    /* What the vhost lacks, the server's directory may have. */
    ck_assert_int_eq(get("/dir/"), 200);
    t.vhost.http_static.mount = "[vhost]/";
    ck_assert_int_eq(get("/own.txt"), 200);
    ck_assert_int_eq(get("/index.html"), 200);
    t.vhost.http_static.mount = "other.host/";
    ck_assert_int_eq(get("/own.txt"), 404);
    t.vhost.http_static.mount = "H/";
    ck_assert_int_eq(get("/own.txt"), 200);
}
END_TEST

Suite *check_http_static_suite(void)
{
    Suite *suite = suite_create("http_static");
    TCase *tc = tcase_create("http_static");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, files);
    tcase_add_test(tc, large);
    tcase_add_test(tc, directories);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, ranges);
    tcase_add_test(tc, conditions);
    tcase_add_test(tc, on_demand);
    tcase_add_test(tc, vhosts);
    suite_add_tcase(suite, tc);
    return suite;
}
