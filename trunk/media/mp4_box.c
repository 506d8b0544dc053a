/*
 * Boxes of ISO/IEC 14496-12, 4.2, into a buffer of the caller. A box that does not fit makes the
 * writer bad, which the caller checks once, at the end.
 */
#include "media/mp4_box.h"

#include <assert.h>

uint8_t *mp4_box_begin(struct bytes_out *o, const char *type)
{
    uint8_t *box = o->p;

    assert(type != NULL && strlen(type) == 4);
    bytes_put_u32(o, 0);
    bytes_put(o, type, 4);
    return o->bad ? NULL : box;
}

uint8_t *mp4_box_begin_full(struct bytes_out *o, const char *type, uint8_t version, uint32_t flags)
{
    uint8_t *box = mp4_box_begin(o, type);

    bytes_put_u8(o, version);
    bytes_put_u24(o, flags);
    return box;
}

void mp4_box_end(struct bytes_out *o, uint8_t *box)
{
    struct bytes_out size;

    if (o->bad || box == NULL)
        return;
    size = bytes_out_of(box, 4);
    bytes_put_u32(&size, (uint32_t)(o->p - box));
}

void mp4_box_zero(struct bytes_out *o, size_t n)
{
    uint8_t *p = bytes_room(o, n);

    if (p != NULL)
        memset(p, 0, n);
}
