/*
 * Static files. A path comes decoded and cleaned from proto/url.c, and co/file.c
 * opens nothing outside of the directory, so that neither has to trust the other.
 * Files go out in pieces of one size, the first together with the head; a
 * client that is slow costs one piece of memory. Validators are sent (RFC 9110,
 * sections 8.8.2 and 8.8.3), conditions and ranges are not looked at yet.
 */
#include "app/http_static.h"

#include "app/server.h"
#include "base/str.h"
#include "co/file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATIC_PIECE_SIZE 65536
#define STATIC_INDEX      "index.html"
#define STATIC_VHOST      "[vhost]"

/* The file's path below a static mount ("[vhost]/", "/files/", "host/files/"), or NULL. */
static const char *mount_rest(const char *mount, const char *host, const char *path)
{
    const char *slash = strchr(mount, '/');
    size_t host_len = slash != NULL ? (size_t)(slash - mount) : 0;
    size_t len;

    if (slash == NULL)
        return NULL;
    if (host_len > 0 && strncmp(mount, STATIC_VHOST, host_len) != 0 &&
        (strlen(host) != host_len || strncasecmp(mount, host, host_len) != 0))
        return NULL;
    len = strlen(slash);
    while (len > 0 && slash[len - 1] == '/')
        len--;
    if (strncmp(path, slash, len) != 0 || path[len] != '/')
        return NULL;
    return path + len;
}

/* 301 from a directory to itself with a slash. An absolute path, so that no host has to be named;
 * it begins with one slash only, as the path was cleaned. */
static struct err *redirect(struct http_exchange *x, usec_t timeout)
{
    const char *query = x->request->query;
    struct buf lines;
    struct err *err;

    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    if (buf_printf(&lines, "Location: ") != 0 || http_path_encode(&lines, x->request->path) != 0 ||
        buf_printf(&lines, "/%s%s\r\n", query[0] != '\0' ? "?" : "", query) != 0 ||
        buf_append(&lines, "", 1) != 0)
        err = http_answer_error(x, 414, NULL, timeout, "path too long");
    else
        err = http_answer(x, 301, NULL, (const char *)buf_data(&lines), NULL, 0, timeout);
    buf_fini(&lines);
    return err;
}

/* ETag and Last-Modified; sizes and times are enough, as files are replaced, not patched. */
static void validators_format(const struct file *file, char *out, size_t cap)
{
    time_t mtime = (time_t)file->mtime;
    struct tm tm;
    char date[40] = "";

    if (gmtime_r(&mtime, &tm) == NULL ||
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        date[0] = '\0';
    if (str_format(out, cap, "ETag: \"%" PRIx64 "-%" PRIx64 "\"\r\n%s%s%s", (uint64_t)file->mtime,
                   file->size, date[0] != '\0' ? "Last-Modified: " : "", date,
                   date[0] != '\0' ? "\r\n" : "") != 0)
        out[0] = '\0';
}

/* Sends the head and `size` bytes of the file. What the file lacks by now breaks the connection:
 * its length is said already. */
static struct err *pieces_send(struct http_exchange *x, struct file *file, struct buf *head,
                               uint8_t *piece, usec_t timeout)
{
    uint64_t at = 0;

    while (at < file->size) {
        uint64_t left = file->size - at;
        size_t want = left < STATIC_PIECE_SIZE ? (size_t)left : STATIC_PIECE_SIZE;
        size_t got = 0;
        struct iovec iov[2];
        struct err *err = file_read(file, at, piece, want, &got, USEC_NEVER);

        if (err == NULL && got == 0)
            err = err_new(ERR_CLOSED, "file became shorter");
        if (err != NULL)
            return err;
        iov[0].iov_base = head->len > 0 ? buf_data(head) : piece;
        iov[0].iov_len = head->len;
        iov[1].iov_base = piece;
        iov[1].iov_len = got;
        x->has_answered = 1;
        err =
            io_writev(&x->conn->io, head->len > 0 ? iov : iov + 1, head->len > 0 ? 2 : 1, timeout);
        if (err != NULL)
            return err;
        buf_consume(head, head->len);
        at += got;
    }
    return NULL;
}

static struct err *file_send(struct http_exchange *x, struct file *file, const char *type,
                             usec_t timeout)
{
    char headers[160];
    struct buf head;
    uint8_t *piece = NULL;
    struct err *err;

    validators_format(file, headers, sizeof(headers));
    buf_init(&head, HTTP_ANSWER_HEAD_MAX);
    if (http_head(x, 200, type, headers, (int64_t)file->size, &head) != 0) {
        err = err_new(ERR_NOMEM, "static head");
    } else if (x->is_head || file->size == 0) {
        x->has_answered = 1;
        err = io_write(&x->conn->io, buf_data(&head), head.len, timeout);
    } else {
        piece = malloc(file->size < STATIC_PIECE_SIZE ? (size_t)file->size : STATIC_PIECE_SIZE);
        if (piece == NULL)
            err = err_new(ERR_NOMEM, "static piece");
        else
            err = pieces_send(x, file, &head, piece, timeout);
    }
    free(piece);
    buf_fini(&head);
    return err != NULL ? err_wrap(err, "static %s", x->request->path) : NULL;
}

/* Opens `path`, or the index of it when it ends in a slash. *type is the content type. */
static struct err *resource_open(const char *dir, const char *path, struct file *file,
                                 const char **type)
{
    size_t len = strlen(path);
    char *index;
    struct err *err;

    *type = http_content_type(path);
    if (len > 0 && path[len - 1] != '/')
        return file_open(dir, path, file);
    index = malloc(len + sizeof(STATIC_INDEX));
    if (index == NULL)
        return err_new(ERR_NOMEM, "static index");
    memcpy(index, path, len);
    memcpy(index + len, STATIC_INDEX, sizeof(STATIC_INDEX));
    *type = http_content_type(STATIC_INDEX);
    err = file_open(dir, index, file);
    free(index);
    if (err == NULL && file->is_dir) {
        file_close(file);
        err = err_new(ERR_NOT_FOUND, "index is a directory");
    }
    return err;
}

static struct err *refuse(struct http_exchange *x, const struct err *why, usec_t timeout)
{
    if (err_code(why) == ERR_NOT_FOUND)
        return http_answer_error(x, 404, NULL, timeout, "no stream and no file at this address");
    if (err_code(why) == ERR_DENIED)
        return http_answer_error(x, 403, NULL, timeout, "no access to this file");
    return http_answer_error(x, 503, NULL, timeout, "the file cannot be read now");
}

static struct err *static_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    /* The snapshot may go while a piece is sent; the names in it are used before that only. */
    const struct config *config = x->server->config;
    const struct config_vhost *vhost = config_vhost_find(config, x->request->host);
    struct err *open_err = err_new(ERR_NOT_FOUND, "no directory");
    const char *type = NULL;
    const char *rest = NULL;
    struct file file = {-1, 0, 0, 0};
    struct err *err;

    (void)self;
    if (!http_is_read(x)) {
        err_free(open_err);
        return http_answer_method(x, timeout);
    }
    if (vhost != NULL && vhost->http_static.enabled)
        rest = mount_rest(vhost->http_static.mount, x->request->host, x->request->path);
    if (rest != NULL) {
        err_free(open_err);
        open_err = resource_open(vhost->http_static.dir, rest, &file, &type);
    }
    if (open_err != NULL && err_code(open_err) == ERR_NOT_FOUND &&
        config->http_server.dir != NULL) {
        err_free(open_err);
        open_err = resource_open(config->http_server.dir, x->request->path, &file, &type);
    }
    if (open_err != NULL)
        err = refuse(x, open_err, timeout);
    else if (file.is_dir)
        err = redirect(x, timeout);
    else
        err = file_send(x, &file, type, timeout);
    file_close(&file);
    err_free(open_err);
    return err;
}

struct http_handler *http_static_new(void)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler != NULL)
        handler->serve = static_serve;
    return handler;
}

void http_static_free(struct http_handler *handler)
{
    free(handler);
}
