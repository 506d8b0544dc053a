/*
 * A hostile publisher's frames through a source and into every output format: viewers of all kinds
 * come, take what there is, go to another rung, and leave. What they get is read to its last byte.
 * The input's first bytes choose the source's options, then each record is a frame: what it is, its
 * timestamp's step, its length, its body.
 */
#include "live/hub.h"
#include "live/source.h"
#include "live/viewer.h"
#include "live/viewer_measure.h"
#include "live/viewer_switch.h"
#include "media/flv.h"
#include "proto/rtmp_mux.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VIEWERS_MAX 12
#define STEP        (20 * USEC_PER_MS)
#define BATCH       (64 * 1024)

/* All extensions of media/mux.c, and the formats without one. */
static const struct mux *mux_at(unsigned i)
{
    static const char *const names[] = {".flv", ".ts", ".aac", ".mp3", ".mp4", ".key.mp4"};

    switch (i % 8) {
    case 6:
        return &rtmp_mux;
    case 7:
        return &mux_original;
    default:
        return mux_find(names[i % 8]);
    }
}

struct run {
    struct hub *hub;
    struct source *source;
    struct source *other; /* another rung of the same programme */
    int feeds_other;      /* it gets the frames, too; 2: without audio */
    struct source_config config;
    struct viewer *viewer[VIEWERS_MAX];
    usec_t now;
    uint32_t ms;
};

static void config_read(struct source_config *config, const uint8_t *p)
{
    *config = (struct source_config){.gop_cache = !(p[0] & 1),
                                     .gop_cache_max_frames = p[0] & 2 ? 5 : 2500,
                                     .gop_cache_max_bytes = p[0] & 4 ? 3000 : 1 << 20,
                                     .queue_length = 3 * USEC_PER_SEC,
                                     .time_jitter = (enum time_jitter)(p[1] % 3),
                                     .atc = (p[0] & 8) != 0,
                                     .atc_auto = (p[0] & 16) != 0,
                                     .mix_correct = (p[0] & 32) != 0,
                                     .reduce_sequence_header = (p[0] & 64) != 0,
                                     .makes_meta = (p[0] & 128) != 0,
                                     .repairs = !(p[1] & 4),
                                     .has_audio = !(p[1] & 8),
                                     .has_video = !(p[1] & 16),
                                     .guess_has_av = !(p[1] & 32),
                                     .drop_if_not_match = !(p[1] & 64),
                                     .republish_wait = USEC_PER_SEC,
                                     .fast_cache = p[1] & 128 ? 3 * USEC_PER_SEC : 0,
                                     .rewind = p[2] & 64 ? 60 * USEC_PER_SEC : 0,
                                     .rewind_max_bytes = 1 << 20,
                                     .keeps_start = (p[2] & 128) != 0,
                                     .chunk_size = 128};
}

static void viewer_read(struct run *run, struct viewer **slot)
{
    struct viewer_batch batch;
    enum viewer_status status = VIEWER_BYTES;
    volatile uint8_t sum = 0;

    for (int n = 0; n < 100 && status == VIEWER_BYTES; n++) {
        status = viewer_next(*slot, BATCH, &batch);
        if (status != VIEWER_BYTES)
            break;
        for (int i = 0; i < batch.count; i++)
            for (size_t at = 0; at < batch.span[i].iov_len; at++)
                sum = (uint8_t)(sum + ((const uint8_t *)batch.span[i].iov_base)[at]);
        viewer_sent(*slot);
    }
    if (status == VIEWER_END) {
        viewer_close(*slot);
        *slot = NULL;
    }
    (void)run;
}

static void viewers_read(struct run *run)
{
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (run->viewer[i] != NULL)
            viewer_read(run, &run->viewer[i]);
}

/* Opens or closes a viewer; `how` says what it wishes. */
static void viewer_come(struct run *run, unsigned what, unsigned how)
{
    static const char *const tracks[] = {"all", "1", "a1,v0", "v1", "a7", "", "x", "a0,v1"};
    struct viewer **slot = &run->viewer[what % VIEWERS_MAX];
    struct viewer_wish wish = {.only = SOURCE_BOTH};

    if (*slot != NULL) {
        viewer_close(*slot);
        *slot = NULL;
        return;
    }
    (void)source_select_parse(&wish.select, how & 4 ? tracks[how >> 3 & 7] : "");
    switch (how & 3) {
    case 0:
        *slot = viewer_open(run->source, mux_at(what), run->now);
        break;
    case 1:
        *slot = viewer_open_tracks(run->source, mux_at(what), (enum source_only)(how >> 6 & 1),
                                   &wish.select, run->now);
        break;
    case 2:
        wish.start = source_start_pts((int8_t)(how >> 8) * 40);
        *slot = viewer_open_wish(run->source, mux_at(what), &wish, run->now);
        break;
    default:
        *slot = how & 8 ? viewer_open_uncounted(run->source, mux_at(what), run->now)
                        : viewer_open_only(run->source, mux_at(what),
                                           (enum source_only)((how >> 4) % 3), run->now);
    }
    if (*slot != NULL && how & 0x80)
        viewer_since(*slot, run->now - USEC_PER_SEC);
}

static void unpublish(struct run *run)
{
    if (source_state(run->source) == SOURCE_LIVE)
        source_unpublish(run->source, run->now);
}

/* Another publication: of another server, or where the former one ended. */
static void publish_again(struct run *run, unsigned how)
{
    struct source_time time;

    unpublish(run);
    source_time(run->source, &time);
    run->config.is_worker_pull = (how & 3) == 1;
    run->config.keeps_time = run->config.sends_past = (how & 3) == 2;
    run->config.is_joined = (how & 4) != 0;
    if (source_publish(run->source, &run->config, run->now) != 0)
        abort();
    if (how & 8)
        source_resume(run->source, &time, run->now);
    if (how & 16)
        source_continue(run->source, run->now);
    if (how & 32)
        source_promise(run->source, (how & 64) != 0, (how & 128) != 0);
}

static void count_format(const struct mux *mux, size_t viewers, void *arg)
{
    assert(mux != NULL && viewers > 0);
    *(size_t *)arg += viewers;
}

static void look_at(struct viewer *viewer)
{
    size_t len;

    (void)viewer_init_data(viewer, &len);
    assert(viewer_measure_lag(viewer) >= -1);
    (void)viewer_is_cut(viewer);
    (void)viewer_is_far(viewer);
    (void)viewer_prepare(viewer);
    assert(viewer_chunk_size(viewer) > 0);
}

/* Everything that may be asked. */
static void ask(struct run *run)
{
    struct source_facts facts;
    struct source_stat stat;
    size_t viewers = 0;

    source_stat(run->source, &stat);
    source_facts(run->source, &facts);
    for (unsigned i = 0; i < 6; i++)
        for (int only = SOURCE_BOTH; only <= SOURCE_VIDEO_ONLY; only++)
            if (facts.is_decided)
                assert(source_fit(run->source, mux_at(i), (enum source_only)only) ==
                       source_facts_fit(&facts, mux_at(i), (enum source_only)only));
    viewer_each(run->source, look_at);
    viewer_each_waiting(run->source, look_at);
    viewer_measure_formats(run->source, count_format, &viewers);
    assert(source_rewind_ms(run->source) >= 0);
    (void)source_pull_start(run->source);
    (void)source_is_waited_for(run->source);
    (void)source_has_timeline(run->source);
    (void)source_has_begun(run->source);
    (void)source_absent_since(run->source);
}

static void other_end(struct run *run)
{
    if (source_state(run->other) == SOURCE_LIVE)
        source_unpublish(run->other, run->now);
}

/* A viewer is to go to the other rung, or back; or the other rung changes. */
static void change_rung(struct run *run, unsigned how)
{
    struct viewer *viewer = run->viewer[how % VIEWERS_MAX];
    struct source *to = run->other;

    switch (how >> 4 & 3) {
    case 0:
        run->feeds_other = (int)(how >> 6 & 3);
        if (run->feeds_other == 0)
            other_end(run);
        break;
    case 1:
        if (viewer != NULL)
            viewer_switch_cancel(viewer);
        break;
    default:
        if (viewer == NULL)
            break;
        if (viewer_source(viewer) == run->other)
            to = run->source;
        (void)viewer_switch_begin(viewer, to,
                                  how & 64 ? VIEWER_SWITCH_HASTE : VIEWER_SWITCH_SMOOTH);
    }
}

/* What the server does with a source, besides frames and viewers. */
static void manage(struct run *run, unsigned what, unsigned how)
{
    switch (what & 15) {
    case 1:
        run->config.gop_cache = how & 1;
        run->config.fast_cache = how & 2 ? USEC_PER_SEC : 0;
        run->config.rewind = how & 4 ? 5 * USEC_PER_SEC : 0;
        run->config.queue_length = how & 8 ? USEC_PER_SEC : 3 * USEC_PER_SEC;
        source_reconfigure(run->source, &run->config);
        break;
    case 2:
        source_keep(run->source, mux_find(how & 1 ? ".mp3" : ".aac"));
        break;
    case 3:
        if (source_state(run->source) == SOURCE_LIVE)
            source_filled(run->source);
        break;
    case 4:
        (void)source_shrink(run->source);
        break;
    case 5:
        (void)source_discard(run->source);
        break;
    case 6:
        publish_again(run, how);
        break;
    case 7:
        source_end_wait(run->source);
        break;
    case 8:
        source_attend(run->source);
        source_depart(run->source);
        break;
    case 9:
        ask(run);
        break;
    case 10:
        if (run->viewer[how % VIEWERS_MAX] != NULL)
            viewer_skip(run->viewer[how % VIEWERS_MAX]);
        break;
    case 11:
    case 12:
        change_rung(run, how);
        break;
    default:
        unpublish(run);
    }
}

/* One viewer's batch is sent to all that would get the same. */
static void share(struct run *run)
{
    struct viewer_shared_batch shared;
    struct viewer_batch batch;
    struct viewer *first = run->viewer[0];
    int has_shared;

    if (first == NULL || viewer_next(first, BATCH, &batch) != VIEWER_BYTES)
        return;
    has_shared = viewer_shared_batch_get(first, &shared) == 0;
    viewer_sent(first);
    for (int i = 1; i < VIEWERS_MAX && has_shared; i++)
        if (run->viewer[i] != NULL && viewer_shared_batch_fits(run->viewer[i], &shared))
            viewer_shared_batch_sent(run->viewer[i], &shared);
}

/* An event other than a frame. */
static void event(struct run *run, unsigned what, unsigned how)
{
    switch (what & 3) {
    case 0:
        viewer_come(run, what >> 2, how);
        break;
    case 1:
        manage(run, what >> 2, how);
        break;
    case 2:
        run->now += 5 * STEP << (how & 7);
        break;
    default:
        if (what & 4)
            share(run);
        viewers_read(run);
    }
    hub_tick(run->hub, run->now);
}

static void frame_push(struct run *run, unsigned what, const uint8_t *body, size_t len)
{
    static const enum frame_type types[] = {FRAME_AUDIO, FRAME_VIDEO, FRAME_SCRIPT, FRAME_VIDEO};
    struct frame frame;
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, body, len);
    if (source_state(run->source) != SOURCE_LIVE &&
        source_publish(run->source, &run->config, run->now) != 0)
        abort();
    flv_frame_parse(&frame, types[what & 3], run->ms, copy, len);
    source_push(run->source, &frame, run->now);
    if (run->feeds_other == 1 || (run->feeds_other > 1 && frame.type != FRAME_AUDIO)) {
        if (source_state(run->other) != SOURCE_LIVE &&
            source_publish(run->other, &run->config, run->now) != 0)
            abort();
        source_push(run->other, &frame, run->now);
    }
    free(copy);
}

static void play(struct run *run, const uint8_t *p, size_t left)
{
    while (left >= 4) {
        unsigned what = p[0];
        size_t len = (size_t)p[2] | (size_t)(p[3] & 0x1f) << 8;

        /* Mostly small steps, back as well; now and then a jump. */
        run->ms += p[3] & 0x80 ? (uint32_t)p[1] << (p[3] >> 5 & 3) * 8 : (uint32_t)(int8_t)p[1];
        run->now += STEP;
        p += 4;
        left -= 4;
        if (len > left)
            len = left;
        if (what & 0x80)
            event(run, what & 0x7f, p[-3] | (unsigned)p[-2] << 8);
        else
            frame_push(run, what, p, len);
        if (what & 0x40)
            viewers_read(run);
        if (what & 0x80)
            continue;
        p += len;
        left -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.now = USEC_PER_SEC};

    if (size < 3 || size > 65536)
        return 0;
    run.hub = hub_new(4, 4);
    if (run.hub == NULL)
        abort();
    config_read(&run.config, data);
    run.source = hub_get(run.hub, "v/a/s", &run.config);
    if (run.source == NULL)
        abort();
    source_ref(run.source);
    run.other = hub_get(run.hub, "v/a/t", &run.config);
    if (run.other == NULL)
        abort();
    source_ref(run.other);
    for (unsigned i = 0; i < 6; i++)
        if (data[2] >> i & 1)
            run.viewer[i] = viewer_open(run.source, mux_at(i), run.now);
    play(&run, data + 3, size - 3);
    if (source_state(run.source) == SOURCE_LIVE)
        source_unpublish(run.source, run.now);
    other_end(&run);
    viewers_read(&run);
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (run.viewer[i] != NULL)
            viewer_close(run.viewer[i]);
    source_unref(run.source);
    source_unref(run.other);
    hub_free(run.hub);
    return 0;
}
