/*
 * Static files. proto/url.c has decoded and cleaned the path, and co/file.c opens nothing outside
 * of the directory, so that neither has to trust the other. Conditions are evaluated before the
 * range (RFC 9110, section 13.2.2). http_vod.c serves requests for a part of an FLV file.
 */
#include "app/http/http_static.h"

#include "app/config/mount.h"
#include "app/core/server.h"
#include "app/http/auth.h"
#include "app/http/http_file.h"
#include "app/http/http_vod.h"
#include "base/str.h"
#include "co/file.h"
#include "proto/http_condition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATIC_INDEX "index.html"
#define STATIC_VHOST "[vhost]"

/* The file's path below a static mount ("[vhost]/", "/files/", "host/files/"), or NULL. */
static const char *mount_rest(const struct http_target *target, const char *host, const char *path)
{
    const char *mount = target->vhost->http_static.mount;
    const char *slash = strchr(mount, '/');
    size_t host_len = slash != NULL ? (size_t)(slash - mount) : 0;
    size_t len;

    if (slash == NULL)
        return NULL;
    if (host_len > 0 && strncmp(mount, STATIC_VHOST, host_len) != 0 &&
        !mount_names_host(mount, target->vhost->name, target->host) &&
        !mount_names_host(mount, target->vhost->name, host))
        return NULL;
    len = strlen(slash);
    while (len > 0 && slash[len - 1] == '/')
        len--;
    if (strncmp(path, slash, len) != 0 || path[len] != '/')
        return NULL;
    return path + len;
}

/* 301 from a directory to the same path with a slash. An absolute path needs no host name; it
 * begins with one slash only, since the path was cleaned. */
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

/* The file's validators as text. Size and time are enough, since files are replaced, not modified
 * in place. */
struct validator_texts {
    char etag[48];
    char date[HTTP_DATE_SIZE];
};

static void validators_of(const struct file *file, struct validator_texts *texts,
                          struct http_validators *out)
{
    (void)str_format(texts->etag, sizeof(texts->etag), "\"%" PRIx64 "%08" PRIx32 "-%" PRIx64 "\"",
                     (uint64_t)file->mtime, file->mtime_ns, file->size);
    (void)http_condition_date_format(file->mtime, texts->date);
    out->etag = texts->etag;
    out->modified = file->mtime;
}

/* The answer for a file that exists. */
struct file_answer {
    int status;
    const char *type; /* NULL: no body at all */
    struct http_range part;
    char lines[320];
};

static struct err *answer_send(struct http_exchange *x, struct file *file,
                               struct file_answer *answer, usec_t timeout)
{
    struct buf head;
    struct err *err;

    buf_init(&head, HTTP_ANSWER_HEAD_MAX);
    if (http_head(x, answer->status, answer->type, answer->lines,
                  answer->type != NULL ? (int64_t)answer->part.len : -1, &head) != 0) {
        err = err_new(ERR_NOMEM, "static head");
    } else {
        if (x->is_head || answer->type == NULL)
            answer->part.len = 0;
        err = http_file_send(x, &head, file, &answer->part, timeout);
    }
    buf_fini(&head);
    return err != NULL ? err_wrap(err, "static %s", x->request->path) : NULL;
}

static struct err *answer_beyond(struct http_exchange *x, const struct file *file, usec_t timeout)
{
    char line[64];

    (void)str_format(line, sizeof(line), "Content-Range: bytes */%" PRIu64 "\r\n", file->size);
    return http_answer_error(x, 416, line, timeout, "the file has %" PRIu64 " bytes", file->size);
}

/* Serves the file, or the part that the request's conditions and range select. */
static struct err *file_serve(struct http_exchange *x, struct file *file, const char *type,
                              usec_t timeout)
{
    struct file_answer answer = {.status = 200, .type = type, .part = {0, file->size}};
    struct http_validators validators;
    struct validator_texts texts;
    char content_range[96] = "";

    validators_of(file, &texts, &validators);
    switch (http_condition(x->request, &validators)) {
    case 412:
        return http_answer_error(x, 412, NULL, timeout, "the file has changed");
    case 304:
        answer.status = 304;
        answer.type = NULL;
        break;
    default:
        switch (http_condition_range_of(x->request, &validators, file->size, &answer.part)) {
        case HTTP_RANGE_BEYOND:
            return answer_beyond(x, file, timeout);
        case HTTP_RANGE_PART:
            answer.status = 206;
            (void)str_format(content_range, sizeof(content_range),
                             "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
                             answer.part.first, answer.part.first + answer.part.len - 1,
                             file->size);
            break;
        case HTTP_RANGE_WHOLE:
            answer.part = (struct http_range){0, file->size};
            break;
        }
    }
    if (str_format(answer.lines, sizeof(answer.lines),
                   "ETag: %s\r\n%s%s%sAccept-Ranges: bytes\r\n%s", texts.etag,
                   texts.date[0] != '\0' ? "Last-Modified: " : "", texts.date,
                   texts.date[0] != '\0' ? "\r\n" : "", content_range) != 0)
        return err_new(ERR_LIMIT, "static %s: lines too long", x->request->path);
    return answer_send(x, file, &answer, timeout);
}

/* Opens `path`, or its index if it ends in a slash. *type is the content type. */
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
        return http_answer_error(x, 403, NULL, timeout, "access to this file denied");
    return http_answer_error(x, 503, NULL, timeout, "cannot read the file");
}

/* What is found at an address. */
struct resource {
    struct file file;
    const char *type;
    int is_shared; /* it is in http_server.dir, which all hosts share */
};

/* Opens what is at the request's address: in the vhost's own directory, or else in
 * http_server.dir. */
static struct err *static_open(struct http_exchange *x, struct resource *out)
{
    const struct config *config = x->config;
    const struct http_target *target = http_target(x);
    struct err *err = err_new(ERR_NOT_FOUND, "no directory");
    const char *rest = NULL;

    out->file.fd = -1;
    out->is_shared = 0;
    if (target->vhost != NULL && target->vhost->http_static.enabled)
        rest = mount_rest(target, x->request->host, x->request->path);
    if (rest != NULL) {
        err_free(err);
        err = resource_open(target->vhost->http_static.dir, rest, &out->file, &out->type);
    }
    if (err != NULL && err_code(err) == ERR_NOT_FOUND && config->http_server.dir != NULL) {
        err_free(err);
        out->is_shared = 1;
        err = resource_open(config->http_server.dir, x->request->path, &out->file, &out->type);
    }
    return err;
}

int http_static_has(struct http_exchange *x)
{
    struct resource found = {.file = {.fd = -1}};
    struct err *err = static_open(x, &found);
    int has = err == NULL && !found.file.is_dir;

    file_close(&found.file);
    err_free(err);
    return has;
}

/* A file at the address of a stream needs the same permission as the stream. Ask before the answer
 * shows whether the file exists. */
static enum http_step ask_as_stream(struct http_exchange *x, const struct http_target *target,
                                    usec_t timeout)
{
    if (target->vhost == NULL || target->mux == NULL)
        return HTTP_STEP_NEXT;
    return auth_ask_play(
        x,
        &(struct auth_stream){.vhost = target->vhost, .app = target->app, .name = target->stream},
        timeout);
}

/* A file in http_server.dir that needs a signed address at one vhost must not be available through
 * a vhost that requires no signatures. */
static enum http_step ask_as_shared(struct http_exchange *x, usec_t timeout)
{
    const struct http_target *target = http_target(x);
    struct http_target guard;

    if (target->vhost != NULL && target->mux != NULL && target->vhost->token.enabled &&
        target->vhost->token.play)
        return HTTP_STEP_NEXT;
    if (http_target_guard(x->config, x->request->path, &guard) == NULL)
        return HTTP_STEP_NEXT;
    x->is_granted = 0; /* it was granted for another vhost */
    return ask_as_stream(x, &guard, timeout);
}

static struct err *resource_serve(struct http_exchange *x, struct resource *found, usec_t timeout)
{
    if (found->file.is_dir)
        return redirect(x, timeout);
    if (found->is_shared && ask_as_shared(x, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    return http_vod_wants(x) ? http_vod_serve(x, &found->file, timeout)
                             : file_serve(x, &found->file, found->type, timeout);
}

static struct err *static_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    struct resource found = {.file = {.fd = -1}};
    struct err *open_err;
    struct err *err;

    (void)self;
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    if (ask_as_stream(x, http_target(x), timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    open_err = static_open(x, &found);
    err = open_err != NULL ? refuse(x, open_err, timeout) : resource_serve(x, &found, timeout);
    file_close(&found.file);
    err_free(open_err);
    return err;
}

struct http_handler *http_static_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = static_serve;
    handler->next = next;
    return handler;
}
