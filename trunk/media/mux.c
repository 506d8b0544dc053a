/*
 * The formats that a mount can have, by their extension. A format is one row here and one file of
 * its own; no other place names it. An extension that ends in another one precedes it.
 */
#include "media/mux.h"

#include "base/str.h"

#include <stddef.h>
#include <string.h>

#define FORMATS(ROW) \
    ROW(mux_flv)     \
    ROW(mux_ts)      \
    ROW(mux_key_mp4) \
    ROW(mux_mp4)     \
    ROW(mux_mp3)     \
    ROW(mux_aac)     \
    ROW(mux_m3u8)

#define DECLARE(row) extern const struct mux row;
#define ADDRESS(row) &(row),

FORMATS(DECLARE)

static const struct mux *const formats[] = {FORMATS(ADDRESS)};

const struct mux *mux_find(const char *extension)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i]->extension, extension) == 0)
            return formats[i];
    return NULL;
}

const struct mux *mux_find_path(const char *path)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (str_ends(path, formats[i]->extension))
            return formats[i];
    return NULL;
}
