/*
 * Repairs messages of encoders that send H.264 or HEVC malformed in known ways
 * (media/nal_repair.c): once, before any format is made of them. on_repair is called once per
 * publication.
 */
#include "live/source_push.h"
#include "media/flv.h"

#include <assert.h>

int source_repair(struct source *source, const struct frame *frame, usec_t now)
{
    enum nal_fault fault = nal_repair_look(&source->repair, frame);
    struct frame repaired;
    struct buf body;

    assert(source->config.repairs);
    if (fault == NAL_INTACT)
        return 0;
    source_report_repair(source, nal_repair_fault_name(fault));
    buf_init(&body, FLV_BODY_MAX);
    if (nal_repair_write(&source->repair, frame, fault, &body) == 0) {
        flv_frame_parse(&repaired, frame->type, frame->timestamp, buf_data(&body), body.len);
        source_mix_push(source, &repaired, now);
    } else {
        source_count_drop(source);
    }
    buf_fini(&body);
    return 1;
}
