/*
 * Playlists as text. The version is the lowest that has what is used: 3, for durations that are not
 * whole seconds (RFC 8216, section 7). A live playlist has no EXT-X-PLAYLIST-TYPE, since segments
 * leave it.
 */
#include "live/hls_playlist.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>

#define VERSION 3

/* EXT-X-PROGRAM-DATE-TIME, ISO 8601 with ms. */
static int put_date(struct buf *out, usec_t date)
{
    time_t seconds = (time_t)(date / USEC_PER_SEC);
    struct tm tm;
    char text[40];

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return 0;
    return buf_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n", text,
                      (int)(date / USEC_PER_MS % 1000));
}

static int put_segment(struct buf *out, const struct hls_segment *segment,
                       const struct hls_names *names, int is_first)
{
    uint64_t us = segment->ticks * 100 / 9;
    int rc = 0;

    if (segment->is_discontinuous)
        rc |= buf_printf(out, "#EXT-X-DISCONTINUITY\n");
    if (is_first || segment->is_discontinuous)
        rc |= put_date(out, segment->date);
    rc |= buf_printf(out, "#EXTINF:%" PRIu64 ".%05" PRIu64 ",\n%s-%" PRIu64 ".ts%s\n", us / 1000000,
                     us % 1000000 / 10, names->stream, segment->number, names->query);
    return rc;
}

int hls_playlist_media(const struct hls_window *window, const struct hls_names *names, int is_ended,
                       struct buf *out)
{
    const struct hls_segment *first = window->listed;
    int rc;

    assert(first != NULL && window->target > 0);
    rc = buf_printf(out,
                    "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%" PRIu32
                    "\n#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64
                    "\n",
                    VERSION, window->target, first->number, window->discontinuities);
    for (const struct hls_segment *s = first; s != NULL && rc == 0; s = s->next)
        rc = put_segment(out, s, names, s == first);
    if (is_ended)
        rc |= buf_printf(out, "#EXT-X-ENDLIST\n");
    return rc == 0 ? 0 : -1;
}

int hls_playlist_variants(const struct hls_variant *variant, const struct hls_names *names,
                          struct buf *out)
{
    int rc = buf_printf(out, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64,
                        variant->bits_per_sec > 0 ? variant->bits_per_sec : 1);

    if (variant->width > 0 && variant->height > 0)
        rc |= buf_printf(out, ",RESOLUTION=%" PRIu32 "x%" PRIu32, variant->width, variant->height);
    rc |= buf_printf(out, "\n%s.m3u8%s\n", names->stream, names->query);
    return rc == 0 ? 0 : -1;
}
