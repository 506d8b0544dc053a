/*
 * Time stamps (media/stamp.h): once a second, a frame is followed by the time at which it reached
 * the server. The stamp is in the rings, at the frame's own position, so it is right for a viewer
 * that begins in the past, too. It causes no write of its own: it goes out with its frame.
 *
 * Only the first server knows when a frame arrived. Servers and workers that pull the stream pass
 * its stamps on, with the presentation time moved to their own timeline, and add none as long as
 * they come.
 */
#include "live/source_push.h"
#include "media/flv.h"
#include "media/stamp.h"

#include <assert.h>

#define STAMP_EVERY_US USEC_PER_SEC
/* A pull whose origin sends stamps: it may miss some before the server adds its own. */
#define STAMP_RELAYED_US (5 * USEC_PER_SEC)

static int is_pull(const struct source *source)
{
    return source->config.is_worker_pull || source->config.keeps_time;
}

static void source_stamp_push(struct source *source, const struct stamp *stamp, int64_t ms,
                              usec_t now)
{
    uint8_t body[STAMP_MAX];
    struct frame frame;

    flv_frame_parse(&frame, FRAME_SCRIPT, (uint32_t)ms, body, stamp_write(stamp, body));
    renditions_push_stamp(source, &frame, ms, now);
}

/* From the track's configuration record; 4 if it says nothing. */
static int nal_length_size(const struct source_track *track)
{
    struct frame header;
    size_t at;

    if (track->header == NULL)
        return 4;
    flv_frame_parse(&header, FRAME_VIDEO, 0, track->header->data, track->header->len);
    at = header.codec == CODEC_HEVC ? 21 : 4;
    return header.payload_len > at ? (header.payload[at] & 3) + 1 : 4;
}

void source_stamp(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    const struct source_track *video = &source->track[JITTER_VIDEO];
    struct stamp stamp = {.pts_ms = ms + frame->cts};

    if (now < source->stamp_at || source->events.on_stamp == NULL)
        return;
    /* The past, which a pull gets first, arrived at another time. */
    if (source->is_filling || (frame->type == FRAME_AUDIO && video->codec != CODEC_NONE))
        return;
    /* A pull waits for the stamps of its origin first. */
    if (is_pull(source) && now - source->stat.published_at < STAMP_RELAYED_US)
        return;
    source->stamp_at = now + STAMP_EVERY_US;
    stamp.time_ms = source->events.on_stamp(source, source->events.arg);
    if (stamp.time_ms <= 0 || stamp.pts_ms < 0)
        return;
    if (frame->type == FRAME_VIDEO)
        stamp.encoder_ms = stamp_encoder_ms(frame, nal_length_size(video));
    source_stamp_push(source, &stamp, ms, now);
}

int source_stamp_relay(struct source *source, const struct frame *frame, usec_t now)
{
    struct stamp stamp;
    int64_t ms;

    if (!stamp_is(frame->data, frame->len))
        return 0;
    if (!is_pull(source) || stamp_read(frame->data, frame->len, &stamp) != 0)
        return 1;
    ms = jitter_data(&source->jitter, frame->timestamp);
    stamp.pts_ms += ms - (int64_t)frame->timestamp;
    if (stamp.pts_ms < 0)
        return 1;
    source->stamp_at = now + STAMP_RELAYED_US;
    source_stamp_push(source, &stamp, ms, now);
    return 1;
}
