/*
 * Looks for recordings that a process has left behind: it was killed, or its disk hung. The walk
 * follows no links, is as deep as the template says, and has a limit of entries.
 */
#include "app/record/record_search.h"

#include "app/record/record_disk.h"
#include "app/record/record_salvage.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32

void record_search_free(void *arg)
{
    struct record_search *search = arg;

    while (search->found != NULL) {
        struct record_found *next = search->found->next;

        free(search->found->name);
        free(search->found);
        search->found = next;
    }
    free(search);
}

/* Finishes the file unless somebody writes it. */
static void finish(struct record_search *search, const char *part)
{
    struct record_found *found = calloc(1, sizeof(*found));
    struct record_file *file = record_disk_new(1);
    struct record_salvage salvage = {.name = NULL};

    if (found == NULL || file == NULL)
        goto end;
    (void)str_copy(file->part, sizeof(file->part), part);
    if (str_copy_n(file->path, sizeof(file->path), part, strlen(part) - strlen(RECORD_PART)) != 0)
        goto end;
    file->fd = open(part, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file->fd < 0 || flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        goto end;
    if (record_salvage_file(file->fd, &salvage) != 0 || record_disk_keep(file) != 0)
        goto end;
    (void)str_copy(found->path, sizeof(found->path), file->path);
    found->name = salvage.name;
    found->size = salvage.size;
    found->duration_ms = salvage.duration_ms;
    found->next = search->found;
    search->found = found;
    search->found_count++;
    salvage.name = NULL;
    found = NULL;
end:
    free(salvage.name);
    free(found);
    record_disk_drop(file);
}

/* The folders from the root to the one that is being read. */
struct level {
    DIR *dir;
    size_t len; /* of its path */
};

/* Opens the folder of this path as the next level. 0 or -1. */
static int enter(struct level *level, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    level->dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (level->dir == NULL && fd >= 0)
        close(fd);
    level->len = strlen(path);
    return level->dir != NULL ? 0 : -1;
}

static int is_folder(const char *path, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void walk(struct record_search *search, const char *root, int depth)
{
    struct level level[DEPTH_MAX];
    char path[RECORD_PATH_MAX + 256];
    int at = 0;

    if (depth >= DEPTH_MAX)
        depth = DEPTH_MAX - 1;
    (void)str_copy(path, sizeof(path), root);
    if (enter(&level[0], path) != 0)
        return;
    while (at >= 0) {
        const struct dirent *entry = search->is_cut ? NULL : readdir(level[at].dir);

        if (entry == NULL) {
            closedir(level[at--].dir);
            continue;
        }
        if (++search->entries > RECORD_ENTRIES_MAX || search->found_count >= RECORD_FOUND_MAX)
            search->is_cut = 1;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            str_format(path + level[at].len, sizeof(path) - level[at].len, "/%s", entry->d_name) !=
                0)
            continue;
        if (is_folder(path, entry)) {
            if (at < depth && enter(&level[at + 1], path) == 0)
                at++;
        } else if (str_ends(path, RECORD_PART)) {
            finish(search, path);
        }
    }
}

void record_search_run(void *arg)
{
    struct record_search *search = arg;

    for (int i = 0; i < search->count; i++)
        walk(search, search->root[i].path, search->root[i].depth);
}
