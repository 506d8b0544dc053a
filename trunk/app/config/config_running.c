/*
 * The memory file holds two sources (app/config/config_source.h), one after the other: that of the
 * start and the current one. A new file replaces the old one at each reload, so that a reader never
 * sees half of one.
 */
#include "app/config/config_running.h"

#include "app/config/config_diff.h"
#include "app/config/config_source.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNNING_NAME "millrace-config"
#define RUNNING_MAX  (2 * CONFIG_SOURCE_BYTES_MAX + 1024 * 1024)

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, lseek(fd, 0, SEEK_END));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int config_running_show(int *fd, const struct config *first, const struct config *config)
{
    struct buf text;
    int new = memfd_create(RUNNING_NAME, MFD_CLOEXEC);
    int failed;

    buf_init(&text, RUNNING_MAX);
    failed = new < 0 ||
             buf_reserve(&text, config_source_length(config_source_of(first)) +
                                    config_source_length(config_source_of(config))) == NULL ||
             config_source_write(config_source_of(first), &text) != 0 ||
             config_source_write(config_source_of(config), &text) != 0 ||
             write_all(new, buf_data(&text), text.len) != 0;
    if (text.data != NULL)
        explicit_bzero(text.data, text.cap);
    buf_fini(&text);
    if (failed) {
        if (new >= 0)
            close(new);
        return -1;
    }
    if (*fd >= 0)
        close(*fd);
    *fd = new;
    return 0;
}

/* Opens the memory file among the descriptors of a process; -1: it has none. */
static int open_of(const char *folder, DIR *list)
{
    const struct dirent *entry;
    char path[96], target[96];

    while ((entry = readdir(list)) != NULL) {
        ssize_t n;

        if (str_format(path, sizeof(path), "%s/%s", folder, entry->d_name) != 0 ||
            (n = readlink(path, target, sizeof(target) - 1)) < 0)
            continue;
        target[n] = '\0';
        if (str_starts(target, "/memfd:" RUNNING_NAME))
            return open(path, O_RDONLY | O_CLOEXEC);
    }
    return -1;
}

/* Reads the whole file; NULL with errno. */
static uint8_t *read_all(int fd, size_t *len)
{
    uint8_t *data;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return NULL;
    errno = EFBIG;
    if (st.st_size <= 0 || (size_t)st.st_size > RUNNING_MAX)
        return NULL;
    data = malloc((size_t)st.st_size);
    if (data != NULL && pread(fd, data, (size_t)st.st_size, 0) != st.st_size) {
        free(data);
        return NULL;
    }
    *len = (size_t)st.st_size;
    return data;
}

static struct err *load(const uint8_t *data, size_t len, struct config **first, struct config **now)
{
    struct config_source *source;
    struct err *err = NULL;
    size_t used = 0, more = 0;

    source = config_source_read(data, len, &used);
    if (source != NULL)
        err = config_load_source(source, first);
    if (source != NULL && err == NULL)
        source = config_source_read(data + used, len - used, &more);
    if (source == NULL)
        return err_new(ERR_PROTO, "written by another version of the server");
    return err == NULL ? config_load_source(source, now) : err;
}

struct err *config_running_of(pid_t pid, struct config **out)
{
    struct config *first = NULL, *now = NULL;
    struct err *err = NULL;
    uint8_t *data = NULL;
    char folder[48];
    size_t len = 0;
    DIR *list;
    int fd = -1;

    *out = NULL;
    (void)str_format(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
    list = opendir(folder);
    if (list == NULL && errno == ENOENT)
        return err_new(ERR_NOT_FOUND, "process %d is not running", (int)pid);
    if (list == NULL)
        return err_sys(errno, "process %d: %s", (int)pid, folder);
    fd = open_of(folder, list);
    (void)closedir(list);
    if (fd < 0)
        return err_new(ERR_NOT_FOUND, "process %d is not a Millrace server", (int)pid);
    data = read_all(fd, &len);
    err = data != NULL ? load(data, len, &first, &now) : err_sys(errno, "read");
    if (err == NULL)
        err = config_diff_keep(now, first);
    close(fd);
    free(data);
    config_unref(first);
    if (err == NULL) {
        *out = now;
        return NULL;
    }
    config_unref(now);
    return err_wrap(err, "configuration of process %d", (int)pid);
}

struct err *config_running_pid(const char *path, pid_t *pid)
{
    char text[32] = "";
    int64_t number;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;
    int saved = errno;

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_sys(saved, "pid file %s", path);
    text[strcspn(text, " \r\n")] = '\0';
    if (str_to_i64(text, 1, INT32_MAX, &number) != 0)
        return err_new(ERR_CONFIG, "pid file %s contains no process id", path);
    *pid = (pid_t)number;
    return NULL;
}
