/*
 * The formats by their file name's extension. A format is one row here and one
 * file of its own.
 */
#include "media/mux.h"

#include <stddef.h>
#include <string.h>

static const struct mux *const formats[] = {&mux_flv, &mux_ts, &mux_mp3, &mux_aac};

const struct mux *mux_find(const char *extension)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i]->extension, extension) == 0)
            return formats[i];
    return NULL;
}
