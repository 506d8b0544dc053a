/*
 * What the fan-out sends to one viewer: spans of the ring with the framing around them, in one
 * write. A batch that many viewers take from the same position is framed once, in one block of
 * memory, so that each further send is one plain write. A viewer that blocks keeps the rest as
 * spans of the ring.
 */
#include "app/core/admission.h"
#include "app/core/server.h"
#include "app/stream/fanout_private.h"
#include "proto/ws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The approximate maximum of a batch; it may exceed this by one block of the ring. */
#define FANOUT_BATCH_MAX ((size_t)128 * 1024)
/* The maximum of a shared batch: a batch plus the block of the ring that may exceed it. */
#define FANOUT_SHARED_MAX ((size_t)1024 * 1024)

/* The maximum of the bytes that wait to be sent between two batches. */
#define FANOUT_INJECT_MAX ((size_t)64 * 1024)

static const char fanout_crlf[] = "\r\n";

/* Writes the framing that precedes a batch of len bytes; returns its length. */
static size_t fanout_prefix(enum fanout_framing framing, size_t len, char out[FANOUT_PREFIX_MAX])
{
    static const char hex[] = "0123456789abcdef";
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
    return ws_header_write((uint8_t *)out, WS_BINARY, len);
}

/* Drops `sent` bytes from the front of the spans, starting at *at. */
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

void fanout_done_with_head(struct fanout_viewer *fv)
{
    if (fv->head != NULL) {
        buf_fini(fv->head);
        free(fv->head);
        fv->head = NULL;
    }
}

/* Keeps the rest of a batch for the viewer's own coroutine. */
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

/* The spans of a batch with its framing; prefix has room for FANOUT_PREFIX_MAX bytes. */
static int fanout_frame(const struct fanout_viewer *fv, const struct viewer_batch *batch,
                        char *prefix, struct iovec *iov)
{
    size_t prefix_len = fanout_prefix((enum fanout_framing)fv->framing, batch->len, prefix);
    int count = 0;

    if (fv->head != NULL) {
        iov[count].iov_base = buf_data(fv->head);
        iov[count++].iov_len = fv->head->len;
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
    }
    return count;
}

/* Sends the open batch, of which `out` bytes are already sent, as far as the socket accepts it. */
static void fanout_send(struct fanout_viewer *fv, const struct viewer_batch *batch, size_t out)
{
    struct iovec iov[VIEWER_SPANS_MAX + 3];
    char prefix[FANOUT_PREFIX_MAX];
    int count = fanout_frame(fv, batch, prefix, iov);
    int at = 0;
    ssize_t sent;

    fanout_advance(iov, count, &at, out);
    sent = net_try_writev(fv->conn, iov + at, count - at);
    if (sent < 0 && errno != EAGAIN) {
        viewer_sent(fv->viewer);
        fv->is_broken = 1;
        return;
    }
    if (sent > 0)
        fanout_advance(iov, count, &at, (size_t)sent);
    if (at < count) {
        fanout_block(fv, iov, count, at, prefix);
        return;
    }
    viewer_sent(fv->viewer);
    fanout_done_with_head(fv);
}

/* Continues a pending batch. */
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

/* Sends the viewer's own bytes between two batches. */
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

int fanout_inject(struct fanout_viewer *fv, const void *data, size_t len)
{
    if (fv->inject == NULL) {
        fv->inject = malloc(sizeof(*fv->inject));
        if (fv->inject == NULL)
            return -1;
        buf_init(fv->inject, FANOUT_INJECT_MAX);
    }
    return buf_append(fv->inject, data, len);
}

/* Sends the framing's mark of a clean end. */
static void fanout_send_end(struct fanout_viewer *fv)
{
    static const char chunk_end[] = "0\r\n\r\n";
    uint8_t close_frame[WS_CONTROL_FRAME_MAX];
    int ok = 0;

    fv->is_over = 1;
    /* Nothing was sent yet: another answer replaces the stream. */
    if (!viewer_has_begun(fv->viewer))
        return;
    if (fv->framing == FANOUT_CHUNKED)
        ok = fanout_inject(fv, chunk_end, sizeof(chunk_end) - 1);
    else if (fv->framing == FANOUT_WEBSOCKET)
        ok = fanout_inject(fv, close_frame, ws_close_write(close_frame, WS_CODE_NORMAL, ""));
    if (ok != 0)
        fv->is_broken = 1;
}

void fanout_viewer_part(struct fanout_viewer *fv)
{
    static const char chunk_end[] = "0\r\n\r\n";
    uint8_t close_frame[WS_CONTROL_FRAME_MAX];
    struct iovec iov = {close_frame, 0};

    if (fv->pending != NULL && !fv->is_broken)
        fanout_send_pending(fv);
    if (fv->pending != NULL || fv->inject != NULL || fv->is_broken || fv->is_ended || fv->is_over)
        return;
    if (fv->framing == FANOUT_CHUNKED && viewer_has_begun(fv->viewer))
        iov = (struct iovec){(char *)(uintptr_t)chunk_end, sizeof(chunk_end) - 1};
    else if (fv->framing == FANOUT_WEBSOCKET)
        iov.iov_len = ws_close_write(close_frame, WS_CODE_GOING_AWAY, "");
    if (iov.iov_len > 0)
        (void)net_try_writev(fv->conn, &iov, 1);
}

void fanout_push(struct fanout_viewer *fv)
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
        if (fv->is_over || (fv->is_paused && !fv->is_ended))
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
            fanout_send(fv, &batch, 0);
            if (fv->is_blocked)
                return;
            break;
        }
    }
}

/* ---- shared batches ---- */

/* The shared batch that begins at this viewer's position; NULL: none. */
static const struct fanout_shared *fanout_shared_find(const struct fanout_viewer *fv)
{
    for (int i = 0; i < FANOUT_SHARED && fv->head == NULL; i++) {
        const struct fanout_shared *shared = &fv->channel->shared[i];

        if (shared->is_valid && shared->framing == fv->framing &&
            viewer_shared_batch_fits(fv->viewer, &shared->batch))
            return shared;
    }
    return NULL;
}

/* The place for a new shared batch: replaces the last one of its kind, else the next in turn. */
static struct fanout_shared *fanout_shared_place(struct fanout_channel *channel,
                                                 const struct viewer_shared_batch *shared_batch,
                                                 unsigned framing)
{
    for (int i = 0; i < FANOUT_SHARED; i++) {
        struct fanout_shared *shared = &channel->shared[i];

        if (shared->data != NULL && shared->framing == framing &&
            shared->batch.rendition == shared_batch->rendition)
            return shared;
    }
    return &channel->shared[channel->next_shared++ % FANOUT_SHARED];
}

/* Makes a shared batch of the batch that this viewer was just given, unless it cannot be shared. */
static void fanout_share(struct fanout_viewer *fv, const struct viewer_batch *batch)
{
    struct fanout_shared *shared;
    struct viewer_shared_batch shared_batch;
    struct iovec iov[VIEWER_SPANS_MAX + 3];
    char prefix[FANOUT_PREFIX_MAX];
    size_t need = batch->len + FANOUT_PREFIX_MAX + 2;
    int count;

    if (fv->head != NULL || need > FANOUT_SHARED_MAX ||
        viewer_shared_batch_get(fv->viewer, &shared_batch) != 0)
        return;
    shared = fanout_shared_place(fv->channel, &shared_batch, fv->framing);
    shared->is_valid = 0;
    if (need > shared->cap) {
        uint8_t *data = realloc(shared->data, need + need / 2);

        if (data == NULL)
            return;
        shared->data = data;
        shared->cap = need + need / 2;
    }
    shared->len = 0;
    count = fanout_frame(fv, batch, prefix, iov);
    for (int i = 0; i < count; i++) {
        memcpy(shared->data + shared->len, iov[i].iov_base, iov[i].iov_len);
        shared->len += iov[i].iov_len;
    }
    shared->batch = shared_batch;
    shared->framing = fv->framing;
    shared->is_valid = 1;
}

/* Sends the shared batch to a viewer at the position where it begins. */
static void fanout_send_shared(struct fanout_viewer *fv, const struct fanout_shared *shared)
{
    struct iovec iov = {shared->data, shared->len};
    ssize_t sent = net_try_writev(fv->conn, &iov, 1);
    struct viewer_batch batch;

    if (sent == (ssize_t)shared->len) {
        viewer_shared_batch_sent(fv->viewer, &shared->batch);
        return;
    }
    if (sent < 0 && errno != EAGAIN) {
        fv->is_broken = 1;
        return;
    }
    /* The rest is sent from the ring itself, which the open batch pins. */
    if (viewer_next(fv->viewer, FANOUT_BATCH_MAX, &batch) == VIEWER_BYTES &&
        batch.len == shared->batch.len)
        fanout_send(fv, &batch, sent > 0 ? (size_t)sent : 0);
    else
        fv->is_broken = 1;
}

void fanout_push_parked(struct fanout_viewer *fv)
{
    struct viewer_batch batch;

    /* A paused viewer does not get the rest, but learns that the stream has ended. */
    if (fv->is_paused && viewer_is_cut(fv->viewer))
        fv->is_ended = 1;
    while (!fv->is_blocked && !fv->is_broken && !fv->is_paused) {
        const struct fanout_shared *shared = fanout_shared_find(fv);

        if (shared != NULL) {
            int is_all = shared->batch.is_all;

            fanout_send_shared(fv, shared);
            if (is_all)
                return;
            continue;
        }
        switch (viewer_next(fv->viewer, FANOUT_BATCH_MAX, &batch)) {
        case VIEWER_WAIT:
            if (!viewer_has_begun(fv->viewer))
                fv->channel->beginners++;
            return;
        case VIEWER_END:
            fv->is_ended = 1;
            return;
        case VIEWER_BYTES:
            fanout_share(fv, &batch);
            fanout_send(fv, &batch, 0);
            break;
        }
    }
}

void fanout_viewer_is_live(struct fanout_viewer *fv, int is_live)
{
    admission_is_live(fv->channel->fanout->server, fv->conn, is_live);
}
