/*
 * From the ring into files. What the ring has is copied at once, so that a disk that hangs holds no
 * memory of the ring; then it is written in large pieces, and the coroutine waits for each. What
 * happens meanwhile stays in the ring, for as long as a viewer may lag (queue_length). A recording
 * that loses its place there has a disk that is too slow.
 */
#include "app/record/record_private.h"

#include "app/config/config_diff.h"
#include "app/core/metrics.h"
#include "app/stream/observer.h"
#include "app/stream/publication.h"
#include "app/stream/recorded_file.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes taken from the ring at once, and written at once; one tag may be longer. */
#define RECORD_BATCH ((size_t)256 * 1024)
#define RECORD_MAX   (2 * ((size_t)FLV_BODY_MAX + RECORD_BATCH))
/* A call that takes longer is given up: its file stays for the next start. */
#define RECORD_CALL (60 * USEC_PER_SEC)

/* ---- failures ---- */

static const char *reason_of(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? "full" : "error";
}

/* Ends the recording; the publisher and the viewers are not concerned. */
static void fail(struct recorder *r, const char *reason, const char *what, const char *why)
{
    struct server *server = r->record->server;

    r->has_failed = 1;
    metrics_add_label(server->metrics, METRICS_RECORD_FAILURES, reason, 1);
    log_error(server->log, "recording of %s stopped: %s: %s", source_key(r->source), what, why);
}

static void fail_memory(struct recorder *r)
{
    fail(r, "error", "no memory", "out of memory");
}

/* Runs a step on the file in a thread. 0, or -1: it has failed, and the file may be lost. */
static MAY_YIELD int call(struct recorder *r, void (*run)(void *arg), const char *what)
{
    struct record_file *file = r->file;

    if (offload_call(r->record->offload, run, record_disk_drop, file, RECORD_CALL) != 0) {
        r->file = NULL;
        fail(r, "slow", what, "the disk does not answer; the file stays unfinished");
        return -1;
    }
    if (file->error != 0) {
        char path[RECORD_PATH_MAX];

        (void)str_format(path, sizeof(path), "%s %s", what, file->path);
        fail(r, reason_of(file->error), path, strerror(file->error));
        return -1;
    }
    return 0;
}

/* ---- files ---- */

static const struct config_vhost *vhost_of(const struct recorder *r)
{
    return config_diff_vhost(r->record->server->config, r->stream->vhost);
}

/* A path for a file that begins now. 0 or -1. */
static int path_make(const struct recorder *r, const struct config_dvr *dvr,
                     char out[RECORD_PATH_MAX])
{
    const struct stream *stream = r->stream;
    const struct record_names names = {stream->vhost, stream->app, stream->name};
    char *dot;

    if (record_path_make(dvr->path, &names, clock_wall(), r->record->server->config->utc_time,
                         out) != 0)
        return -1;
    /* FLV is all there is. */
    dot = strrchr(out, '.');
    if (dot != NULL && strcmp(dot, ".mp4") == 0)
        (void)str_copy(dot, strlen(dot) + 1, ".flv");
    return 0;
}

static int flv_begin(struct recorder *r, const struct config_dvr *dvr)
{
    const struct flv_record_options options = {
        .segment_ms = dvr->plan == DVR_SEGMENT ? (uint32_t)(dvr->duration / USEC_PER_MS) : 0,
        .waits_key = dvr->wait_keyframe,
        .keeps_time = dvr->time_jitter == TIME_JITTER_OFF,
        .name = source_key(r->source)};

    r->flv = flv_record_new(buf_data(&r->init), r->init.len, &options, &r->file->data);
    return r->flv != NULL ? 0 : -1;
}

/* Remembers the publisher, who may be gone when the file is finished. */
static void publisher_read(struct recorder *r)
{
    struct session_info info;

    if (r->publisher[RECORD_ID] != NULL || publication_describe(r->stream, &info) != 0)
        return;
    r->publisher[RECORD_ID] = strdup(info.id);
    r->publisher[RECORD_IP] = strdup(info.ip);
    r->publisher[RECORD_TC_URL] = strdup(info.tc_url != NULL ? info.tc_url : "");
    r->publisher[RECORD_PARAM] = strdup(info.param);
    co_set_id(info.id);
}

/* Begins a file with r->init. 0 or -1. */
static MAY_YIELD int file_begin(struct recorder *r)
{
    const struct config_vhost *vhost = vhost_of(r);

    publisher_read(r);
    if (vhost == NULL) {
        r->is_ended = 1;
        return -1;
    }
    r->file = record_disk_new(RECORD_MAX);
    if (r->file == NULL || flv_begin(r, &vhost->dvr) != 0) {
        fail_memory(r);
        return -1;
    }
    if (path_make(r, &vhost->dvr, r->file->path) != 0) {
        fail(r, "error", vhost->dvr.path, "no path for this stream: a name is too long");
        return -1;
    }
    if (call(r, record_disk_open, "open") != 0)
        return -1;
    log_info(r->record->server->log, "recording %s to %s", source_key(r->source), r->file->path);
    return 0;
}

static void file_free(struct recorder *r)
{
    flv_record_free(r->flv);
    r->flv = NULL;
    record_disk_drop(r->file);
    r->file = NULL;
}

static const char *publisher_fact(const struct recorder *r, enum record_publisher i)
{
    return r->publisher[i] != NULL ? r->publisher[i] : "";
}

static void tell(const struct recorder *r, int64_t duration_ms)
{
    const struct stream *stream = r->stream;
    struct server *server = r->record->server;
    const struct recorded_file done = {.vhost = stream->vhost,
                                       .app = stream->app,
                                       .stream = stream->name,
                                       .path = r->file->path,
                                       .size = r->file->size,
                                       .duration_ms = duration_ms,
                                       .id = publisher_fact(r, RECORD_ID),
                                       .ip = publisher_fact(r, RECORD_IP),
                                       .tc_url = publisher_fact(r, RECORD_TC_URL),
                                       .param = publisher_fact(r, RECORD_PARAM)};

    log_info(server->log, "recorded %s: %s, %lld ms, %llu bytes", source_key(r->source), done.path,
             (long long)done.duration_ms, (unsigned long long)done.size);
    metrics_add(server->metrics, METRICS_RECORD_FILES, 1);
    observers_on_record(server, &done);
}

/* Writes what is buffered. 0 or -1. */
static MAY_YIELD int file_flush(struct recorder *r)
{
    uint64_t before = r->file->size;
    int rc = 0;

    if (r->file->data.len > 0)
        rc = call(r, record_disk_write, "write");
    if (r->file != NULL)
        metrics_add(r->record->server->metrics, METRICS_RECORD_BYTES,
                    (int64_t)(r->file->size - before));
    return rc;
}

/* Keeps of a file what can be played. */
static MAY_YIELD void file_salvage(struct recorder *r)
{
    if (r->file->fd < 0 || offload_call(r->record->offload, record_disk_salvage, record_disk_drop,
                                        r->file, RECORD_CALL) != 0) {
        if (r->file->fd >= 0)
            r->file = NULL;
        return;
    }
    if (r->file->is_kept)
        tell(r, r->file->duration_ms);
}

/* Finishes the file, whether the recording continues or not. */
static MAY_YIELD void file_end(struct recorder *r)
{
    int64_t duration_ms = flv_record_duration(r->flv);

    if (!r->has_failed && !flv_record_has_media(r->flv)) {
        (void)call(r, record_disk_remove, "remove");
    } else if (!r->has_failed && file_flush(r) == 0) {
        if (flv_record_meta(r->flv, &r->file->meta, &r->file->meta_at) != 0)
            fail_memory(r);
        else if (call(r, record_disk_finish, "finish") == 0)
            tell(r, duration_ms);
    }
    if (r->has_failed && r->file != NULL && !r->file->is_kept)
        file_salvage(r);
    file_free(r);
}

void record_write_end(struct recorder *r)
{
    if (r->flv != NULL && r->file != NULL)
        file_end(r);
    else
        file_free(r);
}

/* ---- tags ---- */

/* The length of the init data at p, which a viewer's first batch begins with; 0: there is none. */
static size_t init_len(const struct viewer_batch *batch)
{
    const uint8_t *p = batch->span[0].iov_base;
    size_t len = batch->span[0].iov_len;

    return len >= FLV_HEADER_SIZE && memcmp(p, "FLV", 3) == 0 ? len : 0;
}

static int init_set(struct recorder *r, const void *data, size_t len)
{
    buf_reset(&r->init);
    return buf_append(&r->init, data, len);
}

/* Copies the next bytes of the ring: 1, 0: there are none, -1: failed. *is_end: the stream's end.
 */
static int take(struct recorder *r, int *is_end)
{
    struct viewer_batch batch;
    enum viewer_status status = viewer_next(r->viewer, RECORD_BATCH, &batch);
    size_t skip;
    int rc = 0;

    *is_end = status == VIEWER_END;
    if (status != VIEWER_BYTES)
        return 0;
    skip = init_len(&batch);
    if (skip > 0)
        rc = init_set(r, batch.span[0].iov_base, skip);
    for (int i = skip > 0; i < batch.count && rc == 0; i++)
        rc = buf_append(&r->in, batch.span[i].iov_base, batch.span[i].iov_len);
    viewer_sent(r->viewer);
    if (rc != 0)
        fail_memory(r);
    else if (viewer_skips(r->viewer) > 0)
        fail(r, "slow", "the disk is too slow", "more than queue_length was waiting");
    return r->has_failed ? -1 : 1;
}

/* Puts one tag into the file, or into the next one. 0 or -1. */
static MAY_YIELD int tag_put(struct recorder *r, const struct flv_tag *tag)
{
    enum flv_record_step step = FLV_RECORD_CUT;

    if (r->flv != NULL) {
        step = flv_record_tag(r->flv, tag, &r->file->data);
        if (step == FLV_RECORD_CUT)
            file_end(r);
    }
    if (step == FLV_RECORD_CUT) {
        if (r->has_failed || file_begin(r) != 0)
            return -1;
        step = flv_record_tag(r->flv, tag, &r->file->data);
    }
    if (step != FLV_RECORD_TAKEN) {
        fail_memory(r);
        return -1;
    }
    return r->file->data.len < RECORD_BATCH ? 0 : file_flush(r);
}

/* Writes the tags that were taken. 0 or -1. */
static MAY_YIELD int put_all(struct recorder *r)
{
    struct flv_tag tag;
    size_t used;

    while (flv_tag_read(buf_data(&r->in), r->in.len, &tag, &used) == SCAN_DONE) {
        if (tag_put(r, &tag) != 0)
            return -1;
        buf_consume(&r->in, used);
    }
    buf_reset(&r->in);
    return 0;
}

/* Whether the sequence headers are others; metadata alone may change at any time. */
static int has_other_headers(const struct buf *before, const uint8_t *init, size_t len)
{
    const uint8_t *p[2] = {buf_data(before), init};
    size_t left[2] = {before->len, len};
    struct flv_tag tag;
    size_t used;

    for (int i = 0; i < 2; i++) {
        if (left[i] < FLV_HEADER_SIZE)
            return 1;
        p[i] += FLV_HEADER_SIZE;
        left[i] -= FLV_HEADER_SIZE;
        if (flv_tag_read(p[i], left[i], &tag, &used) == SCAN_DONE && tag.type == FRAME_SCRIPT) {
            p[i] += used;
            left[i] -= used;
        }
    }
    return left[0] != left[1] || memcmp(p[0], p[1], left[0]) != 0;
}

/* All that the ring had is taken: the next file may begin with the headers of now. A segment ends
 * when they have changed. */
static void init_renew(struct recorder *r)
{
    size_t len;
    const uint8_t *init = viewer_init_data(r->viewer, &len);

    if (init == NULL || len < FLV_HEADER_SIZE || r->init.len == 0)
        return;
    if (r->flv != NULL && has_other_headers(&r->init, init, len))
        flv_record_cut_next(r->flv);
    if (init_set(r, init, len) != 0)
        fail_memory(r);
}

/* The response of a viewer would end here: what follows is another file. 0 or -1. */
static MAY_YIELD int begin_again(struct recorder *r)
{
    record_write_end(r);
    viewer_close(r->viewer);
    r->viewer = r->has_failed ? NULL : viewer_open_uncounted(r->source, &mux_flv, clock_now());
    if (r->viewer == NULL && !r->has_failed)
        fail_memory(r);
    return r->has_failed ? -1 : 0;
}

int record_write_all(struct recorder *r)
{
    int is_end = 0;
    int rc;

    while ((rc = take(r, &is_end)) == 1) {
        rc = put_all(r);
        if (rc != 0)
            break;
        co_fair();
    }
    if (rc == 0 && r->flv != NULL)
        rc = file_flush(r);
    if (rc == 0 && is_end && r->is_ended)
        return 0;
    if (rc == 0 && is_end)
        rc = begin_again(r);
    else if (rc == 0)
        init_renew(r);
    return rc == 0 && !r->has_failed ? 0 : -1;
}
