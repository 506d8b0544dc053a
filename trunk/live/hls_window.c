/*
 * Which segments the playlist lists, and how long the others stay. The limits of RFC 8216 are kept
 * here and nowhere else: three target durations in the playlist, and a segment that has left it
 * stays for its own duration and that of the playlist (section 6.2.2). The byte limit comes before
 * both.
 */
#include "live/hls_window.h"

#include <assert.h>
#include <string.h>

#define LISTED_TARGETS 3
/* Parts are cut a little earlier than this allows, for timestamps in ms. */
#define PART_SLACK (HLS_TICKS_PER_SEC / 50)

static uint64_t ticks_of(usec_t time)
{
    return (uint64_t)time * 9 / 100;
}

static usec_t time_of(uint64_t ticks)
{
    return (usec_t)(ticks * 100 / 9);
}

void hls_window_init(struct hls_window *window, const struct hls_limits *limits,
                     const struct hls_position *from)
{
    assert(limits->fragment > 0 && limits->bytes_max > 0);
    memset(window, 0, sizeof(*window));
    window->limits = *limits;
    window->next = from->number;
    window->discontinuities = from->discontinuities;
    window->target = from->target;
}

void hls_window_fini(struct hls_window *window)
{
    struct hls_segment *next;

    for (struct hls_segment *s = window->first; s != NULL; s = next) {
        next = s->next;
        hls_segment_unref(s);
    }
    memset(window, 0, sizeof(*window));
}

void hls_window_position(const struct hls_window *window, struct hls_position *out)
{
    out->number = window->next;
    out->discontinuities = window->discontinuities;
    out->target = window->target;
    for (const struct hls_segment *s = window->listed; s != NULL; s = s->next)
        out->discontinuities += s->is_discontinuous;
}

struct hls_segment *hls_window_find(const struct hls_window *window, uint64_t number)
{
    struct hls_segment *segment = window->first;

    while (segment != NULL && segment->number != number)
        segment = segment->next;
    return segment;
}

struct hls_segment *hls_window_find_open(const struct hls_window *window, uint64_t number)
{
    return window->open != NULL && number == window->next ? window->open
                                                          : hls_window_find(window, number);
}

int hls_window_has(const struct hls_window *window, uint64_t number, int64_t part)
{
    const struct hls_segment *segment;

    if (part >= 0 && number < window->next) {
        segment = hls_window_find(window, number);
        if (segment == NULL || (uint64_t)part < segment->parts)
            return 1;
        number++;
        part = 0;
    }
    if (number < window->next)
        return 1;
    return part >= 0 && number == window->next && window->open != NULL &&
           (uint64_t)part < window->open->parts;
}

uint64_t hls_window_part_ticks(const struct hls_window *window)
{
    if (window->limits.part == 0)
        return 0;
    if (window->part_target > 0)
        return window->part_target - PART_SLACK / 2;
    return ticks_of(window->limits.part) + PART_SLACK / 2;
}

uint64_t hls_window_ticks_max(const struct hls_window *window)
{
    return (uint64_t)window->target * HLS_TICKS_PER_SEC + HLS_TICKS_PER_SEC / 2 - 1;
}

/* ---- what leaves ---- */

static void unlist(struct hls_window *window, usec_t now)
{
    struct hls_segment *segment = window->listed;

    assert(segment != NULL);
    segment->unlisted_at = now;
    window->listed = segment->next;
    window->listed_ticks -= segment->ticks;
    window->discontinuities += segment->is_discontinuous;
}

static void drop_first(struct hls_window *window)
{
    struct hls_segment *segment = window->first;

    assert(segment != NULL && segment != window->listed);
    window->first = segment->next;
    if (window->first == NULL)
        window->last = NULL;
    window->bytes -= segment->bytes;
    hls_segment_unref(segment);
}

/* Ticks that the playlist must have. */
static uint64_t listed_min(const struct hls_window *window)
{
    uint64_t targets = (uint64_t)window->target * LISTED_TARGETS * HLS_TICKS_PER_SEC;
    uint64_t wanted = ticks_of(window->limits.window);

    return wanted > targets ? wanted : targets;
}

void hls_window_trim(struct hls_window *window, usec_t now)
{
    while (window->listed != NULL &&
           window->listed_ticks - window->listed->ticks >= listed_min(window))
        unlist(window, now);
    while (window->first != NULL && window->first != window->listed) {
        const struct hls_segment *s = window->first;

        if (window->bytes <= window->limits.bytes_max &&
            now - s->unlisted_at < time_of(s->ticks + listed_min(window)))
            break;
        drop_first(window);
    }
    /* The last segment stays: a playlist without any is of no use. */
    while (window->bytes > window->limits.bytes_max && window->listed != window->last) {
        unlist(window, now);
        drop_first(window);
    }
}

/* ---- what comes ---- */

static uint32_t seconds_up(uint64_t ticks)
{
    return (uint32_t)((ticks + HLS_TICKS_PER_SEC - 1) / HLS_TICKS_PER_SEC);
}

/* The target duration is decided by the first segment, which is a GOP at least. */
static void set_target(struct hls_window *window, uint64_t ticks)
{
    uint32_t wanted = seconds_up(ticks_of(window->limits.fragment));
    uint32_t first = (uint32_t)((ticks + HLS_TICKS_PER_SEC / 2) / HLS_TICKS_PER_SEC);

    if (window->target == 0)
        window->target = wanted;
    /* Only a stream of rare frames has a longer segment later on. */
    if (window->target < first)
        window->target = first;
}

static void measure(struct hls_window *window, const struct hls_segment *segment)
{
    uint64_t rate = (uint64_t)segment->bytes * 8 * HLS_TICKS_PER_SEC / segment->ticks;

    /* The last segment of a publication may be too short to tell. */
    if (segment->ticks >= HLS_TICKS_PER_SEC / 2 && rate > window->bits_per_sec)
        window->bits_per_sec = rate;
}

/* Also how long parts are is decided by the first segment: frames may be rarer than configured. */
static void set_part_target(struct hls_window *window, const struct hls_segment *segment)
{
    uint64_t target = window->limits.part > 0 ? ticks_of(window->limits.part) + PART_SLACK : 0;

    if (target > 0 && window->part_target == 0)
        for (const struct hls_part *part = segment->first; part != NULL; part = part->next)
            if (target < part->ticks && segment->parts > 1)
                target = part->ticks;
    if (target == 0 || window->part_target == 0)
        window->part_target = target;
}

void hls_window_add(struct hls_window *window, struct hls_segment *segment, usec_t now)
{
    assert(segment->ticks > 0 && segment != window->open);
    segment->next = NULL;
    segment->number = window->next++;
    set_target(window, segment->ticks);
    set_part_target(window, segment);
    measure(window, segment);
    if (window->last != NULL)
        window->last->next = segment;
    else
        window->first = segment;
    window->last = segment;
    if (window->listed == NULL)
        window->listed = segment;
    window->listed_ticks += segment->ticks;
    window->bytes += segment->bytes;
    hls_window_trim(window, now);
}
