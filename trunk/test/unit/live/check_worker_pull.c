/* The stream that another worker sends, at the worker that pulls it: where viewers begin. */
#include "live_kit.h"

Suite *check_worker_pull_suite(void);

/* The stream of a worker pull: its timestamps stay, its announced tracks are final, and no viewer
 * starts too early. */
START_TEST(test_a_relayed_stream)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit.config.is_worker_pull = kit.config.is_joined = 1;
    kit_publish(&kit);
    source_promise(kit.source, 1, 1);
    kit_avc_header(&kit, 700000, 0x1f);
    kit_aac_header(&kit, 700000, 0x10);
    for (uint32_t ms = 701000; ms < 702000; ms += 40)
        kit_video(&kit, ms, ms == 701000);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 0);
    source_filled(kit.source);
    kit_take(seen);
    /* Both tracks are announced before there is audio, and no viewer has started before everything
     * was there. */
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[2].is_key && seen->tag[2].ms == 701000);
    /* The next one continues at its own time, if that is ahead; else where the last one ended. */
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    source_filled(kit.source);
    kit_run(&kit, 702000, 25);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    source_filled(kit.source);
    kit_run(&kit, 0, 5);
    seen->count = 0;
    kit_take(seen);
    ck_assert_uint_eq(seen->tag[0].ms, 702000);
    ck_assert_uint_eq(seen->tag[49].ms, 702970);
    ck_assert_uint_ge(seen->tag[50].ms, 702970);
    ck_assert_uint_le(seen->tag[50].ms, 703050);
    kit_close(&kit);
}
END_TEST

/* A tick may come between the publication of a worker pull and its first frame: the past has not
 * arrived then, whenever the ring had its last frame before. */
START_TEST(test_a_relay_that_is_filled_late)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.is_worker_pull = kit.config.is_joined = 1;
    kit.config.rewind = 10 * USEC_PER_SEC;
    seen = kit_watch(&kit, &mux_flv);
    kit_publish(&kit);
    source_tick(kit.source, kit.now);
    source_promise(kit.source, 1, 1);
    for (uint32_t ms = 0; ms < 5000; ms += 1000)
        kit_start(&kit, ms, 25);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 0);
    source_filled(kit.source);
    /* What comes before the viewer reads is not skipped. */
    kit_start(&kit, 5000, 25);
    kit_take(seen);
    ck_assert_int_gt(seen->count, 50);
    ck_assert(seen->tag[2].is_key && seen->tag[2].ms == 4000);
    kit_close(&kit);
}
END_TEST

/* The mark may be lost with its sender: the tick ends that wait. */
START_TEST(test_a_relay_that_never_says_it_is_filled)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.is_worker_pull = 1;
    seen = kit_watch(&kit, &mux_flv);
    kit_publish(&kit);
    kit_start(&kit, 0, 5);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 0);
    kit.now += USEC_PER_SEC;
    source_tick(kit.source, kit.now);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2 + 2 * 5);
    kit_close(&kit);
}
END_TEST

Suite *check_worker_pull_suite(void)
{
    Suite *suite = suite_create("worker_pull");
    TCase *tcase = tcase_create("worker_pull");

    tcase_add_test(tcase, test_a_relayed_stream);
    tcase_add_test(tcase, test_a_relay_that_is_filled_late);
    tcase_add_test(tcase, test_a_relay_that_never_says_it_is_filled);
    suite_add_tcase(suite, tcase);
    return suite;
}
