#ifndef CO_FILE_H
#define CO_FILE_H

/*
 * Files to serve: opened only beneath a directory, read in pieces. Disk reads block the process, so
 * a caller that reads a large file uses small pieces; file_read() lets other coroutines run before
 * each.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/yield.h"

#include <stddef.h>
#include <stdint.h>

struct file {
    int fd; /* -1: none */
    int is_dir;
    uint64_t size;
    int64_t mtime; /* seconds since 1970 */
    uint32_t mtime_ns;
};

/*
 * Opens dir/path for reading. path is relative, or begins with a slash that is ignored; "" is dir
 * itself. Neither "..", nor a link, nor a mount of another process leads out of dir; links that
 * stay within are followed where the kernel can check them (openat2), else refused. Regular files
 * and directories only. ERR_NOT_FOUND: no such file, or a special one; ERR_DENIED: no permission,
 * or it would leave dir.
 */
struct err *file_open(const char *dir, const char *path, struct file *out);
void file_close(struct file *file);

/* Up to len bytes from offset; *got is 0 at the end. Yields before it reads. */
MAY_YIELD struct err *file_read(struct file *file, uint64_t offset, void *buf, size_t len,
                                size_t *got);

/* For the tests: opens without openat2. */
struct err *file_open_walking(const char *dir, const char *path, struct file *out);

#endif
