/*
 * Script tags: metadata, which describes the stream, and data messages, which are part of it.
 *
 * Metadata (onMetaData) is init data of each FLV viewer and never goes into the ring: players
 * mishandle it at another time than 0. Data messages (onTextData, onCuePoint and any other name) go
 * into every ring that can carry them, at their time.
 */
#include "base/buf.h"
#include "base/version.h"
#include "live/source_push.h"
#include "media/flv.h"

/* atc_auto: keeps timestamps as published from here on. */
static void source_keep_times(struct source *source)
{
    if (source->config.time_jitter == TIME_JITTER_OFF)
        return;
    source->config.time_jitter = TIME_JITTER_OFF;
    source->jitter.mode = TIME_JITTER_OFF;
}

/* Stores the body of onMetaData for viewers. */
static void source_take_meta(struct source *source, const struct frame *frame,
                             const struct buf *body, const struct meta_facts *facts, usec_t now)
{
    struct blob *meta = blob_new(buf_data(body), body->len);
    struct frame cleaned = *frame;

    if (meta == NULL)
        return;
    blob_unref(source->meta);
    source->meta = meta;
    source->meta_is_made = 0;
    if (source->config.atc_auto && facts->is_absolute)
        source_keep_times(source);
    cleaned.data = meta->data;
    cleaned.len = meta->len;
    renditions_push_original(source, &cleaned, source->jitter.last, now);
}

static void source_take_data(struct source *source, const struct frame *frame, usec_t now)
{
    struct frame message = *frame;
    int64_t ms = jitter_data(&source->jitter, frame->timestamp);

    message.data = meta_data_message(frame->data, frame->len, &message.len);
    if (message.data == NULL || message.len > SOURCE_META_MAX) {
        /* RTMP players also get messages that are meant for servers, as they always have. */
        renditions_push_original(source, frame, ms, now);
        return;
    }
    message.payload = message.data;
    message.payload_len = message.len;
    renditions_push_flv(source, &message, ms, now);
    renditions_push_original(source, &message, ms, now);
}

void source_push_script(struct source *source, const struct frame *frame, usec_t now)
{
    struct meta_facts facts;
    struct buf body;

    if (frame->len == 0 || frame->len > FLV_BODY_MAX) {
        source_count_drop(source);
        return;
    }
    buf_init(&body, SOURCE_META_MAX);
    if (meta_rewrite(frame->data, frame->len, MILLRACE_NAME "/" MILLRACE_VERSION, &body, &facts) ==
        SCAN_DONE)
        source_take_meta(source, frame, &body, &facts, now);
    else
        source_take_data(source, frame, now);
    buf_fini(&body);
}
