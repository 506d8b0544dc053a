/* Publishers that must be granted: asked when nothing else is in the way, never for a busy stream,
 * and nobody loses a stream to one that is refused. */
#include "publication_kit.h"

Suite *check_publication_grant_suite(void);

/* The grant comes after all claims and before the source opens. */
START_TEST(granted)
{
    struct kit_publisher a = kit_publisher_granted();

    ck_assert_int_eq(kit_begin(&a), PUBLICATION_OURS);
    kit_traced(KIT_BEGIN "grant opened0 opened1 ");
    ck_assert_int_eq(source_state(kit.source), SOURCE_LIVE);
    kit_end(&a);
    kit_traced(KIT_ENDED);
}
END_TEST

START_TEST(refused)
{
    struct kit_publisher a = kit_publisher_granted();
    struct kit_publisher b = kit_publisher_granted();

    a.is_refused = 1;
    ck_assert_int_eq(kit_begin(&a), PUBLICATION_REFUSED);
    kit_traced(KIT_BEGIN "grant " KIT_ENDED);
    ck_assert_ptr_null(a.p);
    ck_assert_int_ne(source_state(kit.source), SOURCE_LIVE);
    kit_publish(&b);
    kit_finish(&b);
}
END_TEST

/* Nobody is asked for a stream that another publisher has, here or elsewhere. */
START_TEST(busy)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher_granted();

    kit_publish(&a);
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_BUSY);
    kit_traced(KIT_BEGIN "answered0 answered1 " KIT_ENDED);
    kit_finish(&a);
    kit.claim[1].verdict = CLAIM_BUSY;
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_BUSY);
    kit_traced("claim0 settle0 claim1 release0 ");
}
END_TEST

/* While one is asked, a second one is refused without being asked. */
START_TEST(one_at_a_time)
{
    struct kit_publisher a = kit_publisher_granted();
    struct kit_publisher b = kit_publisher_granted();

    for (int i = 0; i < KIT_CLAIMS; i++)
        kit.claim[i].is_shared = 1;
    a.is_grant_held = 1;
    kit_start_begin(&a);
    while (kit.stream->granting == NULL)
        co_yield ();
    kit.trace[0] = '\0';
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_BUSY);
    kit_traced(KIT_BEGIN KIT_ENDED);
    a.is_grant_held = 0;
    co_cond_broadcast(&kit.go);
    kit_join(&a);
    ck_assert_int_eq(a.verdict, PUBLICATION_OURS);
    kit_finish(&a);
}
END_TEST

/* The claim is lost while the answer is awaited. */
START_TEST(claim_lost_meanwhile)
{
    struct kit_publisher a = kit_publisher_granted();

    a.is_grant_held = 1;
    kit_start_begin(&a);
    while (kit.stream->granting == NULL)
        co_yield ();
    kit.claim[1].held = 0;
    a.is_grant_held = 0;
    co_cond_broadcast(&kit.go);
    kit_join(&a);
    ck_assert_int_eq(a.verdict, PUBLICATION_BUSY);
    ck_assert_ptr_null(a.p);
    ck_assert_int_ne(source_state(kit.source), SOURCE_LIVE);
}
END_TEST

/* takeover replace: the holder keeps the stream until the newcomer is granted. */
START_TEST(takeover)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher_granted();

    for (int i = 0; i < KIT_CLAIMS; i++)
        kit.claim[i].is_shared = 1;
    kit_publish(&a);
    b.vhost.publish.takeover = TAKEOVER_REPLACE;
    b.is_refused = 1;
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_REFUSED);
    kit_traced("grant ");
    ck_assert_int_eq(a.evicted, 0);
    ck_assert_ptr_eq(kit.stream->publication, a.p);
    b.is_refused = 0;
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_OURS);
    ck_assert_int_eq(a.evicted, 1);
    ck_assert_ptr_eq(kit.stream->publication, b.p);
    kit_end(&a);
    kit_end(&b);
}
END_TEST

Suite *check_publication_grant_suite(void)
{
    Suite *suite = suite_create("publication_grant");
    TCase *tcase = tcase_create("publication_grant");

    tcase_add_checked_fixture(tcase, kit_open, kit_close);
    tcase_add_test(tcase, granted);
    tcase_add_test(tcase, refused);
    tcase_add_test(tcase, busy);
    tcase_add_test(tcase, one_at_a_time);
    tcase_add_test(tcase, claim_lost_meanwhile);
    tcase_add_test(tcase, takeover);
    suite_add_tcase(suite, tcase);
    return suite;
}
