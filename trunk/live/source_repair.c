/*
 * Encoders that send H.264 or HEVC malformed in ways that are known (media/nal_repair.c): their
 * messages are repaired once, before any format is made of them, and the events are told once per
 * publication.
 */
#include "live/source_private.h"
#include "media/flv.h"

#include <assert.h>

static void repair_tell(struct source *source, enum nal_fault fault)
{
    if (source->has_repaired)
        return;
    source->has_repaired = 1;
    if (source->events.on_repair != NULL)
        source->events.on_repair(source, nal_fault_name(fault), source->events.arg);
}

int source_repair(struct source *source, const struct frame *frame, usec_t now)
{
    enum nal_fault fault = nal_repair_look(&source->repair, frame);
    struct frame sound;
    struct buf body;

    assert(source->config.repairs);
    if (fault == NAL_SOUND)
        return 0;
    repair_tell(source, fault);
    buf_init(&body, FLV_BODY_MAX);
    if (nal_repair_write(&source->repair, frame, fault, &body) == 0) {
        flv_frame_parse(&sound, frame->type, frame->timestamp, buf_data(&body), body.len);
        source_push_sound(source, &sound, now);
    } else {
        source_count_drop(source);
    }
    buf_fini(&body);
    return 1;
}
