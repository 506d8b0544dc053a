/*
 * Splits audio and video messages into tracks ("Enhanced RTMP v2", multitrack). The main track of
 * each kind is the one with the lowest id. It decides what the header announces, where viewers
 * begin and when responses end, and goes through source_push_main.c as an ordinary message. The
 * others are extra tracks: renditions that selected one get it as an ordinary message, too
 * (source_select.c).
 *
 * Other servers and ?track=all get the publisher's own messages. A source with several tracks keeps
 * a rendition of these, `full`, from which later renditions are filled.
 */
#include "live/source_push.h"
#include "media/flv.h"
#include "media/flv_tracks.h"

static uint8_t frame_track(const struct frame *frame)
{
    return frame->is_multi ? frame->track : 0;
}

/* Forgets tracks that are gone: renditions that selected one get the default track. */
static void drop_gone(struct source *source)
{
    if (!extra_track_drop_gone(source))
        return;
    source_select_again(source);
    source_init_data_renew(source);
}

/*
 * Records a track of the message: `ordinary` is the track alone, `original` the whole message, for
 * its first track only, else NULL. 1 when the sequence header changed.
 */
static int extra_note(struct source *source, enum jitter_track which, uint8_t id,
                      const struct frame *ordinary, const struct frame *original)
{
    struct extra_track *extra = NULL;
    int is_new;
    int is_changed;

    if (ordinary->len <= EXTRA_TRACK_HEADER_MAX || !ordinary->is_header)
        extra = extra_track_get(source, which, id);
    if (extra == NULL ||
        (original != NULL && original->is_header && original->len > EXTRA_TRACK_HEADER_MAX)) {
        source_count_drop(source);
        return 0;
    }
    is_new = extra->codec == CODEC_NONE;
    extra->codec = ordinary->codec;
    extra->is_seen = 1;
    extra->last_ms = source->jitter.last;
    if (is_new)
        source_select_again(source);
    if (!ordinary->is_header)
        return 0;
    is_changed = blob_replace(&extra->header, ordinary->data, ordinary->len);
    if (original != NULL)
        is_changed |= blob_replace(&extra->original, original->data, original->len);
    return is_changed;
}

/* ---- which track is the stream ---- */

/* Whether this track becomes the main one: it has a lower id, and viewers can begin with this
 * frame. */
static int takes_lead(const struct source_track *track, uint8_t id, const struct frame *frame)
{
    if (!track->is_seen || !track->has_main)
        return 1;
    if (id >= track->main)
        return 0;
    if (!track->has_frames)
        return 1;
    return !frame->is_header && (frame->type == FRAME_AUDIO || frame->is_key);
}

/* Makes the track the main one; its sequence header may have come before. */
static void take_lead(struct source *source, enum jitter_track which, uint8_t id,
                      const struct frame *ordinary, usec_t now)
{
    struct source_track *track = &source->track[which];
    const struct extra_track *extra = extra_track_find(source, which, id);
    struct frame header;

    if (!track->has_main || track->main != id) {
        track->has_main = 1;
        track->main = id;
        source_select_again(source);
    }
    if (!track->is_seen || ordinary->is_header || extra == NULL || extra->header == NULL)
        return;
    flv_frame_parse(&header, ordinary->type, ordinary->timestamp, extra->header->data,
                    extra->header->len);
    /* Renditions of all tracks already got it. */
    source->original_sent = 1;
    source_push_main(source, &header, now);
    source->original_sent = 0;
}

/* ---- a message ---- */

/* State shared by the tracks of one message. */
struct av_message {
    const struct frame *frame;
    int64_t ms; /* of extra tracks; < 0: not known yet */
    int is_changed;
    int is_first;
};

static int64_t message_ms(struct source *source, enum jitter_track which,
                          struct av_message *message)
{
    if (message->ms < 0)
        message->ms = jitter_follow(&source->jitter, which, message->frame->timestamp);
    return message->ms;
}

static void push_track(struct source *source, enum jitter_track which, uint8_t id,
                       const struct frame *ordinary, struct av_message *message, usec_t now)
{
    struct source_track *track = &source->track[which];
    int is_single = !message->frame->is_multi;
    int is_main = is_single && track->has_main && track->main == id && track->is_seen;
    int is_changed = 0;

    /* The main track as ordinary messages needs no entry in the list. */
    if (!is_main || extra_track_find(source, which, id) != NULL)
        is_changed =
            extra_note(source, which, id, ordinary, message->is_first ? message->frame : NULL);
    message->is_first = 0;
    message->is_changed |= is_changed;
    if (takes_lead(track, id, ordinary))
        take_lead(source, which, id, ordinary, now);
    if (track->main == id)
        source_push_main(source, ordinary, now);
    else
        source_select_push(source, which, id, ordinary, is_changed,
                           message_ms(source, which, message), now);
}

/* Renditions that get messages as published also get one without the main track. */
static void pass_message(struct source *source, enum jitter_track which, struct av_message *message,
                         usec_t now)
{
    struct frame plain = *message->frame;

    if (source->original_sent || (plain.is_header && !message->is_changed))
        return;
    plain.is_key = 0;
    renditions_push_all_tracks(source, &plain, message_ms(source, which, message), now);
}

static void split_message(struct source *source, enum jitter_track which,
                          struct av_message *message, usec_t now)
{
    const struct frame *frame = message->frame;
    struct flv_tracks tracks;
    struct flv_track track;

    if (flv_tracks_open(&tracks, frame) != 0)
        return;
    while (flv_tracks_next(&tracks, &track) == 1) {
        struct frame ordinary;
        struct buf body;

        buf_init(&body, FLV_BODY_MAX);
        if (flv_tracks_unwrap(&tracks, &track, &body, &ordinary) == 0)
            push_track(source, which, track.id, &ordinary, message, now);
        buf_fini(&body);
    }
}

/* Not inlined: streams of one track skip this, and its stack frame. */
static __attribute__((noinline)) void push_tracks(struct source *source, enum jitter_track which,
                                                  const struct frame *frame, usec_t now)
{
    struct av_message message = {.frame = frame, .ms = -1, .is_first = 1};

    if (frame->is_multi) {
        source->has_extra_tracks = 1;
        source_rendition_make_full(source, now);
    }
    source->original = frame;
    source->original_sent = 0;
    if (frame->is_multi)
        split_message(source, which, &message, now);
    else
        push_track(source, which, frame_track(frame), frame, &message, now);
    source->original = NULL;
    pass_message(source, which, &message, now);
    if (message.is_changed)
        source_init_data_renew(source);
    if (!frame->is_header)
        drop_gone(source);
}

void source_push_av(struct source *source, const struct frame *frame, usec_t now)
{
    enum jitter_track which = frame->type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;

    if (frame->is_multi || source->has_extra_tracks) {
        push_tracks(source, which, frame, now);
        return;
    }
    source->track[which].has_main = 1;
    source->track[which].main = 0;
    source_push_main(source, frame, now);
}
