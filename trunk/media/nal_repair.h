#ifndef MEDIA_NAL_REPAIR_H
#define MEDIA_NAL_REPAIR_H

/*
 * Repairs H.264 and HEVC messages that some encoders send malformed: start codes (annex B) where
 * lengths belong, in pictures or in the sequence header, and empty NAL units. A first pass finds
 * the fault, a second one writes the repaired message. Pure; time and memory are linear in the
 * message.
 */
#include "base/buf.h"
#include "media/frame.h"

enum nal_fault {
    NAL_INTACT = 0,
    NAL_START_CODES, /* a picture with start codes instead of lengths */
    NAL_EMPTY_UNITS, /* a picture with NAL units of no bytes */
    NAL_RAW_HEADER   /* a sequence header of parameter sets with start codes */
};

/* Properties of the sequence header; all zero: there was none, and lengths have 4 bytes. */
struct nal_repair {
    uint8_t nal_length_size;
};

/* Finds the message's fault; remembers a valid sequence header for the pictures that follow. */
enum nal_fault nal_repair_look(struct nal_repair *repair, const struct frame *frame);

/* The fault's description for a log line (constant). */
const char *nal_repair_fault_name(enum nal_fault fault);

/*
 * Appends the whole message, repaired, to `out`, which must be empty. 0, or -1 when nothing is left
 * of it, a NAL unit is too long for its length field, a parameter set is missing or malformed, or
 * it does not fit the buffer; then the content of `out` is undefined.
 */
int nal_repair_write(struct nal_repair *repair, const struct frame *frame, enum nal_fault fault,
                     struct buf *out);

#endif
