#ifndef MEDIA_MP4_INIT_H
#define MEDIA_MP4_INIT_H

/* The beginning of a fragmented MP4: file type and movie header. Pure. */
#include "media/mp4_track.h"

#include <stddef.h>
#include <stdint.h>

/* Ids of the tracks. */
#define MP4_INIT_VIDEO 1
#define MP4_INIT_AUDIO 2

/* No less than mp4_init_write() needs for these tracks. */
size_t mp4_init_size_max(const struct mp4_track *video, const struct mp4_track *audio);

/* Writes ftyp and moov for the tracks that exist. Returns the length; 0: there is no track, or cap
 * is too small. */
size_t mp4_init_write(const struct mp4_track *video, const struct mp4_track *audio, uint8_t *out,
                      size_t cap);

#endif
