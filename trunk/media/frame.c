/*
 * The names of codecs: those that SRS consoles already show, so that API clients that compare
 * strings continue to work; for codecs that these consoles never supported, the usual names.
 */
#include "media/frame.h"

#include <stddef.h>

static const char *const CODEC_NAMES[CODEC_MAX] = {
    [CODEC_NONE] = "None", [CODEC_OTHER] = "Other", [CODEC_H264] = "H264", [CODEC_HEVC] = "HEVC",
    [CODEC_VVC] = "VVC",   [CODEC_AV1] = "AV1",     [CODEC_VP8] = "VP8",   [CODEC_VP9] = "VP9",
    [CODEC_AAC] = "AAC",   [CODEC_MP3] = "MP3",     [CODEC_OPUS] = "Opus", [CODEC_AC3] = "AC3",
    [CODEC_EAC3] = "EAC3", [CODEC_FLAC] = "FLAC",
};

const char *frame_codec_name(enum codec codec)
{
    if ((unsigned)codec >= CODEC_MAX)
        return CODEC_NAMES[CODEC_OTHER];
    return CODEC_NAMES[codec];
}
