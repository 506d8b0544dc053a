#ifndef MEDIA_FLV_RECORD_H
#define MEDIA_FLV_RECORD_H

/*
 * An FLV file that is being written: tags of a stream go in, bytes of the file come out, and at the
 * end the metadata with duration, size and an index of keyframes:
 *
 *   header | onMetaData, padded with nulls | sequence headers | tags …
 *              ^ the place of the index is reserved, so that no byte moves when it is written
 *
 * Pure. Bounded: FLV_RECORD_PLACES_MAX keyframes are kept; of a longer file every second, fourth, …
 */
#include "base/buf.h"
#include "media/flv.h"

#include <stddef.h>
#include <stdint.h>

/* Both arrays of the index together stay below AMF0_VALUES_MAX. */
#define FLV_RECORD_PLACES_MAX 1500
/* Bytes of the file header and the metadata tag at most: those of a live stream's metadata, and the
 * index. */
#define FLV_RECORD_HEAD_MAX ((size_t)512 * 1024)

struct flv_record_options {
    uint32_t segment_ms; /* the file ends after so long; 0: no limit */
    int waits_key;       /* … and at a keyframe only, as long as there is video */
    int keeps_time;      /* timestamps stay as they are; else the file begins at 0 */
    const char *name;    /* "vhost/app/stream", kept in the metadata as recordedStream */
};

enum flv_record_step {
    FLV_RECORD_TAKEN,
    FLV_RECORD_CUT, /* not taken: the tag belongs into the next file */
    FLV_RECORD_FULL /* out of memory, or beyond the limit of the buffer */
};

struct flv_record;

/*
 * Begins a file with the init data of a viewer (file header, metadata, sequence headers; whole
 * tags) and appends its first bytes to out. NULL without memory, or if it is no FLV.
 */
struct flv_record *flv_record_new(const uint8_t *init, size_t len,
                                  const struct flv_record_options *options, struct buf *out);
void flv_record_free(struct flv_record *record);

/* Appends the tag as it stands in the file. */
enum flv_record_step flv_record_tag(struct flv_record *record, const struct flv_tag *tag,
                                    struct buf *out);

/* A segment ends as soon as it may: at the next keyframe. Without segments nothing happens. */
void flv_record_cut_next(struct flv_record *record);

/* Appends the final metadata, to be written at *offset. 0, or -1 without memory. */
int flv_record_meta(const struct flv_record *record, struct buf *out, uint64_t *offset);

/* Bytes of the file, its duration in ms, and whether it has audio or video. */
uint64_t flv_record_size(const struct flv_record *record);
uint32_t flv_record_duration(const struct flv_record *record);
int flv_record_has_media(const struct flv_record *record);

/*
 * A file that was not finished: head has its first bytes, FLV_RECORD_HEAD_MAX or all. *used: those
 * of file header and metadata, after which the tags follow. NULL: no file of flv_record_new(), or
 * without memory.
 */
struct flv_record *flv_record_resume(const uint8_t *head, size_t len, size_t *used);
/* The next tag of that file: its timestamp, the first bytes of its body, and the body's length. */
void flv_record_note(struct flv_record *record, const struct flv_tag *tag, size_t body_len);
/* The name in the metadata; "": none. */
const char *flv_record_name(const struct flv_record *record);

#endif
