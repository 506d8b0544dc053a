/* How far a viewer lags, by its place in the ring. */
#include "live/viewer_measure.h"

#include "live/hub.h"
#include "media/flv.h"
#include "media/mux.h"

#include <check.h>
#include <string.h>

Suite *check_viewer_measure_suite(void);

static const struct source_config config = {.gop_cache = 1,
                                            .gop_cache_max_frames = 10000,
                                            .gop_cache_max_bytes = 64 << 20,
                                            .queue_length = 30 * USEC_PER_SEC,
                                            .guess_has_av = 0,
                                            .has_video = 1};
static struct hub *hub;
static struct source *source;

static void setup(void)
{
    hub = hub_new(4, 4);
    source = hub_get(hub, "v/live/s", &config);
    ck_assert_ptr_nonnull(source);
    ck_assert_int_eq(source_publish(source, &config, 1), 0);
}

static void teardown(void)
{
    hub_free(hub);
}

/* An H.264 frame of 40 KB at this second. */
static void push(int second, int is_key)
{
    static uint8_t body[40000];
    struct frame frame;

    memset(body, 0, sizeof(body));
    body[0] = is_key ? 0x17 : 0x27;
    body[1] = 1;
    flv_frame_parse(&frame, FRAME_VIDEO, (uint32_t)second * 1000, body, sizeof(body));
    source_push(source, &frame, second * USEC_PER_SEC);
}

START_TEST(lag)
{
    struct viewer *viewer = viewer_open(source, &mux_flv, 1);
    struct viewer_batch batch;

    ck_assert_ptr_nonnull(viewer);
    ck_assert_int_eq(viewer_measure_lag(viewer), -1);
    push(1, 1);
    ck_assert_int_eq(viewer_next(viewer, 1 << 20, &batch), VIEWER_BYTES);
    viewer_sent(viewer);
    ck_assert_int_eq(viewer_measure_lag(viewer), 0);
    for (int second = 2; second <= 20; second++)
        push(second, 0);
    /* It has what was sent within the first second; blocks make this a little inexact. */
    ck_assert_int_ge(viewer_measure_lag(viewer), 17 * USEC_PER_SEC);
    ck_assert_int_le(viewer_measure_lag(viewer), 19 * USEC_PER_SEC);
    while (viewer_next(viewer, 1 << 20, &batch) == VIEWER_BYTES)
        viewer_sent(viewer);
    ck_assert_int_eq(viewer_measure_lag(viewer), 0);
    viewer_close(viewer);
}
END_TEST

static void count(const struct mux *mux, size_t viewers, void *arg)
{
    ck_assert_ptr_eq(mux, &mux_flv);
    *(size_t *)arg += viewers;
}

START_TEST(formats)
{
    struct viewer *viewer[2];
    size_t viewers = 0;

    viewer_measure_formats(source, count, &viewers);
    ck_assert_uint_eq(viewers, 0);
    for (int i = 0; i < 2; i++)
        viewer[i] = viewer_open(source, &mux_flv, 1);
    viewer_measure_formats(source, count, &viewers);
    ck_assert_uint_eq(viewers, 2);
    for (int i = 0; i < 2; i++)
        viewer_close(viewer[i]);
}
END_TEST

Suite *check_viewer_measure_suite(void)
{
    Suite *suite = suite_create("viewer_measure");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, lag);
    tcase_add_test(tc, formats);
    suite_add_tcase(suite, tc);
    return suite;
}
