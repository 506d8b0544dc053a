/*
 * One file at a time: created beside others without touching them, appended to, and finished by
 * writing its metadata into the place that was reserved for it, and by a rename. The lock says that
 * its process lives: another one finishes only files without it.
 */
#include "app/record/record_disk.h"

#include "app/record/record_salvage.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBERS_MAX 100
#define META_MAX    ((size_t)1024 * 1024)

struct record_file *record_disk_new(size_t data_max)
{
    struct record_file *file = calloc(1, sizeof(*file));

    if (file == NULL)
        return NULL;
    file->fd = -1;
    buf_init(&file->data, data_max);
    buf_init(&file->meta, META_MAX);
    return file;
}

void record_disk_drop(void *arg)
{
    struct record_file *file = arg;

    if (file == NULL)
        return;
    if (file->fd >= 0)
        close(file->fd);
    buf_fini(&file->data);
    buf_fini(&file->meta);
    free(file);
}

int record_disk_folders(const char *path, const struct privileges *owner)
{
    char folder[RECORD_PATH_MAX];

    for (size_t len = 1; path[len - 1] != '\0'; len++) {
        if (path[len] != '/' && path[len] != '\0')
            continue;
        (void)str_copy_n(folder, sizeof(folder), path, len);
        if (mkdir(folder, 0755) != 0) {
            if (errno != EEXIST && errno != EROFS && errno != EACCES)
                return errno;
        } else if (owner != NULL) {
            privileges_give(owner, folder);
        }
    }
    return 0;
}

/* Makes the folders of a file. 0 or errno. */
static int folders_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[RECORD_PATH_MAX];

    if (slash == NULL || slash == path)
        return 0;
    (void)str_copy_n(folder, sizeof(folder), path, (size_t)(slash - path));
    return record_disk_folders(folder, NULL);
}

/* 0, EEXIST, or another errno. */
static int open_part(struct record_file *file)
{
    struct stat st;

    if (lstat(file->path, &st) == 0)
        return EEXIST;
    (void)str_format(file->part, sizeof(file->part), "%s" RECORD_PART, file->path);
    file->fd = open(file->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file->fd < 0)
        return errno;
    return flock(file->fd, LOCK_EX) == 0 ? 0 : errno;
}

void record_disk_open(void *arg)
{
    struct record_file *file = arg;
    char first[RECORD_PATH_MAX];

    (void)str_copy(first, sizeof(first), file->path);
    file->error = folders_of(file->path);
    if (file->error == 0)
        file->error = open_part(file);
    for (int i = 2; file->error == EEXIST && i < NUMBERS_MAX; i++)
        file->error =
            record_path_number(first, i, file->path) == 0 ? open_part(file) : ENAMETOOLONG;
}

/* 0 or errno; *written counts what was. */
static int write_at(int fd, const uint8_t *p, size_t len, uint64_t offset, uint64_t *written)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ENOSPC;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
        *written += (uint64_t)n;
    }
    return 0;
}

void record_disk_write(void *arg)
{
    struct record_file *file = arg;

    file->error =
        write_at(file->fd, buf_data(&file->data), file->data.len, file->size, &file->size);
    buf_consume(&file->data, file->data.len);
}

int record_disk_keep(struct record_file *file)
{
    char first[RECORD_PATH_MAX];
    int rc;

    (void)str_copy(first, sizeof(first), file->path);
    for (int i = 2;; i++) {
        rc = renameat2(AT_FDCWD, file->part, AT_FDCWD, file->path, RENAME_NOREPLACE);
        if (rc != 0 && (errno == EINVAL || errno == ENOSYS)) {
            rc = link(file->part, file->path);
            if (rc == 0)
                rc = unlink(file->part);
        }
        if (rc == 0 || errno != EEXIST || i == NUMBERS_MAX ||
            record_path_number(first, i, file->path) != 0)
            break;
    }
    file->is_kept = rc == 0;
    return rc == 0 ? 0 : errno;
}

static void close_file(struct record_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

void record_disk_finish(void *arg)
{
    struct record_file *file = arg;
    uint64_t written = 0;

    file->error =
        write_at(file->fd, buf_data(&file->meta), file->meta.len, file->meta_at, &written);
    if (file->error == 0 && fdatasync(file->fd) != 0)
        file->error = errno;
    if (file->error == 0)
        file->error = record_disk_keep(file);
    close_file(file);
}

void record_disk_salvage(void *arg)
{
    struct record_file *file = arg;
    struct record_salvage salvage;

    file->error = record_salvage_file(file->fd, &salvage);
    if (file->error == 0) {
        file->size = salvage.size;
        file->duration_ms = salvage.duration_ms;
        free(salvage.name);
        file->error = record_disk_keep(file);
    }
    close_file(file);
}

void record_disk_remove(void *arg)
{
    struct record_file *file = arg;

    file->error = file->fd >= 0 && unlink(file->part) != 0 ? errno : 0;
    close_file(file);
}
