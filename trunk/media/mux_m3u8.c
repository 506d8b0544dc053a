/*
 * HLS as a format that a mount can have: its address is that of a playlist (RFC 8216), whose
 * segments are cut out of the TS rendition. So it carries what TS carries, and has no muxer of its
 * own.
 */
#include "media/mux.h"

static int mux_m3u8_carries(enum codec codec)
{
    return mux_ts.carries(codec);
}

const struct mux mux_m3u8 = {
    .name = "hls",
    .extension = ".m3u8",
    .content_type = "application/vnd.apple.mpegurl",
    .kind = MUX_PLAYLIST,
    .carries = mux_m3u8_carries,
};
