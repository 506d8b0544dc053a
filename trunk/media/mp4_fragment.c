/*
 * A movie fragment of one sample (ISO/IEC 14496-12, 8.8; a chunk of ISO/IEC 23000-19, 7.3.2.3):
 * each frame is sent as soon as it comes. Its decoding time is absolute (tfdt of 64 bits), so that
 * a viewer can begin at any keyframe and continue after a gap; the composition offset is signed
 * (trun version 1).
 */
#include "media/mp4_fragment.h"

#include "media/mp4_box.h"

#include <assert.h>

#define TFHD_BASE_IS_MOOF 0x020000
#define TRUN_DATA_OFFSET  0x000001
#define TRUN_DURATION     0x000100
#define TRUN_SIZE         0x000200
#define TRUN_FLAGS        0x000400
#define TRUN_OFFSET       0x000800
/* 8.8.3.1: a sync sample that depends on no other; one that depends on others. */
#define FLAGS_KEY   0x02000000
#define FLAGS_OTHER 0x01010000
/* moof, mfhd, traf and the beginning of tfhd precede the track's id. */
#define TRACK_AT (MP4_BOX_HEADER + 16 + MP4_BOX_HEADER + 12)

static void put_trun(struct bytes_out *o, const struct mp4_fragment *fragment, const uint8_t *moof)
{
    uint32_t flags = TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE;
    uint8_t *box, *data_offset;

    if (fragment->is_video)
        flags |= TRUN_FLAGS;
    if (fragment->offset != 0)
        flags |= TRUN_OFFSET;
    box = mp4_box_begin_full(o, "trun", 1, flags);
    bytes_put_u32(o, 1);
    data_offset = bytes_room(o, 4);
    bytes_put_u32(o, fragment->duration);
    bytes_put_u32(o, fragment->size);
    if (fragment->is_video)
        bytes_put_u32(o, fragment->is_key ? FLAGS_KEY : FLAGS_OTHER);
    if (fragment->offset != 0)
        bytes_put_u32(o, (uint32_t)fragment->offset);
    mp4_box_end(o, box);
    if (data_offset != NULL) {
        struct bytes_out at = bytes_out_of(data_offset, 4);

        bytes_put_u32(&at, (uint32_t)(o->p - moof) + MP4_BOX_HEADER);
    }
}

size_t mp4_fragment_write(const struct mp4_fragment *fragment, uint8_t out[MP4_FRAGMENT_HEAD_MAX])
{
    struct bytes_out o = bytes_out_of(out, MP4_FRAGMENT_HEAD_MAX);
    uint8_t *moof, *traf, *box;

    assert(fragment != NULL && fragment->size <= MP4_FRAGMENT_SAMPLE_MAX);
    moof = mp4_box_begin(&o, "moof");
    box = mp4_box_begin_full(&o, "mfhd", 0, 0);
    bytes_put_u32(&o, fragment->sequence);
    mp4_box_end(&o, box);
    traf = mp4_box_begin(&o, "traf");
    box = mp4_box_begin_full(&o, "tfhd", 0, TFHD_BASE_IS_MOOF);
    bytes_put_u32(&o, fragment->track);
    mp4_box_end(&o, box);
    box = mp4_box_begin_full(&o, "tfdt", 1, 0);
    bytes_put_be(&o, fragment->dts, 8);
    mp4_box_end(&o, box);
    put_trun(&o, fragment, moof);
    mp4_box_end(&o, traf);
    mp4_box_end(&o, moof);
    bytes_put_u32(&o, fragment->size + MP4_BOX_HEADER);
    bytes_put(&o, "mdat", 4);
    assert(!o.bad);
    return (size_t)(o.p - out);
}

size_t mp4_fragment_read(const uint8_t *p, size_t len, uint32_t *track)
{
    struct bytes b = bytes_of(p, len);
    size_t moof = bytes_u32(&b);
    size_t mdat;

    if (b.bad || moof < TRACK_AT + 4 || moof > len || memcmp(p + 4, "moof", 4) != 0)
        return 0;
    b = bytes_of(p + moof, len - moof);
    mdat = bytes_u32(&b);
    if (b.bad || mdat < MP4_BOX_HEADER || mdat > len - moof)
        return 0;
    b = bytes_of(p + TRACK_AT, 4);
    *track = bytes_u32(&b);
    return moof + mdat;
}
