#ifndef MEDIA_MP4_BOX_H
#define MEDIA_MP4_BOX_H

/*
 * Boxes of ISO/IEC 14496-12 (4.2): a size, a type, contents, which may be boxes. The size is
 * written when the box ends. Pure.
 */
#include "base/bytes.h"

#define MP4_BOX_HEADER 8

/* Begins a box of this type (4 characters); mp4_box_end() needs the place that this returns (NULL:
 * no room, then `o` is bad). */
uint8_t *mp4_box_begin(struct bytes_out *o, const char *type);
/* The same for a FullBox, with its version and flags. */
uint8_t *mp4_box_begin_full(struct bytes_out *o, const char *type, uint8_t version, uint32_t flags);
void mp4_box_end(struct bytes_out *o, uint8_t *box);

/* n bytes of zero. */
void mp4_box_zero(struct bytes_out *o, size_t n);

#endif
