/* Publications that are reserved before they open, and publications that linger at their end. */
#include "live/viewer.h"
#include "media/flv.h"
#include "publication_kit.h"

Suite *check_publication_end_suite(void);

static void lose_claim(int i)
{
    kit.claim[i].held = 0;
}

/* ---- reserved ---- */

START_TEST(an_edge_pull)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_EDGE_PULL);

    ck_assert_int_eq(kit_reserve(&a), PUBLICATION_OURS);
    ck_assert_int_eq(publication_kind(kit.stream), -1);
    kit_traced("claim0 claim1 claim2 ");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(publication_open(a.p), 0);
        ck_assert_int_eq(publication_kind(kit.stream), PUBLISHER_EDGE_PULL);
        kit_traced("opened0 opened1 ");
        publication_close(a.p);
        publication_close(a.p);
        ck_assert_int_eq(publication_kind(kit.stream), -1);
        ck_assert_int_ne(source_state(kit.source), SOURCE_LIVE);
        kit_traced("");
    }
    ck_assert_int_eq(publication_open(a.p), 0);
    kit.trace[0] = '\0';
    kit_end(&a);
    kit_traced(KIT_ENDED);
}
END_TEST

START_TEST(a_reserved_publication_finds_the_stream_taken)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_EDGE_PULL);
    struct kit_publisher b = kit_publisher(PUBLISHER_WORKER_PULL);

    ck_assert_int_eq(kit_reserve(&b), PUBLICATION_OURS);
    ck_assert_int_eq(kit_reserve(&a), PUBLICATION_OURS);
    ck_assert_int_eq(publication_open(a.p), 0);
    kit.claim[0].held = b.p->token[0];
    kit.claim[1].held = b.p->token[1];
    ck_assert_int_eq(publication_open(b.p), -1);
    ck_assert_ptr_eq(kit.stream->publication, a.p);
    publication_close(a.p);
    ck_assert_int_eq(publication_open(b.p), 0);
    kit_finish(&b);
    kit_finish(&a);
}
END_TEST

/* The pull has not been notified yet that another process has its claim. */
START_TEST(a_reserved_publication_has_lost_its_claim)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_EDGE_PULL);

    ck_assert_int_eq(kit_reserve(&a), PUBLICATION_OURS);
    lose_claim(0);
    ck_assert_int_eq(publication_open(a.p), -1);
    ck_assert_int_ne(source_state(kit.source), SOURCE_LIVE);
    kit_finish(&a);
}
END_TEST

START_TEST(reserved_publications_are_evicted)
{
    struct kit_publisher pull[4];

    for (int i = 0; i < 4; i++) {
        pull[i] = kit_publisher(PUBLISHER_EDGE_PULL);
        ck_assert_int_eq(kit_reserve(&pull[i]), PUBLICATION_OURS);
        /* The last one alone holds the claims; the third one is open. */
        if (i == 2)
            ck_assert_int_eq(publication_open(pull[i].p), 0);
    }
    pull[1].ends_at_evict = 1;
    kit.trace[0] = '\0';
    publication_claim_lost(kit.stream, EVICT_TAKEN_OVER);
    kit_traced(KIT_ENDED "evict " KIT_ENDED "evict " KIT_ENDED "evict ");
    publication_claim_lost(kit.stream, EVICT_TAKEN_OVER);
    kit_traced("");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pull[i].evicted, i < 3);
    ck_assert_ptr_null(pull[1].p);
    ck_assert_int_eq(publication_open(pull[0].p), -1);
    ck_assert_int_eq(publication_open(pull[3].p), 0);
    for (int i = 0; i < 4; i++)
        kit_end(&pull[i]);
}
END_TEST

/* ---- lingering ---- */

static void push_frame(void)
{
    static const uint8_t avc[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65};
    struct frame frame;

    flv_frame_parse(&frame, FRAME_VIDEO, 0, avc, sizeof(avc));
    source_push(kit.source, &frame, co_now());
    ck_assert(source_is_waited_for(kit.source));
}

/* A viewer that has something to wait for. */
static struct viewer *wait_for_it(void)
{
    struct viewer *viewer = viewer_open(kit.source, &mux_flv, co_now());

    ck_assert_ptr_nonnull(viewer);
    push_frame();
    return viewer;
}

enum linger_end { ASKED, LEFT, STOPPED, INTERRUPTED, EVICTED, REPLACED, LINGER_ENDS };

START_TEST(lingering_ends_early)
{
    for (int i = 0; i < LINGER_ENDS; i++) {
        struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
        struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);
        usec_t begun = clock_now();
        struct viewer *viewer;

        kit_publish(&a);
        viewer = wait_for_it();
        kit_start_end(&a, 1, 60 * USEC_PER_SEC);
        co_yield ();
        co_yield ();
        ck_assert_int_eq(a.is_done, 0);
        ck_assert_int_eq(a.p->is_ending, 1);
        if (i == ASKED)
            ck_assert_int_eq(publication_is_gone(kit.stream, USEC_PER_SEC), 1);
        else if (i == STOPPED)
            kit.t.server.state = SERVER_STOPPING;
        else if (i == INTERRUPTED)
            co_interrupt(a.co);
        else if (i == EVICTED)
            publication_evict(kit.stream, EVICT_TAKEN_OVER);
        if (i == REPLACED) {
            /* What waits now waits for the other one. */
            b.vhost.publish.takeover = TAKEOVER_REPLACE;
            kit_publish(&b);
            push_frame();
        }
        if (i == LEFT || i == STOPPED) {
            viewer_close(viewer);
            viewer = NULL;
        }
        kit_join(&a);
        ck_assert_int_eq(a.asked, 0);
        ck_assert_int_lt(clock_now() - begun, KIT_AT_ONCE);
        kit_finish(&b);
        if (viewer != NULL)
            viewer_close(viewer);
        kit.t.server.state = SERVER_RUNNING;
    }
}
END_TEST

START_TEST(lingering_has_a_limit)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    usec_t begun = clock_now();
    struct viewer *viewer;

    kit_publish(&a);
    viewer = wait_for_it();
    kit_start_end(&a, 1, KIT_SHORT);
    kit_join(&a);
    ck_assert_int_ge(clock_now() - begun, KIT_SHORT);
    ck_assert_int_lt(clock_now() - begun, KIT_AT_ONCE);
    viewer_close(viewer);
}
END_TEST

/* A publisher that connects while the old one lingers does not wait for the end of that. */
START_TEST(a_begin_ends_lingering)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);
    struct viewer *viewer;

    kit_publish(&a);
    viewer = wait_for_it();
    kit_start_end(&a, 1, 60 * USEC_PER_SEC);
    co_yield ();
    ck_assert_int_eq(a.is_done, 0);
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_OURS);
    ck_assert_int_eq(a.asked, 0);
    ck_assert_int_eq(a.evicted, 0);
    kit_join(&a);
    ck_assert_ptr_eq(kit.stream->publication, b.p);
    kit_finish(&b);
    viewer_close(viewer);
}
END_TEST

Suite *check_publication_end_suite(void)
{
    Suite *suite = suite_create("publication_end");
    TCase *tcase = tcase_create("publication_end");

    tcase_add_checked_fixture(tcase, kit_open, kit_close);
    tcase_add_test(tcase, an_edge_pull);
    tcase_add_test(tcase, a_reserved_publication_finds_the_stream_taken);
    tcase_add_test(tcase, a_reserved_publication_has_lost_its_claim);
    tcase_add_test(tcase, reserved_publications_are_evicted);
    tcase_add_test(tcase, lingering_ends_early);
    tcase_add_test(tcase, lingering_has_a_limit);
    tcase_add_test(tcase, a_begin_ends_lingering);
    suite_add_tcase(suite, tcase);
    return suite;
}
