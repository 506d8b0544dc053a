/* Publications: what is asked of the holder of a stream, and its answers. */
#include "publication_kit.h"

Suite *check_publication_holder_suite(void);

/* ---- is the holder alive? ---- */

START_TEST(a_dead_holder)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);
    usec_t begun = clock_now();

    kit_publish(&a);
    a.is_alive = 0;
    kit_start_begin(&b);
    kit_asked(&a);
    kit_end(&a);
    kit_join(&b);
    ck_assert_int_eq(b.verdict, PUBLICATION_OURS);
    ck_assert_int_lt(clock_now() - begun, KIT_AT_ONCE);
    ck_assert_int_eq(a.asked, 1);
    kit_finish(&b);
}
END_TEST

START_TEST(a_late_answer)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    kit_publish(&a);
    a.is_alive = 0;
    kit_start_begin(&b);
    kit_asked(&a);
    co_yield ();
    ck_assert_int_eq(b.is_done, 0);
    ck_assert_int_eq(a.p->is_probed, 1);
    publication_answer(a.p);
    kit_join(&b);
    ck_assert_int_eq(b.verdict, PUBLICATION_BUSY);
    ck_assert_int_eq(a.p->is_probed, 0);
    kit_traced(KIT_BEGIN "answered0 answered1 " KIT_ENDED);
    kit_finish(&a);
}
END_TEST

START_TEST(no_answer)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);

    kit_publish(&a);
    a.is_alive = 0;
    ck_assert_int_eq(publication_is_gone(kit.stream, KIT_SHORT), 0);
    kit_traced("");
    /* Too late for that question, and still an answer. */
    publication_answer(a.p);
    kit_traced("answered0 answered1 ");
    kit_finish(&a);
    ck_assert_int_eq(publication_is_gone(kit.stream, KIT_SHORT), 1);
}
END_TEST

/* A publisher that has lost the stream does not answer for its successor. */
START_TEST(an_answer_of_the_predecessor)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    kit_publish(&a);
    publication_evict(kit.stream, EVICT_TAKEN_OVER);
    kit_publish(&b);
    b.is_alive = 0;
    publication_ask(kit.stream);
    ck_assert_int_eq(b.p->is_probed, 1);
    publication_answer(a.p);
    ck_assert_int_eq(b.p->is_probed, 1);
    kit_traced("");
    kit_finish(&a);
    kit_finish(&b);
}
END_TEST

/* Two wait for the end of one holder: one gets the stream, and is asked by the other. */
START_TEST(two_wait_for_a_dead_holder)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher c = kit_publisher(PUBLISHER_ENCODER);
    int ours;

    kit_publish(&a);
    a.is_alive = 0;
    kit.claim[0].stays = KIT_NOWHERE;
    kit_start_begin(&b);
    kit_asked(&a);
    a.asked = 0;
    kit_start_begin(&c);
    kit_asked(&a);
    kit_end(&a);
    kit_join(&b);
    kit_join(&c);
    ours = (b.verdict == PUBLICATION_OURS) + (c.verdict == PUBLICATION_OURS);
    ck_assert_int_eq(ours, 1);
    ck_assert_ptr_eq(kit.stream->publication, b.p != NULL ? b.p : c.p);
    kit_finish(b.p != NULL ? &b : &c);
}
END_TEST

START_TEST(claim_lost_while_the_holder_is_asked)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    kit_publish(&a);
    a.is_alive = 0;
    kit_start_begin(&b);
    kit_asked(&a);
    kit_end(&a);
    kit_lose_claim(1);
    kit_join(&b);
    ck_assert_int_eq(b.verdict, PUBLICATION_BUSY);
    ck_assert_int_ne(source_state(kit.source), SOURCE_LIVE);
}
END_TEST

START_TEST(interrupted_while_the_holder_is_asked)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);
    usec_t begun = clock_now();

    kit_publish(&a);
    a.is_alive = 0;
    kit_start_begin(&b);
    kit_asked(&a);
    co_interrupt(b.co);
    kit_join(&b);
    ck_assert_int_eq(b.verdict, PUBLICATION_BUSY);
    ck_assert_int_lt(clock_now() - begun, KIT_AT_ONCE);
    kit_finish(&a);
}
END_TEST

Suite *check_publication_holder_suite(void)
{
    Suite *suite = suite_create("publication_holder");
    TCase *tcase = tcase_create("publication_holder");

    tcase_add_checked_fixture(tcase, kit_open, kit_close);
    tcase_add_test(tcase, a_dead_holder);
    tcase_add_test(tcase, a_late_answer);
    tcase_add_test(tcase, no_answer);
    tcase_add_test(tcase, an_answer_of_the_predecessor);
    tcase_add_test(tcase, two_wait_for_a_dead_holder);
    tcase_add_test(tcase, claim_lost_while_the_holder_is_asked);
    tcase_add_test(tcase, interrupted_while_the_holder_is_asked);
    suite_add_tcase(suite, tcase);
    return suite;
}
