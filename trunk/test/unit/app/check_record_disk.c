/*
 * Recordings on disk: names that exist already, full disks, files cut at every byte, and the search
 * for files that were not finished.
 */
#include "app/record/record_disk.h"

#include "app/record/record_salvage.h"
#include "app/record/record_search.h"
#include "base/str.h"
#include "media/flv_record.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *check_record_disk_suite(void);

#define DATA_MAX ((size_t)1 << 20)

static const uint8_t KEY[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65};

static char folder[64];

static void setup(void)
{
    (void)str_copy(folder, sizeof(folder), "/tmp/check-record-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct record_file *file_of(const char *name)
{
    struct record_file *file = record_disk_new(DATA_MAX);

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(str_format(file->path, sizeof(file->path), "%s/%s", folder, name), 0);
    return file;
}

static void ck_call(void (*call)(void *arg), struct record_file *file, int error)
{
    call(file);
    ck_assert_msg(file->error == error, "%s", strerror(file->error));
}

static long size_of(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 ? (long)st.st_size : -1;
}

/* So many keyframes, one a second. */
static struct flv_record *movie(struct buf *out, int frames)
{
    static const struct flv_record_options options = {0, 1, 0, "v.example/live/show"};
    uint8_t init[FLV_HEADER_SIZE];
    struct flv_record *record;

    flv_header_write(init, 0, 1);
    record = flv_record_new(init, sizeof(init), &options, out);
    ck_assert_ptr_nonnull(record);
    for (int i = 0; i < frames; i++) {
        struct flv_tag tag = {FRAME_VIDEO, (uint32_t)i * 1000, KEY, sizeof(KEY)};

        ck_assert_int_eq(flv_record_tag(record, &tag, out), FLV_RECORD_TAKEN);
    }
    return record;
}

START_TEST(test_whole_life)
{
    struct record_file *file = file_of("a/b/show.flv");
    struct flv_record *record = movie(&file->data, 3);

    ck_call(record_disk_open, file, 0);
    ck_call(record_disk_write, file, 0);
    ck_assert_uint_eq(file->size, flv_record_size(record));
    ck_assert_int_eq(size_of(file->part), (long)file->size);
    ck_assert_int_eq(size_of(file->path), -1);
    ck_assert_int_eq(flv_record_meta(record, &file->meta, &file->meta_at), 0);
    ck_call(record_disk_finish, file, 0);
    ck_assert_int_eq(file->is_kept, 1);
    ck_assert_int_eq(size_of(file->path), (long)file->size);
    ck_assert_int_eq(size_of(file->part), -1);
    flv_record_free(record);
    record_disk_drop(file);
}
END_TEST

/* Files with the same name: none is overwritten, whether it was there before or comes meanwhile. */
START_TEST(test_same_names)
{
    struct record_file *file[3];
    char path[RECORD_PATH_MAX + 8];

    for (int i = 0; i < 3; i++) {
        file[i] = file_of("show.flv");
        ck_call(record_disk_open, file[i], 0);
    }
    ck_assert_str_ne(file[0]->path, file[1]->path);
    ck_assert(str_ends(file[1]->path, "/show.2.flv"));
    ck_assert(str_ends(file[2]->path, "/show.3.flv"));
    /* Somebody else makes it. */
    close(open(file[0]->path, O_WRONLY | O_CREAT, 0600));
    ck_call(record_disk_finish, file[0], 0);
    ck_assert(str_ends(file[0]->path, "/show.2.flv"));
    ck_call(record_disk_remove, file[1], 0);
    ck_assert_int_eq(size_of(file[1]->part), -1);
    ck_call(record_disk_finish, file[2], 0);
    (void)str_format(path, sizeof(path), "%s/show.flv", folder);
    ck_assert_int_eq(size_of(path), 0);
    for (int i = 0; i < 3; i++)
        record_disk_drop(file[i]);
}
END_TEST

START_TEST(test_no_folder)
{
    struct record_file *file = file_of("plain/show.flv");
    char path[128];

    (void)str_format(path, sizeof(path), "%s/plain", folder);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    ck_call(record_disk_open, file, ENOTDIR);
    record_disk_drop(file);
}
END_TEST

/* What fits on a full disk is kept up to its last whole tag. */
START_TEST(test_full_disk)
{
    struct record_file *file = file_of("show.flv");
    struct flv_record *record = movie(&file->data, 10);
    struct rlimit limit, before;

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit = before;
    limit.rlim_cur = file->data.len - 30;
    ck_call(record_disk_open, file, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    record_disk_write(file);
    ck_assert_int_eq(file->error, EFBIG);
    record_disk_salvage(file);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(file->error, 0);
    ck_assert_int_eq(file->is_kept, 1);
    /* Eight of ten frames, 25 bytes each. */
    ck_assert_uint_eq(file->size, flv_record_size(record) - 50);
    ck_assert_int_eq(file->duration_ms, 8000);
    ck_assert_int_eq(size_of(file->path), (long)file->size);
    flv_record_free(record);
    record_disk_drop(file);
}
END_TEST

static void write_whole(const char *path, const uint8_t *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, data, len, 0), (ssize_t)len);
    close(fd);
}

START_TEST(test_cut_anywhere)
{
    struct buf bytes;
    struct flv_record *record;
    char path[128];

    buf_init(&bytes, DATA_MAX);
    record = movie(&bytes, 3);
    (void)str_format(path, sizeof(path), "%s/cut.part", folder);
    for (size_t len = bytes.len - 100; len <= bytes.len; len++) {
        size_t frames = (len - (bytes.len - 75)) / 25;
        struct record_salvage salvage;
        int fd;

        write_whole(path, buf_data(&bytes), len);
        fd = open(path, O_RDWR);
        if (len < bytes.len - 50) {
            /* Without a frame nothing is changed. */
            ck_assert_int_eq(record_salvage_file(fd, &salvage), EBADMSG);
            ck_assert_int_eq(size_of(path), (long)len);
        } else {
            ck_assert_int_eq(record_salvage_file(fd, &salvage), 0);
            ck_assert_uint_eq(salvage.size, bytes.len - 75 + frames * 25);
            ck_assert_int_eq(size_of(path), (long)salvage.size);
            ck_assert_str_eq(salvage.name, "v.example/live/show");
            free(salvage.name);
        }
        close(fd);
    }
    flv_record_free(record);
    buf_fini(&bytes);
}
END_TEST

/* Only recordings that nobody writes, in folders that the template allows, and no links. */
START_TEST(test_search)
{
    struct record_search *search = calloc(1, sizeof(*search));
    struct record_file *live = file_of("a/live.flv");
    struct flv_record *record = movie(&live->data, 2);
    char path[256], other[256];
    struct buf bytes;

    buf_init(&bytes, DATA_MAX);
    flv_record_free(movie(&bytes, 2));
    ck_call(record_disk_open, live, 0);
    ck_call(record_disk_write, live, 0);
    (void)str_format(path, sizeof(path), "%s/a/left.flv.part", folder);
    write_whole(path, buf_data(&bytes), bytes.len - 5);
    (void)str_format(path, sizeof(path), "%s/a/foreign.part", folder);
    write_whole(path, (const uint8_t *)"a download", 10);
    (void)str_format(path, sizeof(path), "%s/deep", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    (void)str_format(other, sizeof(other), "%s/a/link.flv.part", folder);
    (void)str_format(path, sizeof(path), "%s/deep/b", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    (void)str_format(path, sizeof(path), "%s/deep/b/far.flv.part", folder);
    write_whole(path, buf_data(&bytes), bytes.len);
    ck_assert_int_eq(symlink(path, other), 0);

    ck_assert_ptr_nonnull(search);
    search->count = 1;
    search->root[0].depth = 1;
    (void)str_copy(search->root[0].path, RECORD_PATH_MAX, folder);
    record_search_run(search);
    ck_assert_uint_eq(search->found_count, 1);
    ck_assert(str_ends(search->found->path, "/a/left.flv"));
    ck_assert_uint_eq(search->found->size, bytes.len - 25);
    ck_assert_int_eq(size_of(search->found->path), (long)search->found->size);
    ck_assert_str_eq(search->found->name, "v.example/live/show");
    ck_assert_int_eq(size_of(path), (long)bytes.len);
    ck_assert_int_eq(size_of(live->part), (long)live->size);
    /* Deeper, and after the other process has ended. */
    record_disk_drop(live);
    search->root[0].depth = 2;
    record_search_run(search);
    ck_assert_uint_eq(search->found_count, 3);
    record_search_free(search);
    flv_record_free(record);
    buf_fini(&bytes);
}
END_TEST

Suite *check_record_disk_suite(void)
{
    Suite *suite = suite_create("record_disk");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_whole_life);
    tcase_add_test(tcase, test_same_names);
    tcase_add_test(tcase, test_no_folder);
    tcase_add_test(tcase, test_full_disk);
    tcase_add_test(tcase, test_cut_anywhere);
    tcase_add_test(tcase, test_search);
    suite_add_tcase(suite, tcase);
    return suite;
}
