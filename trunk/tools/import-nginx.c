/*
 * Reads a configuration of nginx with its RTMP module, or with HTTP-FLV, and prints one of this
 * server (doc/nginx.md). What cannot be carried over is printed with its line to stderr, and stands
 * as comments at the top of the result.
 * Exit status: 0 printed, 1 could not, 2 wrong usage.
 */
#include "base/conf.h"
#include "base/str.h"
#include "tools/import-nginx/import.h"
#include "tools/import-nginx/nginx_text.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX  ((size_t)4 * 1024 * 1024)
#define PATH_CAP 4096
#define HERE     "./"

static const char usage[] =
    "usage: import-nginx FILE\n"
    "\n"
    "Prints the configuration of nginx-rtmp-module or nginx-http-flv-module in FILE, such as\n"
    "/etc/nginx/nginx.conf, as one of this server. Notes of what is missing go to stderr, too.\n";

struct reader {
    char first[PATH_CAP]; /* the file that was asked for */
    struct buf missing;   /* includes without a file, a line each */
};

/* Appends a file. 0 or errno. */
static int file_append(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    int rc = 0;

    if (file == NULL)
        return errno;
    while (rc == 0 && !feof(file)) {
        uint8_t *room = buf_reserve(out, 4096);
        size_t n;

        if (room == NULL) {
            rc = EFBIG;
            break;
        }
        n = fread(room, 1, 4096, file);
        buf_commit(out, n);
        rc = ferror(file) ? EIO : 0;
    }
    fclose(file);
    return rc;
}

/* Appends all files of a pattern. 0 or errno. */
static int pattern_append(const char *pattern, struct buf *out)
{
    glob_t found;
    int rc = 0;

    if (glob(pattern, 0, NULL, &found) != 0)
        return ENOENT;
    for (size_t i = 0; i < found.gl_pathc && rc == 0; i++) {
        rc = file_append(found.gl_pathv[i], out);
        if (rc == 0 && buf_append(out, "\n", 1) != 0)
            rc = EFBIG;
    }
    globfree(&found);
    return rc;
}

/* An include that is not there is no error of the file that names it: it may be on another machine.
 */
static struct err *missing_note(struct reader *reader, const char *path, int error)
{
    if (buf_printf(&reader->missing, "include %s: %s\n", path, strerror(error)) != 0)
        return err_new(ERR_NOMEM, "no memory for the configuration");
    return NULL;
}

/* The parser asks for an include in the including file's folder, which begins with HERE, and then
 * as it is written: nginx looks for it from the folder of the first file, the working directory. */
static struct err *load(void *arg, const char *path, char **text, size_t *len)
{
    struct reader *reader = arg;
    struct err *err = NULL;
    struct buf raw;
    int rc;

    buf_init(&raw, CONF_FILE_MAX);
    rc = strpbrk(path, "*?[") != NULL ? pattern_append(path, &raw) : file_append(path, &raw);
    if (rc != 0 && strcmp(path, reader->first) == 0)
        err = err_sys(rc, "%s", path);
    else if (rc == ENOENT && str_starts(path, HERE))
        err = err_new(ERR_NOT_FOUND, "%s: not found", path);
    else if (rc != 0)
        err = missing_note(reader, path, rc);
    if (!err) {
        *text = nginx_text_clean(raw.len > 0 ? (const char *)buf_data(&raw) : "", raw.len, len);
        if (*text == NULL)
            err = err_new(ERR_NOMEM, "no memory for the configuration");
    }
    buf_fini(&raw);
    return err;
}

static int convert(struct reader *reader, const struct conf_tree *tree)
{
    static struct import im; /* too large for the stack's taste */
    struct buf out;
    int rc;

    buf_init(&out, OUT_MAX);
    import_init(&im);
    import_main(&im, conf_root(tree));
    rc = reader->missing.len > 0
             ? buf_append(&im.notes, buf_data(&reader->missing), reader->missing.len)
             : 0;
    if (rc == 0)
        rc = import_write(&im, reader->first, &out);
    if (rc != 0)
        fprintf(stderr, "import-nginx: %s: out of memory, or too large\n", reader->first);
    else if (fwrite(buf_data(&out), 1, out.len, stdout) != out.len || fflush(stdout) != 0)
        rc = -1;
    else if (im.notes.len > 0)
        fprintf(stderr, "%.*s", (int)im.notes.len, (const char *)buf_data(&im.notes));
    import_fini(&im);
    buf_fini(&out);
    return rc != 0;
}

/* Changes to the folder of the file, whose name from there is put into reader. 0 or -1. */
static int folder_enter(const char *path, struct reader *reader)
{
    char folder[PATH_CAP];
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;

    errno = ENAMETOOLONG;
    if (str_format(reader->first, sizeof(reader->first), HERE "%s", path + len) == 0 &&
        str_copy_n(folder, sizeof(folder), path, len) == 0 && (len == 0 || chdir(folder) == 0))
        return 0;
    fprintf(stderr, "import-nginx: %s: %s\n", path, strerror(errno));
    return -1;
}

int main(int argc, char **argv)
{
    static struct reader reader;
    struct conf_tree *tree;
    struct err *err;
    int rc;

    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        return fputs(usage, stdout) < 0;
    if (argc != 2 || argv[1][0] == '-') {
        fputs(usage, stderr);
        return 2;
    }
    if (folder_enter(argv[1], &reader) != 0)
        return 1;
    buf_init(&reader.missing, IMPORT_LISTS_MAX);
    err = conf_parse(reader.first, load, &reader, &tree);
    if (err) {
        fprintf(stderr, "import-nginx: %s\n", err_text(err));
        err_free(err);
        buf_fini(&reader.missing);
        return 1;
    }
    rc = convert(&reader, tree);
    conf_free(tree);
    buf_fini(&reader.missing);
    return rc;
}
