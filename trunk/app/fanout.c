/*
 * The fan-out: one coroutine per watched stream sends new bytes to all viewers
 * that take them at once, straight from the ring. What costs is the number of
 * sends, so they are batched by mw_latency; and with an interval the viewers
 * are spread over slots, each of which is served at its own phase, so that no
 * burst holds the loop.
 *
 * A viewer whose socket blocks leaves its slot and goes on in its own
 * coroutine (fanout_viewer_pump) until it has caught up.
 */
#include "app/fanout.h"

#include "app/server.h"
#include "app/stream.h"
#include "base/buf.h"
#include "co/co.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FANOUT_SLOTS 64
/* A batch is about this long at the most; one block of a ring more. */
#define FANOUT_BATCH_MAX ((size_t)128 * 1024)
/* Unsent bytes the kernel may hold for one viewer before it counts as blocked. */
#define FANOUT_NOTSENT_LOWAT (128 * 1024)
/* A viewer that takes nothing at all for this long is closed. */
#define FANOUT_STALL      ((usec_t)120 * USEC_PER_SEC)
#define FANOUT_INJECT_MAX ((size_t)64 * 1024)
/* Let others run when one pass has taken this long. */
#define FANOUT_SLICE ((usec_t)2000)
/* mw_latency auto: a send costs 2.6 us and 0.08 us a KB, and may take a fifth of the core. */
#define FANOUT_SEND_US  2.6
#define FANOUT_KB_US    0.08
#define FANOUT_BUDGET   0.20
#define FANOUT_AUTO_MIN ((usec_t)15 * USEC_PER_MS)
#define FANOUT_AUTO_MAX ((usec_t)350 * USEC_PER_MS)
/* Slots are served in ticks of about this length. */
#define FANOUT_TICK ((usec_t)10 * USEC_PER_MS)

/* "ffffffff\r\n" or a WebSocket header of 10 bytes. */
#define FANOUT_PREFIX_MAX 16

/* What a blocked viewer still has to send. */
struct fanout_pending {
    struct iovec iov[VIEWER_SPANS_MAX + 3];
    int count;
    int at;        /* spans before this one are out */
    int has_batch; /* viewer_sent() is due at the end */
    char prefix[FANOUT_PREFIX_MAX];
};

struct fanout_viewer {
    struct fanout_channel *channel;
    struct net_conn *conn;
    struct viewer *viewer;
    struct fanout_viewer *prev, *next; /* in its slot */
    struct buf *head;                  /* sent before the first batch; NULL afterwards */
    struct buf *inject;                /* sent between two batches; NULL: nothing */
    struct fanout_pending *pending;
    uint8_t framing;
    uint8_t slot;
    uint8_t is_parked; /* in its slot: the fan-out sends for it */
    uint8_t is_blocked;
    uint8_t is_broken;
    uint8_t is_ended; /* the stream is over, the end mark still to be sent */
    uint8_t is_over;  /* and that is out too */
    uint8_t is_paused;
    uint8_t is_trimmed;
};

struct fanout_channel {
    struct fanout *fanout;
    struct source *source; /* held */
    struct co_cond cond;
    struct fanout_viewer *slot[FANOUT_SLOTS];
    size_t viewers;
    uint32_t next_slot;
    uint32_t units; /* appended since the last pass */
    uint32_t units_min;
    usec_t interval_fixed; /* -1: auto */
    usec_t interval_min;
    double rate_kb; /* KB per second */
    uint64_t rate_bytes;
    usec_t rate_at;
    usec_t slice_at;
    uint8_t is_dirty;
    uint8_t is_idle; /* waits for data */
    uint8_t is_stopping;
};

struct fanout {
    struct server *server;
    size_t viewers; /* of all channels */
};

struct fanout *fanout_new(struct server *server)
{
    struct fanout *fanout = calloc(1, sizeof(*fanout));

    if (fanout != NULL)
        fanout->server = server;
    return fanout;
}

void fanout_free(struct fanout *fanout)
{
    free(fanout);
}

/* ---- sending, never yields ---- */

static const char fanout_crlf[] = "\r\n";

/* The framing before a batch of len bytes; returns its length. */
static size_t fanout_prefix(enum fanout_framing framing, size_t len, char out[FANOUT_PREFIX_MAX])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *p = (uint8_t *)out;
    char digits[16];
    size_t n = 0;
    size_t count = 0;

    if (framing == FANOUT_RAW)
        return 0;
    if (framing == FANOUT_CHUNKED) { /* RFC 9112, 7.1 */
        for (size_t rest = len; rest > 0; rest >>= 4)
            digits[count++] = hex[rest & 15];
        while (count > 0)
            out[n++] = digits[--count];
        out[n++] = '\r';
        out[n++] = '\n';
        return n;
    }
    p[n++] = 0x82; /* RFC 6455, 5.2: final binary frame, unmasked */
    if (len < 126) {
        p[n++] = (uint8_t)len;
    } else if (len < 65536) {
        p[n++] = 126;
        p[n++] = (uint8_t)(len >> 8);
        p[n++] = (uint8_t)len;
    } else {
        p[n++] = 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            p[n++] = (uint8_t)((uint64_t)len >> shift);
    }
    return n;
}

/* Drops `sent` bytes from the front of the spans from *at on. */
static void fanout_advance(struct iovec *iov, int count, int *at, size_t sent)
{
    while (*at < count && sent >= iov[*at].iov_len) {
        sent -= iov[*at].iov_len;
        (*at)++;
    }
    if (*at < count && sent > 0) {
        iov[*at].iov_base = (char *)iov[*at].iov_base + sent;
        iov[*at].iov_len -= sent;
    }
}

static void fanout_done_with_head(struct fanout_viewer *fv)
{
    if (fv->head != NULL) {
        buf_fini(fv->head);
        free(fv->head);
        fv->head = NULL;
    }
}

/* Keeps what is left of a batch for the viewer's own coroutine. */
static void fanout_block(struct fanout_viewer *fv, const struct iovec *iov, int count, int at,
                         const char *prefix)
{
    struct fanout_pending *pending = calloc(1, sizeof(*pending));

    fv->is_blocked = 1;
    if (pending == NULL) {
        fv->is_broken = 1;
        return;
    }
    pending->has_batch = 1;
    memcpy(pending->prefix, prefix, sizeof(pending->prefix));
    for (int i = at; i < count; i++) {
        const char *base = iov[i].iov_base;

        pending->iov[pending->count] = iov[i];
        if (base >= prefix && base < prefix + FANOUT_PREFIX_MAX)
            pending->iov[pending->count].iov_base = pending->prefix + (base - prefix);
        pending->count++;
    }
    fv->pending = pending;
}

/* Sends one batch, or what the socket takes of it. */
static void fanout_send(struct fanout_viewer *fv, const struct viewer_batch *batch)
{
    struct iovec iov[VIEWER_SPANS_MAX + 3];
    char prefix[FANOUT_PREFIX_MAX];
    size_t prefix_len = fanout_prefix(fv->framing, batch->len, prefix);
    size_t total = batch->len + prefix_len;
    int count = 0;
    int at = 0;
    ssize_t sent;

    if (fv->head != NULL) {
        iov[count].iov_base = buf_data(fv->head);
        iov[count++].iov_len = fv->head->len;
        total += fv->head->len;
    }
    if (prefix_len > 0) {
        iov[count].iov_base = prefix;
        iov[count++].iov_len = prefix_len;
    }
    for (int i = 0; i < batch->count; i++)
        iov[count++] = batch->span[i];
    if (fv->framing == FANOUT_CHUNKED) {
        iov[count].iov_base = (char *)(uintptr_t)fanout_crlf;
        iov[count++].iov_len = 2;
        total += 2;
    }
    sent = net_try_writev(fv->conn, iov, count);
    if (sent == (ssize_t)total) {
        viewer_sent(fv->viewer);
        fanout_done_with_head(fv);
        return;
    }
    if (sent < 0 && errno != EAGAIN) {
        viewer_sent(fv->viewer);
        fv->is_broken = 1;
        return;
    }
    if (sent > 0)
        fanout_advance(iov, count, &at, (size_t)sent);
    fanout_block(fv, iov, count, at, prefix);
}

/* Goes on with what is pending. */
static void fanout_send_pending(struct fanout_viewer *fv)
{
    struct fanout_pending *pending = fv->pending;
    ssize_t sent =
        net_try_writev(fv->conn, pending->iov + pending->at, pending->count - pending->at);

    if (sent < 0) {
        if (errno != EAGAIN)
            fv->is_broken = 1;
        return;
    }
    fanout_advance(pending->iov, pending->count, &pending->at, (size_t)sent);
    if (pending->at < pending->count)
        return;
    if (pending->has_batch)
        viewer_sent(fv->viewer);
    free(pending);
    fv->pending = NULL;
    fv->is_blocked = 0;
    fanout_done_with_head(fv);
}

/* The viewer's own answers between two batches. */
static void fanout_send_inject(struct fanout_viewer *fv)
{
    struct iovec iov = {buf_data(fv->inject), fv->inject->len};
    ssize_t sent = net_try_writev(fv->conn, &iov, 1);

    if (sent < 0) {
        if (errno == EAGAIN)
            fv->is_blocked = 1;
        else
            fv->is_broken = 1;
        return;
    }
    buf_consume(fv->inject, (size_t)sent);
    fv->is_blocked = fv->inject->len > 0;
    if (fv->is_blocked)
        return;
    buf_fini(fv->inject);
    free(fv->inject);
    fv->inject = NULL;
}

/* The framing's mark of a clean end. */
static void fanout_send_end(struct fanout_viewer *fv)
{
    static const char chunk_end[] = "0\r\n\r\n";
    static const char close_frame[] = {(char)0x88, 2, 3, (char)0xe8}; /* 1000, RFC 6455, 7.4.1 */
    int ok = 0;

    if (fv->framing == FANOUT_CHUNKED)
        ok = fanout_viewer_inject(fv, chunk_end, sizeof(chunk_end) - 1);
    else if (fv->framing == FANOUT_WEBSOCKET)
        ok = fanout_viewer_inject(fv, close_frame, sizeof(close_frame));
    if (ok != 0)
        fv->is_broken = 1;
    fv->is_over = 1;
}

/* Sends all there is until the socket blocks or nothing is left. */
static void fanout_push(struct fanout_viewer *fv)
{
    struct viewer_batch batch;

    fv->is_blocked = fv->pending != NULL;
    while (!fv->is_broken) {
        if (fv->pending != NULL) {
            fanout_send_pending(fv);
            if (fv->pending != NULL)
                return;
            continue;
        }
        if (fv->inject != NULL) {
            fanout_send_inject(fv);
            if (fv->is_blocked)
                return;
            continue;
        }
        if (fv->is_over || fv->is_paused)
            return;
        if (fv->is_ended) {
            fanout_send_end(fv);
            continue;
        }
        switch (viewer_next(fv->viewer, FANOUT_BATCH_MAX, &batch)) {
        case VIEWER_WAIT:
            return;
        case VIEWER_END:
            fv->is_ended = 1;
            break;
        case VIEWER_BYTES:
            fanout_send(fv, &batch);
            if (fv->is_blocked)
                return;
            break;
        }
    }
}

/* ---- slots ---- */

static void fanout_park(struct fanout_viewer *fv)
{
    struct fanout_viewer **head = &fv->channel->slot[fv->slot];

    if (fv->is_parked)
        return;
    fv->prev = NULL;
    fv->next = *head;
    if (fv->next != NULL)
        fv->next->prev = fv;
    *head = fv;
    fv->is_parked = 1;
}

static void fanout_unpark(struct fanout_viewer *fv)
{
    if (!fv->is_parked)
        return;
    if (fv->prev != NULL)
        fv->prev->next = fv->next;
    else
        fv->channel->slot[fv->slot] = fv->next;
    if (fv->next != NULL)
        fv->next->prev = fv->prev;
    fv->is_parked = 0;
}

static void fanout_serve_slot(struct fanout_channel *channel, int slot)
{
    struct fanout_viewer *next;

    for (struct fanout_viewer *fv = channel->slot[slot]; fv != NULL; fv = next) {
        next = fv->next;
        fanout_push(fv);
        if (fv->is_blocked || fv->is_broken || fv->is_ended) {
            fanout_unpark(fv);
            net_kick(fv->conn);
        }
    }
}

/* ---- the channel's coroutine ---- */

static usec_t fanout_interval(struct fanout_channel *channel)
{
    double room;
    double us;

    if (channel->interval_fixed >= 0)
        return channel->interval_fixed > channel->interval_min ? channel->interval_fixed
                                                               : channel->interval_min;
    room = FANOUT_BUDGET - (double)channel->fanout->viewers * channel->rate_kb * FANOUT_KB_US / 1e6;
    us = room > 0 ? (double)channel->fanout->viewers * FANOUT_SEND_US / room
                  : (double)FANOUT_AUTO_MAX;
    if (us < (double)FANOUT_AUTO_MIN)
        us = 0;
    if (us > (double)FANOUT_AUTO_MAX)
        us = (double)FANOUT_AUTO_MAX;
    return (usec_t)us > channel->interval_min ? (usec_t)us : channel->interval_min;
}

static void fanout_measure(struct fanout_channel *channel, usec_t now)
{
    struct source_stat stat;
    usec_t span = now - channel->rate_at;

    if (channel->rate_at != 0 && span < USEC_PER_SEC)
        return;
    source_stat(channel->source, &stat);
    if (channel->rate_at != 0)
        channel->rate_kb =
            (double)(stat.bytes_in - channel->rate_bytes) / 1024.0 * 1e6 / (double)span;
    channel->rate_bytes = stat.bytes_in;
    channel->rate_at = now;
}

/* Lets the others run when this pass has held the loop for a slice. */
static void fanout_rest(struct fanout_channel *channel)
{
    usec_t now = clock_now();

    if (now - channel->slice_at < FANOUT_SLICE)
        return;
    co_yield ();
    channel->slice_at = clock_now();
}

static void fanout_serve_all(struct fanout_channel *channel)
{
    channel->is_dirty = 0;
    channel->units = 0;
    channel->slice_at = clock_now();
    for (int slot = 0; slot < FANOUT_SLOTS && !channel->is_stopping; slot++) {
        if (channel->slot[slot] == NULL)
            continue;
        fanout_serve_slot(channel, slot);
        fanout_rest(channel);
    }
}

/* One interval: each slot is served once, at its own time. */
static void fanout_serve_interval(struct fanout_channel *channel, usec_t interval)
{
    usec_t begin = clock_now();
    int ticks = (int)(interval / FANOUT_TICK) + 1;
    int slot = 0;

    if (ticks > FANOUT_SLOTS)
        ticks = FANOUT_SLOTS;
    channel->is_dirty = 0;
    channel->units = 0;
    for (int tick = 1; tick <= ticks && !channel->is_stopping; tick++) {
        int until = tick * FANOUT_SLOTS / ticks;

        channel->slice_at = clock_now();
        for (; slot < until && !channel->is_stopping; slot++) {
            if (channel->slot[slot] == NULL)
                continue;
            fanout_serve_slot(channel, slot);
            fanout_rest(channel);
        }
        if (co_cond_wait_until(&channel->cond, begin + interval * tick / ticks) == CO_INTERRUPTED)
            return;
    }
}

static void fanout_channel_free(struct fanout_channel *channel)
{
    co_cond_fini(&channel->cond);
    source_unref(channel->source);
    free(channel);
}

static void fanout_channel_run(void *arg)
{
    struct fanout_channel *channel = arg;

    while (!channel->is_stopping) {
        usec_t interval;

        if (!channel->is_dirty) {
            channel->is_idle = 1;
            (void)co_cond_wait(&channel->cond, USEC_NEVER);
            channel->is_idle = 0;
            continue;
        }
        fanout_measure(channel, clock_now());
        interval = fanout_interval(channel);
        if (interval == 0)
            fanout_serve_all(channel);
        else
            fanout_serve_interval(channel, interval);
    }
    fanout_channel_free(channel);
}

void fanout_channel_wake(struct fanout_channel *channel)
{
    if (source_state(channel->source) == SOURCE_LIVE && ++channel->units <= channel->units_min)
        return;
    channel->is_dirty = 1;
    if (channel->is_idle)
        co_cond_signal(&channel->cond);
}

static struct fanout_channel *fanout_channel_new(struct fanout *fanout, struct source *source,
                                                 const struct config_vhost *vhost)
{
    struct fanout_channel *channel = calloc(1, sizeof(*channel));
    struct err *err;

    if (channel == NULL)
        return NULL;
    channel->fanout = fanout;
    channel->units_min = (uint32_t)vhost->play.mw_msgs;
    channel->interval_fixed = vhost->min_latency ? 0 : vhost->play.mw_latency;
    channel->interval_min = vhost->play.send_min_interval;
    err = co_cond_init(&channel->cond);
    if (err != NULL) {
        err_free(err);
        free(channel);
        return NULL;
    }
    channel->source = source_ref(source);
    if (co_spawn(fanout_channel_run, channel) == NULL) {
        fanout_channel_free(channel);
        return NULL;
    }
    return channel;
}

/* ---- a viewer ---- */

struct fanout_viewer *fanout_viewer_open(struct fanout *fanout, struct net_conn *conn,
                                         struct viewer *viewer,
                                         const struct fanout_viewer_opts *opts)
{
    struct source *source = viewer_source(viewer);
    struct stream *stream = source_data(source);
    struct fanout_viewer *fv = calloc(1, sizeof(*fv));

    if (fv != NULL && stream->channel == NULL)
        stream->channel = fanout_channel_new(fanout, source, opts->vhost);
    if (fv == NULL || stream->channel == NULL) {
        free(fv);
        viewer_close(viewer);
        return NULL;
    }
    if (opts->head != NULL) {
        fv->head = malloc(sizeof(*fv->head));
        if (fv->head == NULL) {
            free(fv);
            viewer_close(viewer);
            return NULL;
        }
        *fv->head = *opts->head;
        buf_init(opts->head, opts->head->max);
    }
    fv->channel = stream->channel;
    fv->channel->viewers++;
    fanout->viewers++;
    fv->conn = conn;
    fv->viewer = viewer;
    fv->framing = (uint8_t)opts->framing;
    fv->slot = (uint8_t)(fv->channel->next_slot++ % FANOUT_SLOTS);
    viewer_set_owner(viewer, fv);
    net_tune(conn, FANOUT_NOTSENT_LOWAT, opts->vhost->tcp_nodelay || opts->vhost->min_latency);
    return fv;
}

void fanout_viewer_close(struct fanout_viewer *fv)
{
    struct fanout_channel *channel = fv->channel;
    struct stream *stream = source_data(channel->source);

    fanout_unpark(fv);
    viewer_close(fv->viewer);
    free(fv->pending);
    fanout_done_with_head(fv);
    if (fv->inject != NULL) {
        buf_fini(fv->inject);
        free(fv->inject);
    }
    free(fv);
    channel->fanout->viewers--;
    channel->viewers--;
    if (channel->viewers > 0)
        return;
    /* The channel's coroutine frees it; the next viewer makes another. */
    stream->channel = NULL;
    channel->is_stopping = 1;
    co_cond_signal(&channel->cond);
}

static int fanout_is_broken(const struct fanout_viewer *fv)
{
    return fv->is_broken || fv->conn->closed;
}

enum fanout_wait fanout_viewer_pump(struct fanout_viewer *fv, usec_t timeout)
{
    usec_t deadline = timeout == USEC_NEVER ? USEC_NEVER : clock_now() + timeout;

    for (;;) {
        usec_t wait = USEC_NEVER;
        int has_begun;
        int events;

        if (!fanout_is_broken(fv) && !fv->is_parked)
            fanout_push(fv);
        if (fanout_is_broken(fv))
            return FANOUT_BROKEN;
        if (fv->is_over && !fv->is_blocked)
            return FANOUT_ENDED;
        has_begun = viewer_has_begun(fv->viewer);
        if (!fv->is_blocked)
            fanout_park(fv);
        else
            wait = FANOUT_STALL;
        if (!has_begun && deadline != USEC_NEVER) {
            wait = deadline - clock_now();
            if (wait <= 0)
                return FANOUT_TIMEOUT;
        } else if (!fv->is_trimmed) {
            fv->is_trimmed = 1;
            co_stack_trim();
        }
        events = net_wait(fv->conn, NET_IN | (fv->is_blocked ? NET_OUT : 0), wait);
        if (events < 0)
            return FANOUT_BROKEN;
        if (events == 0 && viewer_has_begun(fv->viewer))
            return fv->is_blocked ? FANOUT_BROKEN : FANOUT_INPUT;
        if (events & (NET_IN | NET_HUP))
            return FANOUT_INPUT;
    }
}

int fanout_viewer_inject(struct fanout_viewer *fv, const void *data, size_t len)
{
    if (fv->inject == NULL) {
        fv->inject = malloc(sizeof(*fv->inject));
        if (fv->inject == NULL)
            return -1;
        buf_init(fv->inject, FANOUT_INJECT_MAX);
    }
    /* The own coroutine sends it: out of the slot, so that the next pump does. */
    fanout_unpark(fv);
    return buf_append(fv->inject, data, len);
}

void fanout_viewer_pause(struct fanout_viewer *fv, int pause)
{
    if (fv->is_paused && !pause && fv->pending == NULL)
        viewer_skip(fv->viewer);
    fv->is_paused = (uint8_t)pause;
    fanout_unpark(fv);
}

void fanout_viewer_evict(struct fanout_viewer *fv)
{
    fv->is_broken = 1;
    net_kick(fv->conn);
}
