/*
 * Where segments begin and end. The tables of a sync point come before its frame, so a cut is
 * decided at the frame and made at the tables.
 *
 * A segment ends at the first keyframe after the configured duration, or earlier when the next one
 * would come too late for the target duration, which must not change (RFC 8216, section 6.2.1). The
 * first segments are single GOPs, so that players can begin soon. Where GOPs are longer than the
 * target duration, segments are cut at the tables between keyframes.
 */
#include "live/hls_cut.h"

#include "media/ts_read.h"

#include <assert.h>
#include <string.h>

/* Segments that may be shorter than configured, but not shorter than this. */
#define FIRST_COUNT 3
#define FIRST_TICKS (HLS_TICKS_PER_SEC * 9 / 10)
/* Timestamps in ms make durations inexact. */
#define SLACK_TICKS (HLS_TICKS_PER_SEC / 50)
/* Tables come at least this often: a cut between keyframes must not wait for them too long. */
#define TABLES_TICKS (HLS_TICKS_PER_SEC / 2)
/* A longer step is a jump of the clock; frames as rare as that make no segments. */
#define JUMP_TICKS ((int64_t)HLS_TARGET_MAX * HLS_TICKS_PER_SEC)
/* For a segment of one frame. */
#define STEP_TICKS (HLS_TICKS_PER_SEC / 25)

void hls_cut_init(struct hls_cut *cut, struct hls_window *window, int is_broken)
{
    memset(cut, 0, sizeof(*cut));
    cut->window = window;
    cut->is_broken = is_broken != 0;
}

/* The open segment goes, or has become one of the window's. */
static void close_open(struct hls_cut *cut)
{
    cut->window->open = NULL;
    cut->open = NULL;
    cut->is_open = 0;
    cut->has_head = 0;
}

void hls_cut_fini(struct hls_cut *cut)
{
    hls_segment_unref(cut->open);
    close_open(cut);
}

/* Ticks from one time to another, modulo 2^33. */
static int64_t ticks_between(uint64_t from, uint64_t to)
{
    uint64_t ticks = (to - from) & TS_CLOCK_MASK;

    return ticks > TS_CLOCK_MASK / 2 ? (int64_t)ticks - (int64_t)TS_CLOCK_MASK - 1 : (int64_t)ticks;
}

/* Drops what is not part of a segment, and waits for a sync point. */
static void wait_for_sync(struct hls_cut *cut)
{
    hls_cut_fini(cut);
}

/* Where the open part ends if a frame begins now: before the tables that belong to it. */
static size_t end_of_part(const struct hls_cut *cut)
{
    return cut->has_head ? cut->head : cut->open->last->data.len;
}

/* ---- the end of a segment ---- */

/* Ends the open segment, of so many ticks; what comes after its end begins `next`. */
static int finish(struct hls_cut *cut, uint64_t ticks, struct hls_segment *next,
                  const struct hls_clock *clock)
{
    struct hls_segment *segment = cut->open;
    int rc;

    segment->last->is_independent = cut->has_sync;
    rc = hls_segment_end(segment, end_of_part(cut), ticks, next);
    close_open(cut);
    cut->ended_parts++;
    hls_window_add(cut->window, segment, clock->now);
    if (cut->on_segment != NULL)
        cut->on_segment(cut->arg, cut->window->last);
    return rc;
}

void hls_cut_break(struct hls_cut *cut, const struct hls_clock *clock)
{
    uint64_t step = cut->step > 0 ? cut->step : STEP_TICKS;

    if (cut->is_open) {
        (void)finish(cut, (uint64_t)ticks_between(cut->begin, cut->last) + step, NULL, clock);
        cut->is_broken = 1;
    }
    cut->step = 0;
    cut->gop = 0;
    wait_for_sync(cut);
}

/* ---- the beginning of a segment ---- */

static void begin(struct hls_cut *cut, uint64_t dts, usec_t date)
{
    cut->open->date = date;
    cut->open->is_discontinuous = cut->is_broken;
    cut->is_broken = 0;
    cut->is_changed = 0;
    cut->is_open = 1;
    cut->has_sync = 0;
    cut->begin = cut->key = cut->part = dts;
    cut->window->open = cut->open;
}

/* Ends the open segment, of so many ticks, before the tables; the rest begins the next one. */
static void cut_at_head(struct hls_cut *cut, uint64_t ticks, uint64_t dts, usec_t date,
                        const struct hls_clock *clock)
{
    struct hls_segment *next = hls_segment_new(cut->window->limits.bytes_max);
    int rc = finish(cut, ticks, next, clock);

    cut->is_broken |= cut->is_changed | (next == NULL || rc != 0);
    if (next == NULL || rc != 0) {
        hls_segment_unref(next);
        return;
    }
    cut->open = next;
    begin(cut, dts, date);
}

static void cut_here(struct hls_cut *cut, uint64_t dts, const struct hls_clock *clock)
{
    uint64_t ticks = (uint64_t)ticks_between(cut->begin, dts);

    cut_at_head(cut, ticks, dts, cut->open->date + (usec_t)(ticks * 100 / 9), clock);
}

/* A part ends where a frame that counts begins, when the next one would come too late. Without
 * memory it becomes longer. */
static void cut_part(struct hls_cut *cut, uint64_t dts)
{
    uint64_t max = hls_window_part_ticks(cut->window);
    int64_t ticks = ticks_between(cut->part, dts);

    if (max == 0 || ticks <= 0 || (uint64_t)ticks + cut->step <= max)
        return;
    cut->open->last->is_independent = cut->has_sync;
    if (hls_segment_end_part(cut->open, end_of_part(cut), (uint64_t)ticks) != 0)
        return;
    cut->ended_parts++;
    cut->has_sync = 0;
    cut->part = dts;
}

/* The clock has jumped. */
static void cut_jump(struct hls_cut *cut, uint64_t dts, int is_sync, const struct hls_clock *clock)
{
    uint64_t step = cut->step > 0 ? cut->step : STEP_TICKS;

    if (!is_sync) {
        hls_cut_break(cut, clock);
        return;
    }
    cut->is_changed = 1;
    cut->gop = 0;
    cut_at_head(cut, (uint64_t)ticks_between(cut->begin, cut->last) + step, dts, clock->wall,
                clock);
    cut->last = dts;
    cut->step = 0;
}

/* ---- decisions ---- */

static uint64_t goal(const struct hls_cut *cut)
{
    const struct hls_window *window = cut->window;
    uint64_t wanted = (uint64_t)window->limits.fragment * 9 / 100;
    const struct hls_segment *segment = window->first;

    for (int i = 0; i < FIRST_COUNT; i++) {
        if (segment == NULL)
            return wanted < FIRST_TICKS ? wanted : FIRST_TICKS;
        segment = segment->next;
    }
    return wanted;
}

/* Whether the segment must end here although no keyframe follows. */
static int is_overdue(const struct hls_cut *cut, uint64_t ticks)
{
    uint32_t target = cut->window->target > 0 ? cut->window->target : HLS_TARGET_MAX;
    uint64_t max = (uint64_t)target * HLS_TICKS_PER_SEC + HLS_TICKS_PER_SEC / 2;

    return ticks + TABLES_TICKS + cut->step >= max;
}

static int is_due(const struct hls_cut *cut, uint64_t ticks, int is_sync)
{
    if (!is_sync)
        return is_overdue(cut, ticks);
    if (cut->is_changed || ticks + SLACK_TICKS >= goal(cut))
        return 1;
    /* The next sync point would come too late. */
    return cut->window->target > 0 &&
           ticks + cut->gop + SLACK_TICKS > hls_window_ticks_max(cut->window);
}

/* A frame begins. */
static void frame(struct hls_cut *cut, const struct ts_packet *packet,
                  const struct hls_clock *clock)
{
    int is_video = packet->pid == TS_PID_VIDEO;
    int is_sync = cut->has_head && (cut->has_video ? is_video && packet->is_random_access
                                                   : packet->pid == TS_PID_AUDIO);
    int is_counted = is_video || !cut->has_video;
    int64_t ticks = cut->is_open ? ticks_between(cut->begin, packet->dts) : 0;
    int64_t step = cut->is_open ? ticks_between(cut->last, packet->dts) : 0;

    if (is_sync && cut->is_open)
        cut->gop = (uint64_t)ticks_between(cut->key, packet->dts);
    if (cut->is_open && is_counted && (step < 0 || step > JUMP_TICKS || ticks < 0)) {
        cut_jump(cut, packet->dts, is_sync, clock);
        if (!cut->is_open)
            return;
    } else if (!cut->is_open && is_sync) {
        begin(cut, packet->dts, clock->wall);
        cut->last = packet->dts;
    } else if (!cut->is_open) {
        wait_for_sync(cut);
    } else if (cut->has_head && is_counted && ticks > 0 && is_due(cut, (uint64_t)ticks, is_sync)) {
        cut->forced += !is_sync;
        cut_here(cut, packet->dts, clock);
    } else if (is_counted) {
        cut_part(cut, packet->dts);
    }
    if (is_sync && cut->is_open) {
        cut->key = packet->dts;
        cut->has_sync = 1;
    }
    if (is_counted && cut->is_open) {
        cut->step = (uint64_t)ticks_between(cut->last, packet->dts);
        cut->last = packet->dts;
    }
    cut->has_head = 0;
}

/* The PMT: what it says is compared without the packet's counter. */
static void program(struct hls_cut *cut, const struct ts_packet *packet)
{
    uint8_t section[sizeof(cut->program)] = {0};

    memcpy(section, packet->payload, packet->payload_len);
    if (cut->has_program && memcmp(section, cut->program, sizeof(section)) != 0)
        cut->is_changed = cut->is_open;
    memcpy(cut->program, section, sizeof(section));
    cut->has_program = 1;
    cut->has_video = ts_read_has_video(packet) != 0;
}

/* The open segment is too long, or there is no memory. Parts that players may have make a segment;
 * the rest is lost. */
static void lose(struct hls_cut *cut, const struct hls_clock *clock)
{
    cut->lost += cut->is_open;
    cut->is_broken |= cut->is_open;
    if (cut->is_open && cut->open->parts > 0) {
        cut->has_head = 1;
        cut->head = 0;
        (void)finish(cut, cut->open->ticks, NULL, clock);
    }
    wait_for_sync(cut);
}

static void put(struct hls_cut *cut, const uint8_t *p, const struct hls_clock *clock)
{
    struct ts_packet packet;

    if (ts_read_packet(&packet, p) != 0) {
        hls_cut_break(cut, clock);
        return;
    }
    if (packet.pid == TS_PID_PAT && !cut->has_head) {
        if (cut->open == NULL)
            cut->open = hls_segment_new(cut->window->limits.bytes_max);
        if (cut->open == NULL)
            return;
        cut->has_head = 1;
        cut->head = cut->open->last->data.len;
    } else if (packet.pid == TS_PID_PMT && packet.payload != NULL) {
        program(cut, &packet);
    } else if (packet.has_time) {
        frame(cut, &packet, clock);
    }
    if (!cut->is_open && !cut->has_head)
        return;
    if (hls_segment_append(cut->open, p, TS_PACKET_SIZE) != 0)
        lose(cut, clock);
}

void hls_cut_feed(struct hls_cut *cut, const uint8_t *data, size_t len,
                  const struct hls_clock *clock)
{
    assert(len % TS_PACKET_SIZE == 0);
    for (size_t at = 0; at < len; at += TS_PACKET_SIZE)
        put(cut, data + at, clock);
}
