/*
 * FLV on demand with the query parameters of Flash players. The answer is a complete FLV stream: a
 * header and the file's sequence headers, made here, then the unchanged file from a keyframe on, so
 * that its length is known and sendfile can send it. media/flv_seek.c finds the keyframe.
 */
#include "app/http/http_vod.h"

#include "app/http/http_file.h"
#include "base/str.h"
#include "media/flv_seek.h"
#include "proto/url.h"

#include <inttypes.h>
#include <string.h>

/* Heads and sequence headers together. */
#define VOD_INIT_MAX ((size_t)256 * 1024)

struct vod_file {
    struct file *file;
    struct err *err; /* of the last read */
};

/* The requested position; if both kinds are given, the byte position. */
struct vod_place {
    int is_time;
    uint64_t value; /* bytes, or ms */
};

static MAY_YIELD int vod_read(void *arg, uint64_t offset, void *buf, size_t len, size_t *got)
{
    struct vod_file *vod = arg;

    vod->err = file_read(vod->file, offset, buf, len, got);
    return vod->err == NULL ? 0 : -1;
}

/* "12", "12.5", ".5": seconds to ms. 0 or -1. */
static int seconds_parse(const char *text, uint64_t *ms)
{
    size_t whole = strspn(text, "0123456789");
    const char *p = text + whole;
    uint64_t unit = 100;

    *ms = 0;
    for (size_t i = 0; i < whole; i++)
        *ms = *ms < UINT64_MAX / 20 ? *ms * 10 + (uint64_t)(text[i] - '0') : *ms;
    *ms = *ms < UINT64_MAX / 2000 ? *ms * 1000 : UINT64_MAX / 2;
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++, whole++) {
            *ms += (uint64_t)(*p - '0') * unit;
            unit /= 10;
        }
    }
    return whole > 0 && *p == '\0' ? 0 : -1;
}

/* 1 if a position is requested, 0 if not, -1 if it is malformed. */
static int place_parse(const struct http_exchange *x, struct vod_place *place)
{
    const char *query = x->request->query;
    char text[32];
    int64_t start;

    if (url_query_get(query, "start", text, sizeof(text)) == 0) {
        if (str_to_i64(text, 0, INT64_MAX, &start) != 0)
            return -1;
        place->is_time = 0;
        place->value = (uint64_t)start;
        return start > 0;
    }
    if (url_query_get(query, "starttime", text, sizeof(text)) == 0) {
        place->is_time = 1;
        if (seconds_parse(text, &place->value) != 0)
            return -1;
        return place->value > 0;
    }
    return 0;
}

int http_vod_wants(const struct http_exchange *x)
{
    struct vod_place place;

    return str_ends(x->request->path, ".flv") && place_parse(x, &place) != 0;
}

static struct err *vod_beyond(struct http_exchange *x, const struct file *file, const char *reason,
                              usec_t timeout)
{
    char line[64];

    (void)str_format(line, sizeof(line), "Content-Range: bytes */%" PRIu64 "\r\n", file->size);
    return http_answer_error(x, 416, line, timeout, "%s", reason);
}

/* The head, then the FLV header and sequence headers, then the file from offset on. */
static struct err *vod_send(struct http_exchange *x, struct file *file, const struct buf *init,
                            uint64_t offset, usec_t timeout)
{
    struct http_range part = {offset, file->size - offset};
    struct err *err;
    struct buf head;

    buf_init(&head, HTTP_ANSWER_HEAD_MAX + VOD_INIT_MAX);
    if (http_head(x, 200, http_content_type(x->request->path), "Accept-Ranges: none\r\n",
                  (int64_t)(init->len + part.len), &head) != 0 ||
        (!x->is_head && buf_append(&head, buf_data(init), init->len) != 0)) {
        err = err_new(ERR_NOMEM, "head");
    } else {
        if (x->is_head)
            part.len = 0;
        err = http_file_send(x, &head, file, &part, timeout);
    }
    buf_fini(&head);
    return err;
}

static MAY_YIELD enum flv_seek_status vod_seek(const struct flv_file *source,
                                               const struct vod_place *place, struct buf *init,
                                               uint64_t *offset)
{
    struct flv_seek *seek = flv_seek_new(source);
    enum flv_seek_status status = FLV_SEEK_FAILED;

    if (seek != NULL)
        status = flv_seek_open(seek, init);
    if (status == FLV_SEEK_DONE)
        status = place->is_time ? flv_seek_time(seek, place->value, offset)
                                : flv_seek_byte(seek, place->value, offset);
    flv_seek_free(seek);
    return status;
}

struct err *http_vod_serve(struct http_exchange *x, struct file *file, usec_t timeout)
{
    struct vod_file vod = {file, NULL};
    struct flv_file source = {.size = file->size, .read = vod_read, .arg = &vod};
    struct vod_place place = {0, 0};
    struct buf init;
    uint64_t offset = 0;
    struct err *err;

    if (place_parse(x, &place) < 0)
        return http_answer_error(x, 400, NULL, timeout, "malformed start or starttime");
    buf_init(&init, VOD_INIT_MAX);
    switch (vod_seek(&source, &place, &init, &offset)) {
    case FLV_SEEK_DONE:
        err = vod_send(x, file, &init, offset, timeout);
        break;
    case FLV_SEEK_BEYOND:
        err = vod_beyond(x, file, "the file ends before this position", timeout);
        break;
    case FLV_SEEK_BAD:
        err = vod_beyond(x, file, "not an FLV file", timeout);
        break;
    default:
        err = http_answer_error(x, 503, NULL, timeout, "cannot read the file");
        break;
    }
    err_free(vod.err);
    buf_fini(&init);
    return err != NULL ? err_wrap(err, "vod %s", x->request->path) : NULL;
}
