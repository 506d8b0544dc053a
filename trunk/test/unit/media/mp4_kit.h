#ifndef TEST_MP4_KIT_H
#define TEST_MP4_KIT_H

/* What the tests of MP4 share: boxes found by their path, numbers read from them. */
#include "base/bytes.h"

#include <check.h>

/* The contents of the first box of this path ("moov/trak/tkhd") inside p; NULL: there is none. The
 * boxes are asserted to fill what contains them exactly. `skip`: so many boxes of the path's first
 * type precede it. */
static inline const uint8_t *mp4_find_nth(const uint8_t *p, size_t len, const char *path,
                                          unsigned skip, size_t *found)
{
    const uint8_t *at = p, *out = NULL;

    while (at < p + len) {
        struct bytes b = bytes_of(at, (size_t)(p + len - at));
        size_t size = bytes_u32(&b);

        ck_assert(!b.bad && size >= 8 && size <= (size_t)(p + len - at));
        if (out == NULL && memcmp(at + 4, path, 4) == 0 && skip-- == 0) {
            out = at + 8;
            *found = size - 8;
        }
        at += size;
    }
    if (out == NULL || path[4] == '\0')
        return out;
    return mp4_find_nth(out, *found, path + 5, 0, found);
}

static inline const uint8_t *mp4_find(const uint8_t *p, size_t len, const char *path, size_t *found)
{
    return mp4_find_nth(p, len, path, 0, found);
}

static inline uint64_t mp4_number(const uint8_t *p, size_t n)
{
    struct bytes b = bytes_of(p, n);

    return bytes_be(&b, n);
}

/* A fragment of one sample, taken apart. */
struct mp4_seen {
    uint32_t sequence, track, duration, flags;
    uint64_t dts;
    int32_t offset;
    const uint8_t *sample;
    size_t len;
    size_t size; /* of the whole fragment */
};

/* The fragment at p. */
static inline void mp4_take_apart(const uint8_t *p, size_t len, struct mp4_seen *out)
{
    size_t moof = (size_t)mp4_number(p, 4), n;
    const uint8_t *box;
    uint32_t flags;

    memset(out, 0, sizeof(*out));
    ck_assert_mem_eq(p + 4, "moof", 4);
    ck_assert_uint_lt(moof + 8, len + 1);
    box = mp4_find(p, moof, "moof/mfhd", &n);
    ck_assert(box != NULL && n == 8);
    out->sequence = (uint32_t)mp4_number(box + 4, 4);
    box = mp4_find(p, moof, "moof/traf/tfhd", &n);
    ck_assert(box != NULL && n == 8 && mp4_number(box, 4) == 0x020000);
    out->track = (uint32_t)mp4_number(box + 4, 4);
    box = mp4_find(p, moof, "moof/traf/tfdt", &n);
    ck_assert(box != NULL && n == 12 && box[0] == 1);
    out->dts = mp4_number(box + 4, 8);
    box = mp4_find(p, moof, "moof/traf/trun", &n);
    ck_assert(box != NULL && box[0] == 1 && mp4_number(box + 4, 4) == 1);
    flags = (uint32_t)mp4_number(box, 4) & 0xffffff;
    ck_assert_uint_eq(flags & 0x301, 0x301);
    ck_assert_uint_eq(mp4_number(box + 8, 4), moof + 8);
    out->duration = (uint32_t)mp4_number(box + 12, 4);
    out->len = (size_t)mp4_number(box + 16, 4);
    box += 20;
    if (flags & 0x400) {
        out->flags = (uint32_t)mp4_number(box, 4);
        box += 4;
    }
    if (flags & 0x800)
        out->offset = (int32_t)(uint32_t)mp4_number(box, 4);
    ck_assert_uint_eq(mp4_number(p + moof, 4), out->len + 8);
    ck_assert_mem_eq(p + moof + 4, "mdat", 4);
    out->sample = p + moof + 8;
    out->size = moof + 8 + out->len;
    ck_assert_uint_le(out->size, len);
}

#endif
