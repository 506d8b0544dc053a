/*
 * Media received by a try: the first audio or video frame publishes the source; what came before it
 * (metadata, init data) is kept until then, and everything after it is pushed. Both kinds of try
 * (pull_flv.c, pull_rtmp.c) call this file; pull.c is above them and closes the publication when a
 * try is over.
 */
#include "app/cluster/pull_private.h"

#include "app/cluster/pull_dedup.h"
#include "media/flv.h"
#include "media/meta.h"
#include "media/mux.h"

#include <stdlib.h>
#include <string.h>

void pull_waits(struct pull *pull)
{
    struct pull_target *target = &pull->target[pull->at];

    pull->media_at = co_now();
    pull->is_requested = 1;
    if (!target->was_waited)
        log_info(pull->server->log, "pull %s: waiting for stream at %s", source_key(pull->source),
                 target->show);
    target->was_waited = 1;
}

static void pull_enter(struct pull *pull)
{
    pull->entry.conn = pull->conn;
    pull->entry.source = pull->source;
    pull->entry.format = "pull";
    pull->entry.is_publisher = 1;
    pull->entry.is_worker = pull->options.is_worker;
    session_list_enter(pull->server, &pull->entry);
    pull->is_listed = 1;
}

void pull_unlist(struct pull *pull)
{
    if (pull->is_listed)
        session_list_leave(pull->server, &pull->entry);
    pull->is_listed = 0;
}

static void pull_over(struct pull *pull)
{
    if (pull->options.publication == NULL)
        pull->publication = NULL;
    if (pull->options.on_over != NULL)
        pull->options.on_over(pull->options.arg);
}

static struct err *pull_publish(struct pull *pull)
{
    if (pull->options.on_live != NULL)
        pull->publication = pull->options.on_live(pull->options.arg);
    if (pull->publication == NULL)
        return err_new(ERR_BUSY, "%s already published by another worker",
                       source_key(pull->source));
    pull->is_live = 1;
    if (publication_open(pull->publication) != 0) {
        pull->is_live = 0;
        pull_over(pull);
        return err_new(ERR_BUSY, "%s already published on this server", source_key(pull->source));
    }
    if (pull->is_marked)
        source_filled(pull->source);
    if (pull->options.is_worker)
        source_promise(pull->source, (pull->flags & 4) != 0, (pull->flags & 1) != 0);
    pull->live_at = co_now();
    for (int i = 0; i < pull->target_count; i++)
        pull->target[i].was_waited = pull->target[i].was_failed = 0;
    pull_enter(pull);
    log_info(pull->server->log, "pull %s: receiving from %s", source_key(pull->source),
             pull->target[pull->at].show);
    return NULL;
}

static void pull_push(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len)
{
    struct frame frame;

    flv_frame_parse(&frame, type, timestamp, data, len);
    if (pull->past != NULL)
        pull_dedup_note(pull->past, &frame);
    pull_past_note(pull, &frame);
    source_push(pull->source, &frame, co_now());
}

/* Whether this frame is held until the origin sends something new. */
static int pull_holds(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len)
{
    struct frame frame;

    if (pull->past == NULL)
        return 0;
    flv_frame_parse(&frame, type, timestamp, data, len);
    return pull_dedup_hold(pull->past, &frame, co_now());
}

static void pull_push_held(struct pull *pull)
{
    struct frame frame;
    size_t at = 0;

    while (pull->past != NULL && pull_dedup_take(pull->past, &at, &frame))
        source_push(pull->source, &frame, co_now());
    pull_past_began(pull);
    if (pull->past != NULL)
        pull_dedup_begin(pull->past);
}

/* Whether a script tag is onMetaData: other servers also use script tags that are not part of the
 * stream. */
static int is_meta(const uint8_t *data, size_t len)
{
    static const char name[] = "\x02\x00\x0aonMetaData";

    return len >= sizeof(name) - 1 && memcmp(data, name, sizeof(name) - 1) == 0;
}

/* Whether a script tag is a data message of the stream (onTextData, onCuePoint, …). */
static int is_data(const uint8_t *data, size_t len)
{
    return meta_data_message(data, len, &len) != NULL;
}

/* The mark that a Millrace server sends after the cached part of a stream. */
static int is_mark(const uint8_t *data, size_t len)
{
    return len == MUX_LIVE_MARK_SIZE && memcmp(data, MUX_LIVE_MARK, len) == 0;
}

static void pull_filled(struct pull *pull)
{
    pull->is_marked = pull->is_ours = 1;
    pull->is_filling = 0;
    if (pull->is_live)
        source_filled(pull->source);
}

void pull_forget_meta(struct pull *pull)
{
    free(pull->meta);
    pull->meta = NULL;
    pull->meta_len = 0;
}

static void pull_keep_meta(struct pull *pull, const uint8_t *data, size_t len)
{
    if (len > SOURCE_META_MAX)
        return;
    pull_forget_meta(pull);
    pull->meta = malloc(len);
    if (pull->meta == NULL)
        return;
    memcpy(pull->meta, data, len);
    pull->meta_len = len;
}

struct err *pull_take(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len)
{
    struct err *err;

    if (pull->is_stopping)
        return err_new(ERR_INTERRUPTED, "stopped");
    if (type == FRAME_SCRIPT && !is_meta(data, len)) {
        if (is_mark(data, len))
            pull_filled(pull);
        else if (pull->is_live && is_data(data, len))
            pull_push(pull, type, timestamp, data, len);
        return NULL;
    }
    if (type == FRAME_SCRIPT && !pull->is_live) {
        pull_keep_meta(pull, data, len);
        return NULL;
    }
    if (!pull->is_live && pull_holds(pull, type, timestamp, data, len)) {
        pull->media_at = co_now();
        return NULL;
    }
    if (!pull->is_live) {
        err = pull_past_check(pull);
        if (err == NULL)
            err = pull_publish(pull);
        if (err != NULL)
            return err;
        if (pull->meta != NULL)
            pull_push(pull, FRAME_SCRIPT, timestamp, pull->meta, pull->meta_len);
        pull_forget_meta(pull);
        pull_push_held(pull);
    }
    pull_past_watch(pull);
    if (type != FRAME_SCRIPT)
        pull->media_at = co_now();
    pull_push(pull, type, timestamp, data, len);
    return source_has_lost_header(pull->source) ? err_new(ERR_NOMEM, "sequence header") : NULL;
}

void pull_linger(struct pull *pull)
{
    if (pull->is_live && !pull->is_stopping)
        publication_linger(pull->publication, PUBLICATION_LINGER);
}

void pull_unpublish(struct pull *pull)
{
    if (!pull->is_live)
        return;
    pull->is_live = 0;
    pull_unlist(pull);
    publication_close(pull->publication);
    pull_over(pull);
}
