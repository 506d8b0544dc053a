/*
 * H.264 parameter sets in-band. FLV players ignore a second sequence header, so changed parameter
 * sets go into the stream as NAL units before those of the keyframe. Formats that follow changes by
 * themselves get the keyframe without them.
 */
#include "live/parameter_sets.h"

#include "media/avc.h"
#include "media/flv.h"

#include <stdlib.h>
#include <string.h>

int parameter_sets_fit(const struct blob *old, const struct blob *new)
{
    struct avc_config *config = malloc(2 * sizeof(*config));
    struct frame a;
    struct frame b;
    int fits;

    if (config == NULL || old == NULL || new == NULL) {
        free(config);
        return 0;
    }
    flv_frame_parse(&a, FRAME_VIDEO, 0, old->data, old->len);
    flv_frame_parse(&b, FRAME_VIDEO, 0, new->data, new->len);
    fits = a.codec == CODEC_H264 && b.codec == CODEC_H264 &&
           avc_config_parse(&config[0], a.payload, a.payload_len) == SCAN_DONE &&
           avc_config_parse(&config[1], b.payload, b.payload_len) == SCAN_DONE &&
           config[0].nal_length_size == config[1].nal_length_size &&
           avc_config_nals_size(&config[1]) > 0;
    free(config);
    return fits;
}

uint8_t *parameter_sets_insert(const struct frame *frame, const struct blob *header, size_t *len)
{
    struct avc_config *config = malloc(sizeof(*config));
    size_t front = (size_t)(frame->payload - frame->data);
    struct frame parsed;
    uint8_t *out = NULL;
    size_t nals;

    flv_frame_parse(&parsed, FRAME_VIDEO, 0, header->data, header->len);
    if (config != NULL &&
        avc_config_parse(config, parsed.payload, parsed.payload_len) == SCAN_DONE) {
        nals = avc_config_nals_size(config);
        *len = frame->len + nals;
        out = nals > 0 && *len <= FLV_BODY_MAX ? malloc(*len) : NULL;
        if (out != NULL) {
            memcpy(out, frame->data, front);
            avc_config_nals_write(config, out + front);
            memcpy(out + front + nals, frame->payload, frame->payload_len);
        }
    }
    free(config);
    return out;
}

uint8_t *parameter_sets_remove(const struct frame *frame, const struct blob *header, size_t *len)
{
    size_t front = (size_t)(frame->payload - frame->data);
    struct frame empty = *frame;
    uint8_t *with = NULL;
    size_t sets = 0;

    /* What the keyframe begins with if they were inserted. */
    empty.len = front;
    empty.payload_len = 0;
    with = parameter_sets_insert(&empty, header, &sets);
    if (with == NULL || frame->len < sets || memcmp(frame->data, with, sets) != 0) {
        free(with);
        return NULL;
    }
    free(with);
    *len = frame->len - (sets - front);
    with = malloc(*len > 0 ? *len : 1);
    if (with != NULL) {
        memcpy(with, frame->data, front);
        memcpy(with + front, frame->data + sets, frame->len - sets);
    }
    return with;
}
