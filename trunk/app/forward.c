/*
 * One coroutine per stream and destination, for as long as the stream is published: connect,
 * publish, send; after a failure again in three seconds. It watches the stream as it was
 * published (the relay's rendition), so the other server gets what the encoder sent. A
 * destination that does not keep up loses its place like every slow viewer, and goes on at
 * the newest keyframe.
 */
#include "app/forward.h"

#include "app/edge.h"
#include "app/origin.h"
#include "app/server.h"
#include "app/stream.h"
#include "base/str.h"
#include "base/version.h"
#include "co/co.h"
#include "live/viewer.h"
#include "media/flv.h"
#include "proto/rtmp_talk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORWARD_RETRY   (3 * USEC_PER_SEC)
#define FORWARD_CONNECT (10 * USEC_PER_SEC)
#define FORWARD_SEND    (30 * USEC_PER_SEC)
#define FORWARD_LISTEN  USEC_PER_SEC /* the other side is heard at least so often */
#define FORWARD_BATCH   ((size_t)64 * 1024)

struct forwarding {
    struct stream *stream;
    struct source *source; /* held */
    struct co *co;
    struct co_cond cond; /* new frames, the end, or time to try again */
    struct net_conn *conn;
    struct rtmp_talk *talk;
    struct viewer *viewer;
    struct forwarding *prev, *next;
    uint8_t is_stopping, was_failed;
    char url[ORIGIN_URL_MAX];
    char show[288];
};

static int is_over(const struct forwarding *f)
{
    return f->is_stopping || source_state(f->source) != SOURCE_LIVE;
}

/* ---- sending ---- */

static struct err *send_script(struct forwarding *f, const struct rtmp_message *message)
{
    static const uint8_t set[] = "\x02\x00\x0d@setDataFrame";
    struct rtmp_message out = *message;
    uint8_t *data = malloc(message->len + sizeof(set));
    struct err *err;

    if (data == NULL)
        return err_new(ERR_NOMEM, "no memory for metadata");
    /* Publishers say so, and some servers listen for nothing else. */
    memcpy(data, set, sizeof(set) - 1);
    memcpy(data + sizeof(set) - 1, message->data, message->len);
    out.data = data;
    out.len = message->len + sizeof(set) - 1;
    err = rtmp_talk_send(f->talk, &out, FORWARD_SEND);
    free(data);
    return err;
}

/* Whole tags, as the ring has them; before the first may stand the file's header. */
static struct err *send_tags(struct forwarding *f, const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;

    if (len >= FLV_HEADER_SIZE && memcmp(p, "FLV", 3) == 0)
        p += FLV_HEADER_SIZE;
    while (end - p >= FLV_TAG_HEADER_SIZE) {
        size_t body = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        struct rtmp_message message = {.type = p[0],
                                       .timestamp = (uint32_t)p[7] << 24 | (uint32_t)p[4] << 16 |
                                                    (uint32_t)p[5] << 8 | p[6],
                                       .data = p + FLV_TAG_HEADER_SIZE,
                                       .len = body};
        struct err *err = p[0] == FRAME_SCRIPT ? send_script(f, &message)
                                               : rtmp_talk_send(f->talk, &message, FORWARD_SEND);

        if (err != NULL)
            return err;
        p += FLV_TAG_HEADER_SIZE + body + FLV_TAG_TRAILER_SIZE;
    }
    assert(p == end);
    return NULL;
}

/* Takes what the other side says, without waiting. */
static __attribute__((noinline)) struct err *forward_listen(struct forwarding *f)
{
    uint8_t data[1024];

    for (;;) {
        ssize_t got = net_try_read(f->conn, data, sizeof(data));
        struct rtmp_message message;
        enum rtmp_event event;
        struct err *err;
        int more = 1;

        if (got == 0)
            return err_new(ERR_CLOSED, "the destination closed");
        if (got < 0)
            return errno == EAGAIN ? NULL : err_sys(errno, "read");
        err = rtmp_talk_feed(f->talk, data, (size_t)got);
        while (err == NULL && more)
            err = rtmp_talk_take(f->talk, &event, &message, &more);
        if (err == NULL)
            err = rtmp_talk_keep(f->talk);
        if (err != NULL)
            return err;
    }
}

static struct err *forward_batch(struct forwarding *f, const struct viewer_batch *batch)
{
    struct err *err = NULL;

    for (int i = 0; i < batch->count && err == NULL; i++)
        err = send_tags(f, batch->span[i].iov_base, batch->span[i].iov_len);
    return err;
}

static struct err *forward_loop(struct forwarding *f)
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
        err = forward_listen(f);
        if (status != VIEWER_BYTES)
            continue;
        if (err == NULL)
            err = forward_batch(f, &batch);
        viewer_sent(f->viewer);
        co_fair();
    }
    return err;
}

/* ---- one connection ---- */

static struct err *forward_ask(struct forwarding *f, const struct url_rtmp *url)
{
    usec_t deadline = co_deadline(FORWARD_CONNECT);
    char name[1400];
    struct err *err = rtmp_talk_handshake(f->talk, co_left(deadline));

    if (err == NULL)
        err = rtmp_talk_connect(f->talk, url, co_left(deadline));
    if (err == NULL && str_format(name, sizeof(name), "%s%s", url->stream, url->param) != 0)
        err = err_new(ERR_LIMIT, "the stream's name is too long");
    if (err == NULL)
        err = rtmp_talk_publish(f->talk, name, co_left(deadline));
    return err;
}

static struct err *forward_play(struct forwarding *f)
{
    struct err *err;

    log_info(f->stream->server->log, "forward %s: to %s", source_key(f->source), f->show);
    f->was_failed = 0;
    f->viewer = viewer_open(f->source, &mux_relay, co_now());
    if (f->viewer == NULL)
        return err_new(ERR_NOMEM, "no memory for a viewer");
    err = forward_loop(f);
    viewer_close(f->viewer);
    f->viewer = NULL;
    return err;
}

static struct err *forward_connect(struct forwarding *f, const struct url_rtmp *url)
{
    const struct config *config = f->stream->server->config;
    struct rtmp_talk_config talk = {.chunk_size = (uint32_t)config->chunk_size,
                                    .message_max = (size_t)config->max_message,
                                    .server = MILLRACE_NAME,
                                    .version = MILLRACE_VERSION,
                                    .pid = (int)getpid(),
                                    .id = co_id(),
                                    .now = co_now};
    struct err *err = net_connect(url->host, url->port, &f->conn, FORWARD_CONNECT);

    if (err != NULL)
        return err;
    net_tune(f->conn, 0, 1);
    f->talk = rtmp_talk_new(&f->conn->io, &talk);
    err = f->talk != NULL ? forward_ask(f, url) : err_new(ERR_NOMEM, "no memory to forward");
    if (err == NULL)
        err = forward_play(f);
    rtmp_talk_free(f->talk);
    f->talk = NULL;
    net_free(f->conn);
    f->conn = NULL;
    return err;
}

static struct err *forward_try(struct forwarding *f)
{
    struct url_rtmp *url = malloc(sizeof(*url));
    struct err *err;

    if (url == NULL)
        return err_new(ERR_NOMEM, "no memory to forward");
    if (url_rtmp_parse_full(url, f->url) != SCAN_DONE)
        err = err_new(ERR_PROTO, "no RTMP address");
    else
        err = forward_connect(f, url);
    free(url);
    return err;
}

/* ---- life ---- */

static void forward_leave(struct forwarding *f)
{
    struct server *server = f->stream->server;

    if (f->prev != NULL)
        f->prev->next = f->next;
    else
        f->stream->forwards = f->next;
    if (f->next != NULL)
        f->next->prev = f->prev;
    server->forward_count--;
    co_cond_broadcast(&server->changed);
    co_cond_fini(&f->cond);
    source_unref(f->source);
    free(f);
}

static void forward_run(void *arg)
{
    struct forwarding *f = arg;
    const struct log *log = f->stream->server->log;

    while (!is_over(f)) {
        struct err *err = forward_try(f);
        usec_t deadline = co_deadline(FORWARD_RETRY);

        if (err == NULL) {
            log_info(log, "forward %s: no more to %s", source_key(f->source), f->show);
            co_yield ();
            continue;
        } else {
            /* Once until it works again; the reason may be the same for days. */
            log_write(log, f->was_failed ? LOG_DEBUG : LOG_WARN, "forward %s: %s: %s",
                      source_key(f->source), f->show, err_text(err));
            f->was_failed = 1;
        }
        err_free(err);
        while (!is_over(f) && co_left(deadline) > 0)
            (void)co_cond_wait(&f->cond, co_left(deadline));
    }
    forward_leave(f);
}

static int forward_has(const struct stream *stream, const char *url)
{
    for (const struct forwarding *f = stream->forwards; f != NULL; f = f->next)
        if (strcmp(f->url, url) == 0)
            return 1;
    return 0;
}

static void forward_enter(struct stream *stream, const char *url)
{
    struct forwarding *f = calloc(1, sizeof(*f));
    struct err *err = f != NULL ? co_cond_init(&f->cond) : NULL;

    if (f == NULL || err != NULL) {
        err_free(err);
        free(f);
        return;
    }
    f->stream = stream;
    f->source = source_ref(stream->source);
    (void)str_copy(f->url, sizeof(f->url), url);
    origin_show(url, f->show, sizeof(f->show));
    f->next = stream->forwards;
    if (f->next != NULL)
        f->next->prev = f;
    stream->forwards = f;
    stream->server->forward_count++;
    f->co = co_spawn(forward_run, f);
    if (f->co == NULL)
        forward_leave(f);
}

void forward_on_publish(struct stream *stream)
{
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);
    struct origin_stream names = {stream->vhost, stream->app, stream->name, NULL};
    char *url;

    /* What was fetched from elsewhere is not sent elsewhere; another worker's is forwarded there.
     */
    if (vhost == NULL || !vhost->forward.enabled || edge_fetches(stream) || stream->relay != NULL)
        return;
    url = malloc(ORIGIN_URL_MAX);
    for (int i = 0; url != NULL && i < vhost->forward.destination.count; i++) {
        if (origin_destination_url(vhost->forward.destination.item[i], &names, url) == 0 &&
            !forward_has(stream, url))
            forward_enter(stream, url);
    }
    free(url);
}

void forward_on_data(struct stream *stream)
{
    for (struct forwarding *f = stream->forwards; f != NULL; f = f->next)
        co_cond_signal(&f->cond);
}

void forward_on_evict(struct stream *stream, const struct viewer *viewer)
{
    for (struct forwarding *f = stream->forwards; f != NULL; f = f->next)
        if (f->viewer == viewer && f->conn != NULL)
            io_close(&f->conn->io);
}

static void forward_end(struct source *source, void *arg)
{
    const struct stream *stream = source_data(source);

    (void)arg;
    for (struct forwarding *f = stream->forwards; f != NULL; f = f->next) {
        f->is_stopping = 1;
        co_interrupt(f->co);
    }
}

void forward_stop(struct server *server, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    hub_each(server->hub, forward_end, NULL);
    while (server->forward_count > 0 && co_left(deadline) > 0)
        (void)co_cond_wait(&server->changed, co_left(deadline));
}
