/*
 * The row of recordings: which streams are recorded, from when to when. A recorder lives as long as
 * one publication; it is woken by the server's tick, so that recording costs nothing for each
 * frame.
 */
#include "app/record/record.h"

#include "app/record/record_private.h"

#include "app/config/config_diff.h"
#include "app/core/metrics.h"
#include "app/record/record_search.h"
#include "app/stream/publication.h"
#include "app/stream/recorded_file.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/offload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Disks that hang at the same time, and do not keep others waiting. */
#define RECORD_THREADS 8
/* A tick is 100 ms: what a crash may lose at most, besides what the kernel has not written. */
#define RECORD_TICKS  5
#define RECORD_SEARCH (600 * USEC_PER_SEC)

static struct record *record_of(const struct server *server)
{
    return observer_own(server, &record_observer);
}

static struct record_stream *record_stream_of(const struct stream *stream)
{
    return observer_state(stream, &record_observer);
}

/* ---- one recording ---- */

static void recorder_free(struct recorder *r)
{
    struct record *record = r->record;

    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        record->first = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    record->count--;
    metrics_add(record->server->metrics, METRICS_RECORDINGS, -1);
    co_cond_broadcast(&record->server->changed);
    if (record_stream_of(r->stream)->current == r)
        record_stream_of(r->stream)->current = NULL;
    if (r->viewer != NULL)
        viewer_close(r->viewer);
    co_cond_fini(&r->wake);
    buf_fini(&r->in);
    buf_fini(&r->init);
    for (int i = 0; i < RECORD_PUBLISHER_FACTS; i++)
        free(r->publisher[i]);
    source_unref(r->source);
    free(r);
}

static MAY_YIELD void recorder_run(void *arg)
{
    struct recorder *r = arg;
    int rc = 0;

    while (rc == 0 && !r->is_ended) {
        rc = record_write_all(r);
        if (rc == 0 && !r->is_ended)
            (void)co_cond_wait(&r->wake, USEC_NEVER);
    }
    if (rc == 0)
        (void)record_write_all(r);
    record_write_end(r);
    recorder_free(r);
}

/* Without a coroutine yet; NULL without memory. */
static struct recorder *recorder_new(struct stream *stream)
{
    struct record *record = record_of(stream->server);
    struct recorder *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->record = record;
    r->stream = stream;
    r->source = source_ref(stream->source);
    err_free(co_cond_init(&r->wake));
    buf_init(&r->in, (size_t)FLV_BODY_MAX * 2);
    buf_init(&r->init, FLV_RECORD_HEAD_MAX);
    r->next = record->first;
    if (r->next != NULL)
        r->next->prev = r;
    record->first = r;
    record->count++;
    metrics_add(stream->server->metrics, METRICS_RECORDINGS, 1);
    r->viewer = viewer_open_uncounted(stream->source, &mux_flv, clock_now());
    if (r->viewer != NULL)
        return r;
    recorder_free(r);
    return NULL;
}

int record_is_here(const struct stream *stream)
{
    return source_state(stream->source) == SOURCE_LIVE &&
           publication_kind(stream) == PUBLISHER_ENCODER;
}

static int start(struct stream *stream, int is_manual)
{
    struct record_stream *own = record_stream_of(stream);
    struct recorder *r;

    if (!record_is_here(stream) || stream->server->state == SERVER_STOPPING)
        return -1;
    if (own->current != NULL) {
        own->current->is_manual |= is_manual != 0;
        return 0;
    }
    r = recorder_new(stream);
    if (r != NULL && co_spawn(recorder_run, r) == NULL) {
        recorder_free(r);
        r = NULL;
    }
    if (r == NULL) {
        log_error(stream->server->log, "%s: not recorded: out of memory",
                  source_key(stream->source));
        return -1;
    }
    r->is_manual = is_manual != 0;
    own->current = r;
    return 0;
}

static void end(struct recorder *r)
{
    struct record_stream *own = record_stream_of(r->stream);

    r->is_ended = 1;
    if (own->current == r)
        own->current = NULL;
    co_cond_signal(&r->wake);
}

int record_start(struct stream *stream)
{
    return start(stream, 1);
}

void record_stop(struct stream *stream)
{
    const struct record_stream *own = record_stream_of(stream);

    if (own->current != NULL)
        end(own->current);
}

void record_describe(const struct stream *stream, struct record_state *out)
{
    const struct record_stream *own = record_stream_of(stream);
    const struct recorder *r = own != NULL ? own->current : NULL;

    memset(out, 0, sizeof(*out));
    out->path = "";
    out->is_active = r != NULL;
    if (r == NULL || r->file == NULL || r->flv == NULL)
        return;
    out->path = r->file->path;
    out->bytes = flv_record_size(r->flv);
    out->duration_ms = flv_record_duration(r->flv);
}

/* ---- which streams ---- */

/* Whether a word of dvr_apply means the stream: all, app/stream, vhost/app/stream. */
static int is_meant(const char *word, const struct stream *stream)
{
    const char *key = source_key(stream->source);

    return strcmp(word, "all") == 0 || strcmp(word, key) == 0 ||
           (strncmp(key, stream->vhost, strlen(stream->vhost)) == 0 &&
            strcmp(word, key + strlen(stream->vhost) + 1) == 0);
}

static int is_wanted(const struct stream *stream, const struct config_vhost *vhost)
{
    if (vhost == NULL || !vhost->dvr.enabled)
        return 0;
    for (int i = 0; i < vhost->dvr.apply.count; i++)
        if (is_meant(vhost->dvr.apply.item[i], stream))
            return 1;
    return 0;
}

static void record_on_publish(struct stream *stream, void *state)
{
    const struct record_stream *own = state;

    /* The coroutine of the previous publication has not seen its end yet. */
    if (own->current != NULL)
        end(own->current);
    if (record_is_here(stream) &&
        is_wanted(stream, config_diff_vhost(stream->server->config, stream->vhost)))
        (void)start(stream, 0);
}

static void record_on_unpublish(struct stream *stream, void *state)
{
    (void)state;
    record_stop(stream);
}

/* A reload: other paths and plans count from the next file on. */
static void record_on_vhost(struct stream *stream, void *state, const struct config_vhost *before,
                            const struct config_vhost *vhost)
{
    const struct record_stream *own = state;

    if (config_diff_has_same(before, vhost, "dvr"))
        return;
    if (is_wanted(stream, vhost) && own->current == NULL && record_is_here(stream))
        (void)start(stream, 0);
    else if (!is_wanted(stream, vhost) && own->current != NULL && !own->current->is_manual)
        end(own->current);
}

/* ---- files that were not finished ---- */

static void root_add(struct record_search *search, const char *template)
{
    char path[RECORD_PATH_MAX];
    int depth;

    if (search->count == RECORD_ROOTS_MAX || record_path_root(template, path, &depth) != 0)
        return;
    for (int i = 0; i < search->count; i++) {
        if (strcmp(search->root[i].path, path) != 0)
            continue;
        if (search->root[i].depth < depth)
            search->root[i].depth = depth;
        return;
    }
    (void)str_copy(search->root[search->count].path, RECORD_PATH_MAX, path);
    search->root[search->count++].depth = depth;
}

/* Reports a file that was finished for another process: its publisher is gone. name: its own copy,
 * which is cut apart. */
static void tell_found(struct server *server, const struct record_found *found, char *name)
{
    char *app = strchr(name, '/');
    char *stream = strrchr(name, '/');
    struct recorded_file done = {.path = found->path,
                                 .size = found->size,
                                 .duration_ms = found->duration_ms,
                                 .id = "",
                                 .ip = "",
                                 .tc_url = "",
                                 .param = ""};

    log_info(server->log, "finished the recording %s of %s, %lld ms", found->path, name,
             (long long)found->duration_ms);
    metrics_add(server->metrics, METRICS_RECORD_FILES, 1);
    if (app == NULL || app == stream)
        return;
    *app = *stream = '\0';
    done.vhost = name;
    done.app = app + 1;
    done.stream = stream + 1;
    observers_on_record(server, &done);
}

static MAY_YIELD void search_run(void *arg)
{
    struct record *record = arg;
    struct record_search *search = calloc(1, sizeof(*search));
    const struct config *config = record->server->config;

    co_set_id("record");
    for (int i = 0; search != NULL && i < config->vhost_count; i++)
        root_add(search, config->vhost[i]->dvr.path);
    if (search != NULL && offload_call(record->offload, record_search_run, record_search_free,
                                       search, RECORD_SEARCH) == 0) {
        for (const struct record_found *found = search->found; found != NULL; found = found->next)
            tell_found(record->server, found, found->name);
        if (search->is_cut)
            log_warn(record->server->log,
                     "search for unfinished recordings stopped after %zu files and folders",
                     search->entries);
        record_search_free(search);
    }
    record->count--;
    co_cond_broadcast(&record->server->changed);
}

/* ---- the process ---- */

static struct err *record_open(struct server *server, void **own)
{
    struct record *record = calloc(1, sizeof(*record));

    if (record == NULL)
        return err_new(ERR_NOMEM, "dvr");
    record->server = server;
    *own = record;
    return offload_new(RECORD_THREADS, &record->offload);
}

/* The folders that the configuration names, while the process has its privileges and is in no
 * sandbox: also those of streams that the API may record. What fails here fails again, and is
 * reported, when a file is opened. */
static void folders_make(const struct server *server)
{
    const struct config *config = server->config;
    char path[RECORD_PATH_MAX];
    int depth;

    for (int i = 0; i < config->vhost_count; i++)
        if ((config->vhost[i]->dvr.enabled ||
             strcmp(config->vhost[i]->dvr.path, CONFIG_DVR_PATH) != 0) &&
            record_path_root(config->vhost[i]->dvr.path, path, &depth) == 0)
            (void)record_disk_folders(path, server->privileges);
}

static struct err *record_begin(struct server *server, void *own)
{
    (void)own;
    folders_make(server);
    return NULL;
}

static struct err *record_ready(struct server *server, void *own)
{
    struct record *record = own;

    (void)server;
    record->count++;
    if (co_spawn(search_run, record) == NULL) {
        record->count--;
        return err_new(ERR_NOMEM, "dvr");
    }
    return NULL;
}

static void record_tick(struct server *server, void *own, usec_t now)
{
    struct record *record = own;
    int is_time = ++record->ticks % RECORD_TICKS == 0;

    (void)server;
    (void)now;
    for (struct recorder *r = record->first; r != NULL; r = r->next)
        if (is_time || r->viewer == NULL || !viewer_has_begun(r->viewer))
            co_cond_signal(&r->wake);
}

/* Ends all, and waits for their files. */
static void record_stop_all(struct server *server, void *own, usec_t timeout)
{
    struct record *record = own;
    usec_t deadline = co_deadline(timeout);

    for (struct recorder *r = record->first; r != NULL; r = r->next)
        end(r);
    while (record->count > 0 && co_left(deadline) > 0)
        (void)co_cond_wait(&server->changed, co_left(deadline));
    if (record->count > 0)
        log_warn(server->log, "%zu recordings not finished: the disk does not answer",
                 record->count);
}

static MAY_YIELD void record_close(struct server *server, void *own)
{
    struct record *record = own;

    (void)server;
    /* Coroutines that still wait for a disk end with the process. */
    if (record->count > 0)
        return;
    offload_free(record->offload);
    free(record);
}

/* Its place in the ring costs too much memory: it loses it, and so fails. */
static int record_on_evict(struct stream *stream, void *state, struct viewer *viewer)
{
    const struct record *record = record_of(stream->server);

    (void)state;
    for (const struct recorder *r = record->first; r != NULL; r = r->next) {
        if (r->viewer != viewer)
            continue;
        viewer_skip(viewer);
        return 1;
    }
    return 0;
}

static void record_detach(struct stream *stream, void *state)
{
    const struct record_stream *own = state;

    (void)stream;
    assert(own->current == NULL);
}

const struct observer record_observer = {.name = "dvr",
                                         .state_size = sizeof(struct record_stream),
                                         .open = record_open,
                                         .start = record_begin,
                                         .ready = record_ready,
                                         .tick = record_tick,
                                         .stop = record_stop_all,
                                         .close = record_close,
                                         .on_publish = record_on_publish,
                                         .on_unpublish = record_on_unpublish,
                                         .on_vhost = record_on_vhost,
                                         .on_evict = record_on_evict,
                                         .detach = record_detach};
