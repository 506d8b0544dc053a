/* Every order in which publishers, claims, takeovers and ends can meet, without a socket. */
#include "publication_kit.h"
#include "test/unit/no_memory.h"

#include <string.h>

Suite *check_publication_suite(void);

/* ---- begin, end ---- */

START_TEST(begin_and_end)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);

    ck_assert_int_eq(publication_kind(kit.stream), -1);
    ck_assert_int_eq(kit_begin(&a), PUBLICATION_OURS);
    kit_traced(KIT_OPENED);
    ck_assert_int_eq(publication_kind(kit.stream), PUBLISHER_ENCODER);
    ck_assert_int_eq(source_state(kit.source), SOURCE_LIVE);
    a.linger = 1;
    kit_end(&a);
    kit_traced("linger0 linger1 " KIT_ENDED);
    ck_assert_int_ne(source_state(kit.source), SOURCE_LIVE);
    publication_end(NULL);
    kit_traced("");
}
END_TEST

/* Whichever claim refuses: the earlier ones are undone in reverse order, and so is its own where
 * that has left something. */
START_TEST(each_claim_refuses)
{
    static const char *const undone[KIT_CLAIMS] = {"claim0 ", "claim0 settle0 claim1 release0 ",
                                                   KIT_BEGIN "release1 release0 "};
    static const char *const own_undone[KIT_CLAIMS] = {
        "claim0 release0 ", "claim0 settle0 claim1 release1 release0 ", KIT_BEGIN KIT_ENDED};

    for (int i = 0; i < 2 * KIT_CLAIMS; i++) {
        struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
        int at = i / 2;

        kit.claim[at].verdict = i % 2 == 0 ? CLAIM_BUSY : CLAIM_ELSEWHERE;
        ck_assert_int_eq(kit_begin(&a), i % 2 == 0 ? PUBLICATION_BUSY : PUBLICATION_ELSEWHERE);
        ck_assert_ptr_null(a.p);
        if (i % 2 == 1)
            ck_assert_int_eq(a.elsewhere.rtmp[6] - '0', at);
        kit_traced(undone[at]);
        kit.claim[at].keeps_token = 1;
        ck_assert_int_ne(kit_begin(&a), PUBLICATION_OURS);
        kit_traced(own_undone[at]);
        kit.claim[at] = (struct kit_claim){.verdict = CLAIM_GRANTED};
    }
}
END_TEST

START_TEST(a_pull_does_not_settle_or_ask)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_EDGE_PULL);

    kit.claim[1].has_find = 1;
    kit.claim[1].find = CLAIM_ALONE;
    kit.claim[0].verdict = CLAIM_BUSY;
    ck_assert_int_eq(kit_reserve(&a), PUBLICATION_BUSY);
    kit_traced("claim0 ");
    kit.claim[0].verdict = CLAIM_GRANTED;
    ck_assert_int_eq(kit_reserve(&a), PUBLICATION_OURS);
    kit_traced("claim0 claim1 claim2 ");
    kit_end(&a);
    kit_traced(KIT_ENDED);
}
END_TEST

START_TEST(a_later_claim_knows_the_holder)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_claim *first = &kit.claim[0];
    struct kit_claim *second = &kit.claim[1];

    first->verdict = CLAIM_BUSY;
    second->has_find = 1;
    second->find = CLAIM_ELSEWHERE;
    ck_assert_int_eq(kit_begin(&a), PUBLICATION_ELSEWHERE);
    ck_assert_str_eq(a.elsewhere.rtmp, "found:1");
    kit_traced("claim0 find1 ");
    /* The owner is unknown. */
    second->find = CLAIM_GRANTED;
    ck_assert_int_eq(kit_begin(&a), PUBLICATION_BUSY);
    kit_traced("claim0 find1 ");
    /* No server has it, but this server's holder does not give way. */
    second->find = CLAIM_ALONE;
    first->over_weak = CLAIM_BUSY;
    ck_assert_int_eq(kit_begin(&a), PUBLICATION_BUSY);
    kit_traced("claim0 find1 weak0 ");
    first->over_weak = CLAIM_GRANTED;
    ck_assert_int_eq(kit_begin(&a), PUBLICATION_OURS);
    kit_traced("claim0 find1 weak0 settle0 claim1 settle1 claim2 opened0 opened1 ");
    kit_end(&a);
    kit_traced(KIT_ENDED);
}
END_TEST

/* A source that is live without a publication, which the server itself never creates. */
START_TEST(the_source_refuses)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct source_config config = {.gop_cache_max_bytes = 1000};

    ck_assert_int_eq(source_publish(kit.source, &config, co_now()), 0);
    ck_assert_int_eq(kit_begin(&a), PUBLICATION_BUSY);
    kit_traced(KIT_BEGIN "answered0 answered1 " KIT_ENDED);
    ck_assert_ptr_null(kit.stream->publication);
    source_unpublish(kit.source, co_now());
}
END_TEST

START_TEST(without_memory)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    enum publication_verdict verdict;

    no_memory();
    verdict = kit_begin(&a);
    ck_assert_int_eq(no_memory_over(), 1);
    ck_assert_int_eq(verdict, PUBLICATION_NOMEM);
    ck_assert_ptr_null(a.p);
    a = kit_publisher(PUBLISHER_EDGE_PULL);
    no_memory();
    verdict = kit_reserve(&a);
    ck_assert_int_eq(no_memory_over(), 1);
    ck_assert_int_eq(verdict, PUBLICATION_NOMEM);
    ck_assert_ptr_null(a.p);
    kit_traced("");
}
END_TEST

/* ---- two at one moment ---- */

START_TEST(two_publishers_in_one_claim)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    kit.claim[0].is_exclusive = 1;
    kit.claim[1].stays = KIT_CLAIM;
    kit_start_begin(&a);
    kit_stays(1);
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_BUSY);
    kit_go(1);
    kit_join(&a);
    ck_assert_int_eq(a.verdict, PUBLICATION_OURS);
    ck_assert_ptr_eq(kit.stream->publication, a.p);
    kit_finish(&a);
}
END_TEST

/* No claim keeps them apart (one process, no directory): the source does. */
START_TEST(two_publishers_at_the_source)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    kit.claim[0].is_shared = kit.claim[1].is_shared = 1;
    kit.claim[2].stays = KIT_CLAIM;
    kit_start_begin(&a);
    kit_stays(2);
    kit_start_begin(&b);
    while (strcmp(kit.trace, KIT_BEGIN KIT_BEGIN) != 0)
        co_yield ();
    kit_go(2);
    kit_join(&a);
    kit_join(&b);
    ck_assert_int_eq(a.verdict, PUBLICATION_OURS);
    ck_assert_int_eq(b.verdict, PUBLICATION_BUSY);
    ck_assert_int_eq(a.asked, 1);
    ck_assert_ptr_eq(kit.stream->publication, a.p);
    kit_finish(&a);
}
END_TEST

/* ---- takeover ---- */

static const uint8_t print_x[PUBLISHER_FINGERPRINT_SIZE] = {1};
static const uint8_t print_y[PUBLISHER_FINGERPRINT_SIZE] = {2};

START_TEST(takeover_by_configuration)
{
    static const struct {
        int takeover;
        const uint8_t *old, *new;
        int is_taken;
    } cases[] = {
        {TAKEOVER_REJECT, print_x, print_x, 0},
        {TAKEOVER_REPLACE, NULL, NULL, 1},
        {TAKEOVER_REPLACE, print_x, print_y, 1},
        {TAKEOVER_REPLACE_SAME_TOKEN, print_x, print_x, 1},
        {TAKEOVER_REPLACE_SAME_TOKEN, print_x, print_y, 0},
        {TAKEOVER_REPLACE_SAME_TOKEN, NULL, print_x, 0},
        {TAKEOVER_REPLACE_SAME_TOKEN, print_x, NULL, 0},
        {TAKEOVER_REPLACE_SAME_TOKEN, NULL, NULL, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
        struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

        a.publisher.fingerprint = cases[i].old;
        b.publisher.fingerprint = cases[i].new;
        b.vhost.publish.takeover = cases[i].takeover;
        kit_publish(&a);
        ck_assert_int_eq(kit_begin(&b), cases[i].is_taken ? PUBLICATION_OURS : PUBLICATION_BUSY);
        ck_assert_int_eq(a.evicted, cases[i].is_taken);
        ck_assert_ptr_eq(kit.stream->publication, cases[i].is_taken ? b.p : a.p);
        if (cases[i].is_taken) {
            ck_assert_int_eq(a.why, EVICT_TAKEN_OVER);
            /* The claims of the old one are released before the new one opens, and only once. */
            kit_traced(KIT_BEGIN KIT_ENDED "evict opened0 opened1 ");
            kit_end(&a);
            kit_traced("");
            ck_assert_int_eq(source_state(kit.source), SOURCE_LIVE);
            kit_finish(&b);
        } else {
            kit_traced(KIT_BEGIN "answered0 answered1 " KIT_ENDED);
            kit_finish(&a);
        }
        for (int k = 0; k < KIT_CLAIMS; k++)
            kit_lose_claim(k);
    }
}
END_TEST

START_TEST(a_pull_is_not_taken_over)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_EDGE_PULL);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    ck_assert_int_eq(kit_reserve(&a), PUBLICATION_OURS);
    ck_assert_int_eq(publication_open(a.p), 0);
    b.vhost.publish.takeover = TAKEOVER_REPLACE;
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_BUSY);
    ck_assert_int_eq(a.evicted, 0);
    kit_finish(&a);
}
END_TEST

START_TEST(an_origin_pull_gives_way)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ORIGIN_PULL);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    ck_assert_int_eq(kit_reserve(&a), PUBLICATION_OURS);
    ck_assert_int_eq(publication_open(a.p), 0);
    /* Not while another server may have the stream. */
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_BUSY);
    ck_assert_int_eq(a.evicted, 0);
    a.ends_at_evict = 1;
    kit.claim[1].verdict = CLAIM_ALONE;
    ck_assert_int_eq(kit_begin(&b), PUBLICATION_OURS);
    ck_assert_int_eq(a.evicted, 1);
    ck_assert_ptr_null(a.p);
    ck_assert_ptr_eq(kit.stream->publication, b.p);
    kit_finish(&b);
}
END_TEST

/* The claim is lost to another process in each step of a begin that yields. */
START_TEST(taken_over_in_the_middle)
{
    static const struct {
        int row;
        enum kit_step step;
        const char *trace;
    } cases[] = {
        {0, KIT_SETTLE, KIT_BEGIN KIT_ENDED},
        {1, KIT_CLAIM, KIT_BEGIN KIT_ENDED},
        {1, KIT_SETTLE, KIT_BEGIN KIT_ENDED},
        {2, KIT_CLAIM, KIT_BEGIN KIT_ENDED},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);

        kit.claim[cases[i].row].stays = cases[i].step;
        kit_start_begin(&a);
        kit_stays(cases[i].row);
        kit_lose_claim(0);
        kit_go(cases[i].row);
        kit_join(&a);
        ck_assert_int_eq(a.verdict, PUBLICATION_BUSY);
        ck_assert_ptr_null(a.p);
        ck_assert_int_eq(a.evicted, 0);
        kit_traced(cases[i].trace);
    }
}
END_TEST

START_TEST(evicted_while_it_lingers)
{
    for (int by_encoder = 0; by_encoder <= 1; by_encoder++) {
        struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
        struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

        kit_publish(&a);
        kit.claim[0].stays = KIT_LINGER;
        kit_start_end(&a, 1, USEC_NEVER / 4);
        kit_stays(0);
        if (by_encoder) {
            b.vhost.publish.takeover = TAKEOVER_REPLACE;
            ck_assert_int_eq(kit_begin(&b), PUBLICATION_OURS);
        } else {
            publication_evict(kit.stream, EVICT_LEASE_LOST);
        }
        kit_traced(by_encoder ? "linger0 " KIT_BEGIN KIT_ENDED "evict opened0 opened1 "
                              : "linger0 " KIT_ENDED "evict ");
        ck_assert_int_eq(a.why, by_encoder ? EVICT_TAKEN_OVER : EVICT_LEASE_LOST);
        kit_go(0);
        kit_join(&a);
        /* The next row does not linger, and no claim is released twice. */
        kit_traced("");
        if (by_encoder) {
            ck_assert_ptr_eq(kit.stream->publication, b.p);
            kit_finish(&b);
        }
    }
}
END_TEST

START_TEST(a_lease_is_lost)
{
    struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
    struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

    publication_evict(kit.stream, EVICT_LEASE_LOST);
    kit_publish(&a);
    publication_evict(kit.stream, EVICT_LEASE_LOST);
    kit_traced(KIT_ENDED "evict ");
    ck_assert_int_eq(a.why, EVICT_LEASE_LOST);
    ck_assert_int_eq(publication_open(a.p), -1);
    /* The stream is free before the evicted publisher has run. */
    kit_publish(&b);
    publication_evict(kit.stream, EVICT_LEASE_LOST);
    publication_evict(kit.stream, EVICT_LEASE_LOST);
    ck_assert_int_eq(a.evicted, 1);
    ck_assert_int_eq(b.evicted, 1);
    kit.trace[0] = '\0';
    a.linger = b.linger = 1;
    kit_end(&a);
    kit_end(&b);
    kit_traced("");
}
END_TEST

/* The old one ends in each step of the new one's begin. */
START_TEST(an_end_during_a_begin)
{
    static const enum kit_step steps[] = {KIT_CLAIM, KIT_SETTLE};

    for (int i = 0; i < 4; i++) {
        struct kit_publisher a = kit_publisher(PUBLISHER_ENCODER);
        struct kit_publisher b = kit_publisher(PUBLISHER_ENCODER);

        kit_publish(&a);
        kit.claim[i / 2].stays = steps[i % 2];
        kit_start_begin(&b);
        kit_stays(i / 2);
        kit_end(&a);
        kit_go(i / 2);
        kit_join(&b);
        ck_assert_int_eq(b.verdict, PUBLICATION_OURS);
        ck_assert_int_eq(a.asked, 0);
        kit_finish(&b);
    }
}
END_TEST

Suite *check_publication_suite(void)
{
    Suite *suite = suite_create("publication");
    TCase *tcase = tcase_create("publication");

    tcase_add_checked_fixture(tcase, kit_open, kit_close);
    tcase_add_test(tcase, begin_and_end);
    tcase_add_test(tcase, each_claim_refuses);
    tcase_add_test(tcase, a_pull_does_not_settle_or_ask);
    tcase_add_test(tcase, a_later_claim_knows_the_holder);
    tcase_add_test(tcase, the_source_refuses);
    tcase_add_test(tcase, without_memory);
    tcase_add_test(tcase, two_publishers_in_one_claim);
    tcase_add_test(tcase, two_publishers_at_the_source);
    tcase_add_test(tcase, takeover_by_configuration);
    tcase_add_test(tcase, a_pull_is_not_taken_over);
    tcase_add_test(tcase, an_origin_pull_gives_way);
    tcase_add_test(tcase, taken_over_in_the_middle);
    tcase_add_test(tcase, evicted_while_it_lingers);
    tcase_add_test(tcase, a_lease_is_lost);
    tcase_add_test(tcase, an_end_during_a_begin);
    suite_add_tcase(suite, tcase);
    return suite;
}
