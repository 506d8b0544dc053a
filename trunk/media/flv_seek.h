#ifndef MEDIA_FLV_SEEK_H
#define MEDIA_FLV_SEEK_H

/*
 * Finds the places in an FLV file at which a player can begin. The file is read through a
 * callback, a bounded number of bytes in all, and nothing in it is trusted: offsets, sizes and the
 * index in its metadata may be wrong, truncated or forged.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/yield.h"

#include <stddef.h>
#include <stdint.h>

struct flv_file {
    uint64_t size;
    /* Up to len bytes from offset on; *got is 0 at the end. 0 or -1. May switch coroutine. */
    MAY_YIELD int (*read)(void *arg, uint64_t offset, void *buf, size_t len, size_t *got);
    void *arg;
};

enum flv_seek_status {
    FLV_SEEK_DONE,
    FLV_SEEK_BEYOND, /* there is no such place before the end */
    FLV_SEEK_BAD,    /* not an FLV file */
    FLV_SEEK_FAILED  /* it could not be read, or not within the limits */
};

struct flv_seek;

/* file is borrowed. NULL without memory. */
struct flv_seek *flv_seek_new(const struct flv_file *file);
void flv_seek_free(struct flv_seek *seek);

/*
 * To be called first: reads the file's beginning and appends the init data to out: the FLV header
 * and the sequence headers, at time 0. Yields where the callback does, as the next two.
 */
MAY_YIELD enum flv_seek_status flv_seek_open(struct flv_seek *seek, struct buf *out);

/* The offset of the first tag at or after `start` that a player can begin with: a keyframe, or any
 * audio where there is no video. */
MAY_YIELD enum flv_seek_status flv_seek_byte(struct flv_seek *seek, uint64_t start,
                                             uint64_t *offset);

/* The last such tag that is not later than ms after the file's first; BEYOND if it ends before. */
MAY_YIELD enum flv_seek_status flv_seek_time(struct flv_seek *seek, uint64_t ms, uint64_t *offset);

#endif
