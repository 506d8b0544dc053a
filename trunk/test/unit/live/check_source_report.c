/* What a source reports to code outside the stream: facts, time, whether it is watched. */
#include "live_kit.h"
#include "test/unit/formats.h"

Suite *check_source_report_suite(void);

struct report {
    struct kit kit;
    int facts, watched;
};

static void on_facts(struct source *source, void *arg)
{
    (void)source;
    ((struct report *)arg)->facts++;
}

static void on_watched(struct source *source, void *arg)
{
    (void)source;
    ((struct report *)arg)->watched++;
}

static struct report *report_new(void)
{
    struct report *report = calloc(1, sizeof(*report));
    struct source_events events = {.on_facts = on_facts, .on_watched = on_watched, .arg = report};

    ck_assert_ptr_nonnull(report);
    kit_open(&report->kit);
    source_set_events(report->kit.source, &events);
    return report;
}

static void report_free(struct report *report)
{
    kit_close(&report->kit);
    free(report);
}

START_TEST(facts_are_told_when_they_change)
{
    struct report *report = report_new();
    struct source_facts facts;

    kit_publish(&report->kit);
    source_facts(report->kit.source, &facts);
    ck_assert_int_eq(facts.is_decided, 0);
    kit_start(&report->kit, 0, 25);
    ck_assert_int_gt(report->facts, 0);
    source_facts(report->kit.source, &facts);
    ck_assert_int_eq(facts.is_decided, 1);
    ck_assert_int_eq(facts.codec[0], CODEC_AAC);
    ck_assert_int_eq(facts.codec[1], CODEC_H264);
    /* What can be measured is known after the first GOP. */
    ck_assert_uint_eq(facts.kbps, 0);
    kit_run(&report->kit, 1000, 25);
    source_facts(report->kit.source, &facts);
    ck_assert_uint_eq(facts.gop_ms, 1000);
    ck_assert_uint_eq(facts.frame_rate, 25);
    ck_assert_uint_gt(facts.kbps, 0);
    ck_assert_uint_eq(facts.profile, 0x64);
    ck_assert_uint_eq(facts.aac_type, 2);
    report->facts = 0;
    kit_run(&report->kit, 2000, 50);
    ck_assert_int_eq(report->facts, 0);
    /* Tracks that have not come yet are not waited for. */
    kit_run(&report->kit, 4000, 50);
    ck_assert_int_eq(report->facts, 1);
    source_facts(report->kit.source, &facts);
    ck_assert_int_eq(facts.is_settled, 1);
    report->facts = 0;
    /* Audio only, until the video counts as gone. */
    for (uint32_t ms = 6000; ms < 37000; ms += 20) {
        kit_audio(&report->kit, ms);
        report->kit.now += 20 * USEC_PER_MS;
    }
    ck_assert_int_eq(report->facts, 1);
    source_facts(report->kit.source, &facts);
    ck_assert_int_eq(facts.codec[1], CODEC_NONE);
    source_unpublish(report->kit.source, report->kit.now);
    source_facts(report->kit.source, &facts);
    ck_assert_int_eq(facts.is_decided, 0);
    report_free(report);
}
END_TEST

/* From the facts alone the same as from the stream. */
START_TEST(facts_say_what_fits)
{
    static const struct mux *const muxes[] = {&mux_flv, &mux_ts, &mux_mp3, &mux_aac, &mux_original};
    struct report *report = report_new();
    struct source_facts facts = {0};
    uint8_t body[] = {0x2f, 0xff, 0xfb, 0x90, 0};

    ck_assert_int_eq(source_facts_fit(&facts, &mux_mp3, SOURCE_BOTH), SOURCE_FIT_UNKNOWN);
    ck_assert_int_eq(source_facts_fit(&facts, &mux_flv, SOURCE_BOTH), SOURCE_FITS);
    ck_assert_int_eq(source_facts_fit(&facts, &mux_flv, SOURCE_VIDEO_ONLY), SOURCE_FIT_UNKNOWN);
    kit_publish(&report->kit);
    for (uint32_t i = 0; i < 200; i++) {
        kit_push(&report->kit, FRAME_AUDIO, i * 26, body, sizeof(body));
        report->kit.now += 26 * USEC_PER_MS;
        source_facts(report->kit.source, &facts);
        for (size_t m = 0; m < sizeof(muxes) / sizeof(muxes[0]); m++)
            for (int only = SOURCE_BOTH; only <= SOURCE_VIDEO_ONLY; only++)
                ck_assert_int_eq(source_facts_fit(&facts, muxes[m], (enum source_only)only),
                                 source_fit(report->kit.source, muxes[m], (enum source_only)only));
    }
    ck_assert_int_eq(source_facts_fit(&facts, &mux_mp3, SOURCE_BOTH), SOURCE_FITS);
    ck_assert_int_eq(source_facts_fit(&facts, &mux_aac, SOURCE_BOTH), SOURCE_UNFIT);
    ck_assert_int_eq(source_facts_fit(&facts, &mux_flv, SOURCE_VIDEO_ONLY), SOURCE_UNFIT);
    report_free(report);
}
END_TEST

START_TEST(the_first_and_last_watching_viewer_are_reported)
{
    struct report *report = report_new();
    struct kit_seen *flv;
    struct kit_seen *other;
    struct kit_seen *relay;

    relay = kit_watch(&report->kit, &mux_original);
    flv = kit_watch(&report->kit, &mux_flv);
    other = kit_watch(&report->kit, &mux_ts);
    /* Waiting viewers have received nothing. */
    ck_assert_int_eq(source_has_timeline(report->kit.source), 0);
    kit_publish(&report->kit);
    ck_assert_int_eq(source_is_waited_for(report->kit.source), 0);
    kit_start(&report->kit, 0, 25);
    kit_take(relay);
    ck_assert_int_eq(source_has_timeline(report->kit.source), 0);
    ck_assert_int_eq(report->watched, 1);
    ck_assert_int_eq(source_is_waited_for(report->kit.source), 1);
    kit_take(flv);
    kit_take_bytes(other);
    ck_assert_int_eq(source_has_timeline(report->kit.source), 1);
    ck_assert_int_eq(report->watched, 3);
    ck_assert_int_eq(source_is_waited_for(report->kit.source), 0);
    kit_leave(flv);
    ck_assert_int_eq(report->watched, 4);
    kit_leave(other);
    ck_assert_int_eq(report->watched, 5);
    ck_assert_int_eq(source_has_timeline(report->kit.source), 0);
    report_free(report);
}
END_TEST

/* A stream that is new here continues at its time elsewhere. */
START_TEST(time_goes_on_from_elsewhere)
{
    struct report *report = report_new();
    struct source_time time = {
        .last = 500000, .track_last = {499990, 500000}, .duration = {20, 40}, .has_begun = 1};
    struct kit_seen *flv;

    kit_publish(&report->kit);
    source_resume(report->kit.source, &time, report->kit.now);
    flv = kit_watch(&report->kit, &mux_flv);
    kit_start(&report->kit, 77, 50);
    kit_take(flv);
    ck_assert_int_gt(flv->count, 3);
    for (int i = 0, first = 1; i < flv->count; i++) {
        if (flv->tag[i].type != FRAME_VIDEO || flv->tag[i].is_header)
            continue;
        if (first)
            ck_assert_uint_ge(flv->tag[i].ms, 500040);
        first = 0;
    }
    source_time(report->kit.source, &time);
    ck_assert_int_eq(time.has_begun, 1);
    ck_assert_int_eq(time.last, 500040 + 49 * 40 + 10);
    /* A step back is hidden from the viewers here. */
    source_unpublish(report->kit.source, report->kit.now);
    kit_publish(&report->kit);
    time = (struct source_time){
        .last = 1000, .track_last = {1000, 1000}, .duration = {20, 40}, .has_begun = 1};
    source_resume(report->kit.source, &time, report->kit.now);
    kit_start(&report->kit, 0, 1);
    source_time(report->kit.source, &time);
    ck_assert_int_gt(time.last, 500040 + 49 * 40 + 10);
    report_free(report);
}
END_TEST

Suite *check_source_report_suite(void)
{
    Suite *suite = suite_create("source_report");
    TCase *tc = tcase_create("tell");

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, facts_are_told_when_they_change);
    tcase_add_test(tc, facts_say_what_fits);
    tcase_add_test(tc, the_first_and_last_watching_viewer_are_reported);
    tcase_add_test(tc, time_goes_on_from_elsewhere);
    return suite;
}
