#ifndef TEST_HLS_KIT_H
#define TEST_HLS_KIT_H

/* A transport stream, made frame by frame, that is cut into segments. */
#include "live/hls_cut.h"
#include "media/ts.h"

#include <check.h>
#include <string.h>

struct hls_kit {
    struct ts_writer writer;
    struct ts_program program;
    struct hls_window window;
    struct hls_cut cut;
    usec_t now;
    int segments; /* that on_segment() has seen */
};

static const struct ts_program hls_kit_both = {
    .pcr_pid = TS_PID_VIDEO,
    .count = 2,
    .stream = {{TS_TYPE_H264, TS_PID_VIDEO}, {TS_TYPE_ADTS, TS_PID_AUDIO}}};

static inline void hls_kit_segment(void *arg, const struct hls_segment *segment)
{
    struct hls_kit *kit = arg;

    ck_assert_ptr_eq(segment, kit->window.last);
    kit->segments++;
}

static inline void hls_kit_open_at(struct hls_kit *kit, usec_t fragment, usec_t window,
                                   const struct hls_position *from)
{
    const struct hls_limits limits = {fragment, window, 0, (size_t)1 << 20};

    memset(kit, 0, sizeof(*kit));
    ts_writer_init(&kit->writer);
    kit->program = hls_kit_both;
    hls_window_init(&kit->window, &limits, from);
    hls_cut_init(&kit->cut, &kit->window, from->discontinuities > 0);
    kit->cut.on_segment = hls_kit_segment;
    kit->cut.arg = kit;
}

static inline void hls_kit_open(struct hls_kit *kit, usec_t fragment, usec_t window)
{
    hls_kit_open_at(kit, fragment, window, &(struct hls_position){.number = 10});
}

static inline void hls_kit_close(struct hls_kit *kit)
{
    hls_cut_fini(&kit->cut);
    hls_window_fini(&kit->window);
    ts_writer_fini(&kit->writer);
}

static inline struct hls_clock hls_kit_clock(struct hls_kit *kit)
{
    return (struct hls_clock){kit->now, kit->now + 1000 * USEC_PER_SEC};
}

static inline void hls_kit_feed(struct hls_kit *kit)
{
    struct hls_clock clock = hls_kit_clock(kit);
    size_t len;
    const uint8_t *data = ts_writer_end(&kit->writer, &len);

    hls_cut_feed(&kit->cut, data, len, &clock);
}

/* One frame at this time in ms; is_key: with tables before it. */
static inline void hls_kit_frame(struct hls_kit *kit, uint16_t pid, int64_t ms, int is_key)
{
    uint8_t payload[300] = {0};
    struct ts_pes pes = {.pid = pid,
                         .stream_id = pid == TS_PID_VIDEO ? TS_PES_VIDEO : TS_PES_AUDIO,
                         .is_random_access = is_key != 0,
                         .pts = (uint64_t)ms * 90 & TS_CLOCK_MASK,
                         .dts = (uint64_t)ms * 90 & TS_CLOCK_MASK,
                         .len = sizeof(payload)};

    ck_assert_int_eq(ts_writer_begin(&kit->writer, sizeof(payload)), 0);
    if (is_key)
        ts_write_tables(&kit->writer, &kit->program);
    ts_pes_begin(&kit->writer, &pes);
    ts_pes_put(&kit->writer, payload, sizeof(payload));
    kit->now = ms * USEC_PER_MS;
    hls_kit_feed(kit);
}

/* GOPs of this length from one time to another, 10 frames per second, and tables every second. */
static inline void hls_kit_video(struct hls_kit *kit, int64_t from, int64_t to, int64_t gop)
{
    for (int64_t ms = from; ms < to; ms += 100) {
        int is_key = (ms - from) % gop == 0;

        if (!is_key && (ms - from) % 400 == 0) {
            ck_assert_int_eq(ts_writer_begin(&kit->writer, 0), 0);
            ts_write_tables(&kit->writer, &kit->program);
            hls_kit_feed(kit);
        }
        hls_kit_frame(kit, TS_PID_VIDEO, ms, is_key);
    }
}

static inline void hls_kit_break(struct hls_kit *kit)
{
    struct hls_clock clock = hls_kit_clock(kit);

    hls_cut_break(&kit->cut, &clock);
}

#endif
