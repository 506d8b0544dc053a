/*
 * Playlists as text. The version is the lowest that has what is used: 3, for durations that are not
 * whole seconds (RFC 8216, section 7); 9, for delta updates, where parts are listed (RFC 8216bis,
 * section 8). A live playlist has no EXT-X-PLAYLIST-TYPE, since segments leave it.
 */
#include "live/hls_playlist.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>

#define VERSION       3
#define VERSION_PARTS 9
/* Parts are listed for so many target durations before the end (section 4.4.4.9), and segments that
 * are older than so many may be skipped (section 4.4.3.8). */
#define PARTS_TARGETS 3
#define SKIP_TARGETS  6
/* How far from the end players stay, in parts (section 4.4.3.8: at least two). */
#define HOLD_BACK_PARTS 3

/* Seconds with five digits, rounded down. */
static int put_seconds(struct buf *out, const char *before, uint64_t ticks, const char *after)
{
    uint64_t us = ticks * 100 / 9;

    return buf_printf(out, "%s%" PRIu64 ".%05" PRIu64 "%s", before, us / 1000000, us % 1000000 / 10,
                      after);
}

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

static int put_parts(struct buf *out, const struct hls_segment *segment, uint64_t number,
                     const struct hls_names *names)
{
    const struct hls_part *part = segment->first;
    int rc = 0;

    for (uint32_t i = 0; i < segment->parts && rc == 0; i++, part = part->next) {
        rc |= put_seconds(out, "#EXT-X-PART:DURATION=", part->ticks, ",URI=");
        rc |= buf_printf(out, "\"%s-%" PRIu64 ".%" PRIu32 ".ts%s\"%s\n", names->stream, number, i,
                         names->query, part->is_independent ? ",INDEPENDENT=YES" : "");
    }
    return rc;
}

static int put_start(struct buf *out, const struct hls_segment *segment, int is_first)
{
    int rc = 0;

    if (segment->is_discontinuous)
        rc |= buf_printf(out, "#EXT-X-DISCONTINUITY\n");
    if (is_first || segment->is_discontinuous)
        rc |= put_date(out, segment->date);
    return rc;
}

static int put_segment(struct buf *out, const struct hls_segment *segment,
                       const struct hls_names *names, int has_parts)
{
    int rc = 0;

    if (has_parts)
        rc |= put_parts(out, segment, segment->number, names);
    rc |= put_seconds(out, "#EXTINF:", segment->ticks, ",\n");
    rc |= buf_printf(out, "%s-%" PRIu64 ".ts%s\n", names->stream, segment->number, names->query);
    return rc;
}

/* The tags of a low-latency playlist that do not change. */
static int put_control(struct buf *out, const struct hls_window *window)
{
    uint64_t skip = (uint64_t)window->target * SKIP_TARGETS * HLS_TICKS_PER_SEC;
    int rc =
        put_seconds(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=", skip, "");

    rc |= put_seconds(out, ",PART-HOLD-BACK=", window->part_target * HOLD_BACK_PARTS, "\n");
    return rc | put_seconds(out, "#EXT-X-PART-INF:PART-TARGET=", window->part_target, "\n");
}

/* What is under construction, and the part that comes next. */
static int put_open(struct buf *out, const struct hls_window *window, const struct hls_names *names)
{
    const struct hls_segment *open = window->open;
    uint32_t next = open != NULL ? open->parts : 0;
    int rc = 0;

    if (next > 0) {
        rc |= put_start(out, open, 0);
        rc |= put_parts(out, open, window->next, names);
    }
    return rc | buf_printf(
                    out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s-%" PRIu64 ".%" PRIu32 ".ts%s\"\n",
                    names->stream, window->next, next, names->query);
}

/* Skips what a client with an older playlist has; the first segment that is to be listed. */
static const struct hls_segment *skip(const struct hls_window *window, uint64_t *left,
                                      struct buf *out, int *rc)
{
    uint64_t kept = (uint64_t)window->target * SKIP_TARGETS * HLS_TICKS_PER_SEC;
    const struct hls_segment *segment = window->listed;
    unsigned skipped = 0;

    while (*left > kept && segment->next != NULL) {
        *left -= segment->ticks;
        segment = segment->next;
        skipped++;
    }
    if (skipped > 0)
        *rc |= buf_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%u\n", skipped);
    return segment;
}

/* A segment from before hls_part was set is one part, and too long. */
static int is_parted(const struct hls_window *window, const struct hls_segment *segment)
{
    return segment->parts > 1 || segment->ticks <= window->part_target;
}

int hls_playlist_media(const struct hls_window *window, const struct hls_names *names,
                       const struct hls_playlist_options *options, struct buf *out)
{
    const struct hls_segment *segment = window->listed;
    uint64_t kept = (uint64_t)window->target * PARTS_TARGETS * HLS_TICKS_PER_SEC;
    uint64_t left = window->listed_ticks; /* from the segment on */
    int has_parts = window->part_target > 0 && !options->is_ended;
    int rc;

    assert(segment != NULL && window->target > 0);
    rc = buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%" PRIu32 "\n",
                    window->part_target > 0 ? VERSION_PARTS : VERSION, window->target);
    if (window->part_target > 0)
        rc |= put_control(out, window);
    rc |= buf_printf(
        out, "#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n",
        segment->number, window->discontinuities);
    if (has_parts && options->skips_oldest)
        segment = skip(window, &left, out, &rc);
    for (; segment != NULL && rc == 0; segment = segment->next) {
        left -= segment->ticks;
        rc |= put_start(out, segment, segment == window->listed);
        rc |= put_segment(out, segment, names,
                          has_parts && left < kept && is_parted(window, segment));
    }
    if (has_parts)
        rc |= put_open(out, window, names);
    if (options->is_ended)
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
