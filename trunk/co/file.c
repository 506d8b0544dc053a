/*
 * Opening beneath a directory. openat2(2) with RESOLVE_BENEATH makes the kernel ensure that no path
 * leaves the directory, also while links change concurrently. Where it is missing (before Linux
 * 5.6) or forbidden (containers of that time), the path is walked one component at a time and no
 * link is followed.
 */
#include "co/file.h"

#include "co/co.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_FLAGS    (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define FILE_PATH_MAX 4096

/* url_path_clean() never returns "a/b/../c", but this must be safe without it. */
static int path_is_clean(const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len == 2 && path[0] == '.' && path[1] == '.')
            return 0;
        path += len;
        path += strspn(path, "/");
    }
    return 1;
}

static int open_beneath(int dir, const char *path)
{
    struct open_how how;

    memset(&how, 0, sizeof(how));
    how.flags = FILE_FLAGS;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* One component at a time, without following links. Takes over dir. */
static int open_walking(int dir, const char *path)
{
    char name[256];

    while (dir >= 0) {
        size_t len = strcspn(path, "/");
        int is_last = path[len] == '\0';
        int next;
        int saved;

        if (len >= sizeof(name)) {
            close(dir);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, len > 0 ? path : ".", len > 0 ? len : 1);
        name[len > 0 ? len : 1] = '\0';
        next = openat(dir, name,
                      O_NOFOLLOW | (is_last ? FILE_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC));
        saved = errno;
        close(dir);
        errno = saved;
        dir = next;
        if (is_last)
            break;
        path += len + strspn(path + len, "/");
    }
    return dir;
}

static struct err *open_error(int sys_errno, const char *path)
{
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ENXIO: /* a socket, a FIFO, a device without a driver */
    case ENODEV:
        return err_new(ERR_NOT_FOUND, "no such file: %s", path);
    case EACCES:
    case EPERM:
    case EXDEV: /* it would leave dir */
    case ELOOP:
        return err_new(ERR_DENIED, "no access to %s", path);
    default:
        return err_sys(sys_errno, "open %s", path);
    }
}

static struct err *file_open_by(const char *dir, const char *path, int may_openat2,
                                struct file *out)
{
    struct stat st;
    int dir_fd;
    int fd = -1;

    assert(dir != NULL && path != NULL && out != NULL);
    memset(out, 0, sizeof(*out));
    out->fd = -1;
    path += strspn(path, "/");
    if (strlen(path) >= FILE_PATH_MAX || !path_is_clean(path))
        return err_new(ERR_DENIED, "no access to %.64s", path);
    dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return open_error(errno, dir);
    errno = ENOSYS;
    if (may_openat2)
        fd = open_beneath(dir_fd, *path != '\0' ? path : ".");
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        fd = open_walking(dir_fd, path);
    } else {
        int saved = errno;

        close(dir_fd);
        errno = saved;
    }
    if (fd < 0)
        return open_error(errno, path);
    if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
        close(fd);
        return err_new(ERR_NOT_FOUND, "%s is not a regular file", path);
    }
    out->fd = fd;
    out->is_dir = S_ISDIR(st.st_mode);
    out->size = (uint64_t)st.st_size;
    out->mtime = (int64_t)st.st_mtim.tv_sec;
    out->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
    return NULL;
}

struct err *file_open(const char *dir, const char *path, struct file *out)
{
    return file_open_by(dir, path, 1, out);
}

struct err *file_open_walking(const char *dir, const char *path, struct file *out)
{
    return file_open_by(dir, path, 0, out);
}

void file_close(struct file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

struct err *file_read(struct file *file, uint64_t offset, void *buf, size_t len, size_t *got)
{
    ssize_t n;

    assert(file->fd >= 0 && !file->is_dir && len > 0);
    co_yield ();
    do
        n = pread(file->fd, buf, len, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(errno, "read file");
    *got = (size_t)n;
    return NULL;
}
