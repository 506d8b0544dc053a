/*
 * One coroutine per stream and destination, for as long as the stream is published: connect,
 * publish, send; after a failure, retry in three seconds. It watches the stream as published
 * (mux_original), so the other server gets what the encoder sent. A destination that does not keep
 * up loses its position like every slow viewer, and continues at the newest keyframe.
 *
 * With a backend, one more coroutine asks it for destinations. The publisher waits for none of
 * them.
 */
#include "app/cluster/forward.h"

#include "app/cluster/forward_question.h"
#include "app/cluster/forward_send.h"
#include "app/cluster/rtmp_upstream.h"
#include "app/cluster/upstream_tls.h"
#include "app/config/address_mask.h"
#include "app/config/config_diff.h"
#include "app/config/via_chain.h"
#include "app/core/server.h"
#include "app/stream/publication.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/co.h"
#include "live/viewer.h"
#include "media/mux.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FORWARD_RETRY   (3 * USEC_PER_SEC)
#define FORWARD_CONNECT (10 * USEC_PER_SEC)
#define FORWARD_SEND    (30 * USEC_PER_SEC)
#define FORWARD_ASK     (10 * USEC_PER_SEC)
#define FORWARD_LISTEN  USEC_PER_SEC /* messages of the other side are read at least so often */
#define FORWARD_BATCH   ((size_t)64 * 1024)

struct forwarding {
    struct stream *stream;
    struct source *source; /* held */
    struct co *co;
    struct co_cond cond; /* signals new frames, the end, or time to retry */
    struct rtmp_upstream up;
    struct viewer *viewer;
    struct forwarding *prev, *next;
    uint8_t is_stopping, was_failed;
    uint8_t is_question;      /* forwards nothing: queries the backend for destinations */
    uint8_t is_again;         /* the stream was published again after the query began */
    char url[ORIGIN_URL_MAX]; /* the configured destination; of a query: the backend's address */
    char show[288];
    char via[8]; /* RTMP_VIA_PROPERTY sent to the other server: the number of forwards so far */
};

/* State of the server, and of each stream. */
struct forward {
    size_t count;
};

struct forward_stream {
    struct forwarding *first; /* all forwards of the stream */
    usec_t retry_at;          /* some could not start for lack of memory; 0: all have */
};

static struct forward *forward_of(const struct server *server)
{
    return observer_own(server, &forward_observer);
}

static struct forward_stream *forward_stream_of(const struct stream *stream)
{
    return observer_state(stream, &forward_observer);
}

static int is_over(const struct forwarding *f)
{
    return f->is_stopping || source_state(f->source) != SOURCE_LIVE;
}

static MAY_YIELD struct err *forward_loop(struct forwarding *f)
{
    struct err *err = NULL;

    while (err == NULL && !f->is_stopping) {
        struct viewer_batch batch;
        enum viewer_status status = viewer_next(f->viewer, FORWARD_BATCH, &batch);

        if (status == VIEWER_END)
            return NULL;
        if (status == VIEWER_WAIT && is_over(f))
            return NULL;
        if (status == VIEWER_WAIT)
            (void)co_cond_wait(&f->cond, FORWARD_LISTEN);
        err = rtmp_upstream_listen(&f->up);
        if (status != VIEWER_BYTES)
            continue;
        if (err == NULL)
            err = forward_send_batch(f->up.talk, &batch, FORWARD_SEND);
        viewer_sent(f->viewer);
        co_fair();
    }
    return err;
}

/* ---- one connection ---- */

static MAY_YIELD struct err *forward_play(struct forwarding *f)
{
    struct err *err;

    log_info(f->stream->server->log, "forward %s: publishing to %s", source_key(f->source),
             f->show);
    f->was_failed = 0;
    f->viewer = viewer_open(f->source, &mux_original, co_now());
    if (f->viewer == NULL)
        return err_new(ERR_NOMEM, "no memory for a viewer");
    err = forward_loop(f);
    viewer_close(f->viewer);
    f->viewer = NULL;
    return err;
}

/*
 * Counts the forwards that the stream has passed, so that a loop under ever new names ends. The
 * servers are not listed: forwarding back to one may be intended.
 */
static void forward_note_way(struct forwarding *f)
{
    struct via_chain chain = {0};
    struct session_info publisher;

    if (publication_describe(f->stream, &publisher) == 0)
        (void)via_chain_parse(&chain, publisher.via);
    (void)str_format(f->via, sizeof(f->via), "%d",
                     chain.hops < VIA_CHAIN_HOPS_MAX ? chain.hops + 1 : VIA_CHAIN_HOPS_MAX + 1);
}

/* The trusted CAs; NULL with *err set. */
static struct tls *forward_tls(const struct forwarding *f, const struct config *config,
                               struct err **err)
{
    const struct config_vhost *vhost = config_vhost_find(config, f->stream->vhost);

    return upstream_tls(f->stream->server, vhost != NULL ? vhost->forward.ca : "", err);
}

static MAY_YIELD struct err *forward_try(struct forwarding *f)
{
    struct config *config = config_ref(f->stream->server->config);
    struct rtmp_upstream_options options = {
        .config = config, .intent = RTMP_INTENT_PUBLISH, .via = f->via};
    struct origin_stream names = {f->stream->vhost, f->stream->app, f->stream->name, NULL};
    struct rtmp_target *target = malloc(sizeof(*target)); /* too large for a coroutine's stack */
    struct err *err = NULL;

    if (target == NULL)
        err = err_new(ERR_NOMEM, "no memory for a connection");
    else if (origin_destination(f->url, &names, target) != 0)
        err = err_new(ERR_DENIED, "this stream name cannot be sent over RTMP");
    else if (strcmp(target->schema, "rtmps") == 0)
        options.tls = forward_tls(f, config, &err);
    forward_note_way(f);
    if (err == NULL)
        err = rtmp_upstream_open(&f->up, target, &options, FORWARD_CONNECT);
    free(target);
    config_unref(config);
    if (err != NULL)
        return err;
    err = forward_play(f);
    rtmp_upstream_close(&f->up, NULL);
    return err;
}

/* ---- life ---- */

static void forward_leave(struct forwarding *f)
{
    struct server *server = f->stream->server;

    if (f->prev != NULL)
        f->prev->next = f->next;
    else
        forward_stream_of(f->stream)->first = f->next;
    if (f->next != NULL)
        f->next->prev = f->prev;
    forward_of(server)->count--;
    co_cond_broadcast(&server->changed);
    co_cond_fini(&f->cond);
    source_unref(f->source);
    free(f);
}

/* Logs a failure once until the forward works again; the cause may last for days. */
static void forward_failed(struct forwarding *f, const struct err *err)
{
    const char *why = err_text(err);

    if (!f->is_question && address_mask_is_quoted(f->url, why))
        why = "refused; the reason contains parts of the secret address";
    log_err(f->stream->server->log, f->was_failed ? LOG_DEBUG : LOG_WARN, err, "forward %s: %s: %s",
            source_key(f->source), f->show, why);
    f->was_failed = 1;
}

static MAY_YIELD void forward_pause(struct forwarding *f)
{
    usec_t deadline = co_deadline(FORWARD_RETRY);

    while (!is_over(f) && !f->is_again && co_left(deadline) > 0)
        (void)co_cond_wait(&f->cond, co_left(deadline));
}

static MAY_YIELD void forward_run(void *arg)
{
    struct forwarding *f = arg;

    while (!is_over(f)) {
        struct err *err = forward_try(f);

        if (err == NULL) {
            log_info(f->stream->server->log, "forward %s: stopped forwarding to %s",
                     source_key(f->source), f->show);
            co_yield ();
            continue;
        }
        if (!is_over(f))
            forward_failed(f, err);
        err_free(err);
        forward_pause(f);
    }
    forward_leave(f);
}

static struct forwarding *forward_find(const struct stream *stream, const char *url,
                                       int is_question)
{
    struct forwarding *f = forward_stream_of(stream)->first;

    while (f != NULL &&
           (f->is_question != is_question || f->is_stopping || strcmp(f->url, url) != 0))
        f = f->next;
    return f;
}

/* 0, or -1 without memory. */
static int forward_enter(struct stream *stream, const char *url, int is_question,
                         MAY_YIELD void (*run)(void *))
{
    struct forwarding *f = calloc(1, sizeof(*f));
    struct err *err = f != NULL ? co_cond_init(&f->cond) : NULL;

    if (f == NULL || err != NULL) {
        err_free(err);
        free(f);
        return -1;
    }
    f->stream = stream;
    f->source = source_ref(stream->source);
    f->is_question = (uint8_t)is_question;
    (void)str_copy(f->url, sizeof(f->url), url);
    if (strstr(url, "://") != NULL)
        origin_show(url, f->show, sizeof(f->show));
    else
        (void)str_format(f->show, sizeof(f->show), "rtmp://%s", url);
    f->next = forward_stream_of(stream)->first;
    if (f->next != NULL)
        f->next->prev = f;
    forward_stream_of(stream)->first = f;
    forward_of(stream->server)->count++;
    f->co = co_spawn(run, f);
    if (f->co != NULL)
        return 0;
    forward_leave(f);
    return -1;
}

/* A later frame tries again: forward_on_data(). */
static void forward_lacks_memory(struct stream *stream)
{
    log_warn(stream->server->log, "forward %s: no memory, retrying", source_key(stream->source));
    forward_stream_of(stream)->retry_at = co_now() + FORWARD_RETRY;
}

static void forward_to(struct stream *stream, const char *url)
{
    if (forward_find(stream, url, 0) == NULL && forward_enter(stream, url, 0, forward_run) != 0)
        forward_lacks_memory(stream);
}

static void forward_to_configured(struct stream *stream, const struct config_forward *config)
{
    for (int i = 0; i < config->destination.count; i++)
        forward_to(stream, config->destination.item[i]);
}

static void forward_end(struct forwarding *f)
{
    f->is_stopping = 1;
    co_interrupt(f->co);
}

/* ---- the backend ---- */

/* Forwards to these destinations only, for this publication. */
static void forward_to_answered(struct stream *stream, const struct forward_urls *urls)
{
    for (struct forwarding *f = forward_stream_of(stream)->first; f != NULL; f = f->next) {
        int at = 0;

        while (at < urls->count && strcmp(urls->url[at], f->url) != 0)
            at++;
        if (!f->is_question && at == urls->count)
            forward_end(f);
    }
    for (int i = 0; i < urls->count; i++)
        forward_to(stream, urls->url[i]);
}

/* Asks once; 0: no further query needed, -1: ask again later. */
static MAY_YIELD int question_try(struct forwarding *f, const struct config_forward *config,
                                  struct forward_urls *urls)
{
    struct err *err = forward_question_ask(f->stream, f->url, config, urls, FORWARD_ASK);
    int is_answer = err == NULL || err_code(err) == ERR_DENIED;

    if (err == NULL && !is_over(f) && !f->is_again) {
        log_info(f->stream->server->log, "forward %s: backend %s returned %d destinations",
                 source_key(f->source), f->show, urls->count);
        f->was_failed = 0;
        forward_to_answered(f->stream, urls);
    } else if (err != NULL && !is_over(f)) {
        forward_failed(f, err);
        /* Without an answer from the backend, the configured destinations get the stream. */
        forward_to_configured(f->stream, config);
    }
    err_free(err);
    return is_answer ? 0 : -1;
}

static MAY_YIELD void question_run(void *arg)
{
    struct forwarding *f = arg;
    struct config *config = config_ref(f->stream->server->config);
    const struct config_vhost *vhost = config_vhost_find(config, f->stream->vhost);
    struct forward_urls *urls = malloc(sizeof(*urls));
    int is_answered = 0;

    while (vhost != NULL && urls != NULL && !is_answered && !is_over(f)) {
        f->is_again = 0;
        is_answered = question_try(f, &vhost->forward, urls) == 0 && !f->is_again;
        if (!is_answered)
            forward_pause(f);
    }
    if (urls == NULL)
        forward_lacks_memory(f->stream);
    free(urls);
    config_unref(config);
    forward_leave(f);
}

static void forward_to_backend(struct stream *stream, const char *backend)
{
    struct forwarding *f = forward_find(stream, backend, 1);

    if (f == NULL) {
        if (forward_enter(stream, backend, 1, question_run) != 0)
            forward_lacks_memory(stream);
        return;
    }
    f->is_again = 1;
    co_cond_signal(&f->cond);
}

/* ---- the row ---- */

static void forward_on_publish(struct stream *stream, void *state)
{
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);
    struct forward_stream *own = state;

    own->retry_at = 0;
    /* Pulled streams are not forwarded; a stream of another worker is forwarded there. */
    if (vhost == NULL || !vhost->forward.enabled || publication_kind(stream) != PUBLISHER_ENCODER)
        return;
    if (vhost->forward.backend[0] != '\0')
        forward_to_backend(stream, vhost->forward.backend);
    else
        forward_to_configured(stream, &vhost->forward);
}

static int is_configured(const struct config_forward *config, const char *url)
{
    for (int i = 0; i < config->destination.count; i++)
        if (strcmp(config->destination.item[i], url) == 0)
            return 1;
    return 0;
}

/* Whether a running forward, or the query of the backend, is still configured. What a backend has
 * named stays until it names something else. */
static int is_still_wanted(const struct forwarding *f, const struct config_forward *config)
{
    int has_backend = config->backend[0] != '\0';

    if (!config->enabled)
        return 0;
    if (f->is_question)
        return strcmp(f->url, config->backend) == 0;
    return has_backend || is_configured(config, f->url);
}

/* A reload: forwards to destinations that stay are not touched. */
static void forward_on_vhost(struct stream *stream, void *state, const struct config_vhost *before,
                             const struct config_vhost *vhost)
{
    const struct forward_stream *own = state;

    if (config_diff_has_same(before, vhost, "forward"))
        return;
    for (struct forwarding *f = own->first; f != NULL; f = f->next)
        if (!is_still_wanted(f, &vhost->forward))
            forward_end(f);
    forward_on_publish(stream, state);
}

static void forward_on_data(struct stream *stream, void *state)
{
    const struct forward_stream *own = state;

    if (own->retry_at != 0 && co_now() >= own->retry_at)
        forward_on_publish(stream, state);
    for (struct forwarding *f = own->first; f != NULL; f = f->next)
        co_cond_signal(&f->cond);
}

static int forward_on_evict(struct stream *stream, void *state, struct viewer *viewer)
{
    const struct forward_stream *own = state;

    (void)stream;
    for (struct forwarding *f = own->first; f != NULL; f = f->next) {
        if (f->viewer != viewer)
            continue;
        if (f->up.conn != NULL)
            io_close(&f->up.conn->io);
        return 1;
    }
    return 0;
}

static void forward_detach(struct stream *stream, void *state)
{
    const struct forward_stream *own = state;

    (void)stream;
    assert(own->first == NULL);
}

static struct err *forward_open(struct server *server, void **own)
{
    (void)server;
    *own = calloc(1, sizeof(struct forward));
    return *own != NULL ? NULL : err_new(ERR_NOMEM, "forward");
}

static void forward_end_all(struct source *source, void *arg)
{
    const struct stream *stream = source_data(source);

    (void)arg;
    for (struct forwarding *f = forward_stream_of(stream)->first; f != NULL; f = f->next)
        forward_end(f);
}

/* Stops all forwards and waits for them. */
static void forward_stop(struct server *server, void *own, usec_t timeout)
{
    const struct forward *forward = own;
    usec_t deadline = co_deadline(timeout);

    hub_each(server->hub, forward_end_all, NULL);
    while (forward->count > 0 && co_left(deadline) > 0)
        (void)co_cond_wait(&server->changed, co_left(deadline));
}

static void forward_close(struct server *server, void *own)
{
    (void)server;
    free(own);
}

const struct observer forward_observer = {.name = "forward",
                                          .state_size = sizeof(struct forward_stream),
                                          .open = forward_open,
                                          .stop = forward_stop,
                                          .close = forward_close,
                                          .detach = forward_detach,
                                          .on_publish = forward_on_publish,
                                          .on_vhost = forward_on_vhost,
                                          .on_data = forward_on_data,
                                          .on_evict = forward_on_evict};
