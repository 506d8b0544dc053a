/* The places of all connections: limits over several processes, which connection gives way, and
 * what a process that is killed leaves. */
#include "places_kit.h"

Suite *check_places_suite(void);

START_TEST(test_viewers_and_publishers_keep_their_places)
{
    for (int i = 0; i < 6; i++)
        enter_as(i % 3, i, i % 2 != 0 ? QUOTA_VIEWER : QUOTA_PUBLISHER);
    for (int i = 0; i < 3; i++) {
        struct places_answer answer = enter(i, 10, QUOTA_NEW);

        ck_assert_int_eq(answer.limit, QUOTA_NEW);
        ck_assert_uint_eq(house.of[10], 0);
        ck_assert_int_eq(enter(i, 10, QUOTA_API).limit, QUOTA_NEW);
    }
    places_leave(house.places, house.of[0]);
    assert_granted(enter(1, 10, QUOTA_NEW), -1);
    ck_assert_uint_eq(total(), 6);
}
END_TEST

/* Whichever process serves it; its process finds out which ones they were. */
START_TEST(test_the_oldest_gives_way)
{
    enter_as(1, 0, QUOTA_NEW);
    enter_as(2, 1, QUOTA_NEW);
    enter_as(1, 2, QUOTA_NEW);
    enter_as(0, 3, QUOTA_VIEWER);
    enter_as(0, 4, QUOTA_NEW);
    enter_as(2, 5, QUOTA_NEW);
    /* It has just been served. */
    ck_assert_int_eq(places_move(house.places, house.of[0], QUOTA_NEW, ++house.now), 0);
    assert_granted(enter(0, 10, QUOTA_NEW), 2);
    assert_granted(enter(0, 11, QUOTA_NEW), 1);
    assert_granted(enter(1, 12, QUOTA_NEW), 0);
    assert_granted(enter(2, 13, QUOTA_NEW), 2);
    assert_granted(enter(2, 14, QUOTA_NEW), 1);
    ck_assert_uint_eq(total(), 6);
    ck_assert_int_eq(evicted(0, QUOTA_NEW), 4);
    ck_assert_int_eq(evicted(0, QUOTA_NEW), -1);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 2);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 0);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), -1);
    ck_assert_int_eq(evicted(2, QUOTA_NEW), 1);
    ck_assert_int_eq(evicted(2, QUOTA_NEW), 5);
    ck_assert_uint_eq(total(), 6);
}
END_TEST

START_TEST(test_waiting_players_are_evicted_before_new_connections)
{
    step = 1;
    enter_as(0, 0, QUOTA_NEW);
    house.now += ADMISSION_GRACE;
    enter_as(1, 1, QUOTA_NEW);
    enter_as(2, 2, QUOTA_WAITER);
    enter_as(1, 3, QUOTA_WAITER);
    enter_as(0, 4, QUOTA_NEW);
    enter_as(0, 5, QUOTA_VIEWER);
    /* One has idled for long; then those that wait; then the other new ones. */
    assert_granted(enter(0, 10, QUOTA_NEW), 0);
    assert_granted(enter(0, 11, QUOTA_NEW), 2);
    assert_granted(enter(0, 12, QUOTA_NEW), 1);
    assert_granted(enter(0, 13, QUOTA_NEW), 0);
    ck_assert_int_eq(evicted(0, QUOTA_NEW), 0);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 3);
    ck_assert_int_eq(evicted(0, QUOTA_NEW), 4);
}
END_TEST

/* Between its eviction and the moment when its process notices it, a connection gets no other
 * place. */
START_TEST(test_an_evicted_connection_has_lost_its_place)
{
    struct places_answer answer;

    for (int i = 0; i < 6; i++)
        enter_as(1, i, QUOTA_NEW);
    for (int i = 10; i < 13; i++)
        assert_granted(enter(0, i, QUOTA_NEW), 1);
    answer = become(0, QUOTA_VIEWER);
    ck_assert_int_eq(answer.is_lost, 1);
    ck_assert_int_eq(answer.limit, QUOTA_NEW);
    ck_assert_int_eq(places_move(house.places, house.of[1], QUOTA_NEW, house.now), -1);
    /* It ends before its process has noticed, and another one after that. */
    places_leave(house.places, house.of[1]);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 0);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 2);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), -1);
    places_leave(house.places, house.of[0]);
    assert_granted(become(3, QUOTA_VIEWER), -1);
    ck_assert_uint_eq(total(), 6);
    ck_assert_uint_eq(count_of(QUOTA_NEW), 5);
}
END_TEST

/* A process that does not notice loses so many connections, and no more: they have descriptors. */
START_TEST(test_evictions_are_bounded)
{
    house.config.max_connections = 300;
    for (int i = 0; i < 300; i++)
        enter_as(i < 290 ? 1 : 2, i, i < 290 ? QUOTA_NEW : QUOTA_VIEWER);
    for (int n = 0; n < PLACES_EVICTED_MAX; n++) {
        assert_granted(enter(0, 300, QUOTA_NEW), 1);
        ck_assert_int_eq(places_move(house.places, house.of[300], QUOTA_VIEWER, house.now), 0);
    }
    ck_assert_int_eq(enter(0, 301, QUOTA_NEW).limit, QUOTA_NEW);
    ck_assert_int_eq(enter(1, 301, QUOTA_NEW).limit, QUOTA_NEW);
    /* That it notices is not enough: one of them has to end. */
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 0);
    ck_assert_int_eq(enter(0, 301, QUOTA_NEW).limit, QUOTA_NEW);
    places_leave(house.places, house.of[0]);
    assert_granted(enter(0, 301, QUOTA_NEW), 1);
    ck_assert_uint_eq(total(), 300);
}
END_TEST

START_TEST(test_classes_have_limits_over_all_processes)
{
    house.config.max_connections = 100;
    house.config.max_publishers = 2;
    house.config.max_api_connections = 2;
    for (int i = 0; i < 3; i++)
        enter_as(i, i, QUOTA_NEW);
    assert_granted(become(0, QUOTA_PUBLISHER), -1);
    assert_granted(become(1, QUOTA_PUBLISHER), -1);
    ck_assert_int_eq(become(2, QUOTA_PUBLISHER).limit, QUOTA_PUBLISHER);
    ck_assert_uint_eq(count_of(QUOTA_NEW), 1);
    places_leave(house.places, house.of[1]);
    assert_granted(become(2, QUOTA_PUBLISHER), -1);
    assert_granted(enter(1, 10, QUOTA_API), -1);
    assert_granted(enter(0, 11, QUOTA_API), -1);
    assert_granted(enter(2, 12, QUOTA_API), 1);
    assert_granted(enter(2, 13, QUOTA_API), 0);
    ck_assert_int_eq(evicted(1, QUOTA_API), 10);
    ck_assert_int_eq(evicted(0, QUOTA_API), 11);
    ck_assert_uint_eq(count_of(QUOTA_API), 2);
    ck_assert_uint_eq(total(), 4);
}
END_TEST

START_TEST(test_waiters_of_any_process_give_way)
{
    house.config.max_connections = 100;
    house.config.max_waiters = 2;
    house.config.max_viewers = 3;
    for (int i = 0; i < 6; i++)
        enter_as(i % 3, i, QUOTA_NEW);
    assert_granted(become(0, QUOTA_WAITER), -1);
    assert_granted(become(1, QUOTA_WAITER), -1);
    assert_granted(become(2, QUOTA_WAITER), 0);
    ck_assert_int_eq(evicted(0, QUOTA_WAITER), 0);
    /* What it waited for is there. */
    ck_assert_int_eq(places_move(house.places, house.of[1], QUOTA_VIEWER, house.now), 0);
    assert_granted(become(3, QUOTA_VIEWER), -1);
    assert_granted(become(4, QUOTA_VIEWER), 2);
    ck_assert_int_eq(evicted(2, QUOTA_VIEWER), 2);
    ck_assert_int_eq(become(5, QUOTA_VIEWER).limit, QUOTA_VIEWER);
    ck_assert_int_eq(become(5, QUOTA_WAITER).limit, QUOTA_VIEWER);
    ck_assert_uint_eq(count_of(QUOTA_VIEWER), 3);
    ck_assert_uint_eq(count_of(QUOTA_NEW), 1);
}
END_TEST

START_TEST(test_one_more_without_a_place)
{
    house.config.max_publishers = 2;
    ck_assert_int_eq(places_enter_more(house.places, 0, &house.config, QUOTA_PUBLISHER),
                     QUOTA_CLASSES);
    ck_assert_int_eq(places_enter_more(house.places, 1, &house.config, QUOTA_PUBLISHER),
                     QUOTA_CLASSES);
    ck_assert_int_eq(places_enter_more(house.places, 2, &house.config, QUOTA_PUBLISHER),
                     QUOTA_PUBLISHER);
    places_leave_more(house.places, 1, QUOTA_PUBLISHER);
    ck_assert_int_eq(places_enter_more(house.places, 2, &house.config, QUOTA_PUBLISHER),
                     QUOTA_CLASSES);
    places_reap(house.places, 2);
    ck_assert_uint_eq(count_of(QUOTA_PUBLISHER), 1);
    ck_assert_uint_eq(total(), 0);
}
END_TEST

/* Its places are free, its evicted ones too; those of the others stay, in their order. */
START_TEST(test_a_dead_process_holds_nothing)
{
    for (int i = 0; i < 6; i++)
        enter_as(i % 2, i, QUOTA_NEW);
    assert_granted(enter(2, 10, QUOTA_NEW), 0);
    assert_granted(enter(2, 11, QUOTA_NEW), 1);
    places_reap(house.places, 1);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), -1);
    ck_assert_uint_eq(total(), 4);
    for (int i = 20; i < 22; i++)
        assert_granted(enter(1, i, QUOTA_NEW), -1);
    assert_granted(enter(1, 22, QUOTA_NEW), 0);
    assert_granted(enter(1, 23, QUOTA_NEW), 0);
    assert_granted(enter(1, 24, QUOTA_NEW), 2);
    for (int i = 0; i < 6; i += 2)
        ck_assert_int_eq(evicted(0, QUOTA_NEW), i);
    ck_assert_int_eq(evicted(2, QUOTA_NEW), 10);
}
END_TEST

static usec_t wait_of(enum quota_class class, usec_t now)
{
    return places_wait(house.places, &house.config, class, now);
}

/* Their process may not have read what they sent: others give way first, or the new one waits. */
START_TEST(test_new_connections_are_not_evicted)
{
    step = 1;
    for (int i = 0; i < 5; i++)
        enter_as(i % 3, i, i < 2 ? QUOTA_NEW : QUOTA_VIEWER);
    ck_assert_int_eq(enter(1, 5, QUOTA_NEW).is_full, 1);
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now), 0);
    for (int i = 0; i < 2; i++) {
        struct places_answer answer = enter(2, 10 + i, QUOTA_NEW);

        /* Process 1 has two of them. */
        assert_granted(answer, 1 - i);
        ck_assert_int_eq(answer.is_full, 1);
        ck_assert_int_eq(evicted(1 - i, QUOTA_NEW), 1 - i);
    }
    /* All three are fresh. */
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now + 8), PLACES_REST - 10);
    places_seen(house.places, house.of[10], &house.of[11]); /* now another one's */
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now + 8), PLACES_REST - 10);
    places_seen(house.places, house.of[11], &house.of[11]);
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now + 8), 0);
    assert_granted(enter(0, 12, QUOTA_NEW), 2);
    ck_assert_int_eq(evicted(2, QUOTA_NEW), 11);
    /* One that waits for a stream is not about to ask for anything. */
    ck_assert_int_gt(wait_of(QUOTA_NEW, house.now), 0);
    ck_assert_int_eq(places_move(house.places, house.of[3], QUOTA_WAITER, house.now), 0);
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now), 0);
    assert_granted(enter(0, 13, QUOTA_NEW), 0);
    ck_assert_int_eq(evicted(0, QUOTA_NEW), 3);
    /* However fresh, the oldest gives way in the end. */
    assert_granted(enter(0, 14, QUOTA_NEW), 1);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 5);
    house.now += PLACES_REST;
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now), 0);
    /* None that could give way: nothing to wait for. */
    for (int i = 12; i < 15; i++)
        ck_assert_int_eq(places_move(house.places, house.of[i], QUOTA_VIEWER, house.now), 0);
    ck_assert_int_eq(places_move(house.places, house.of[10], QUOTA_VIEWER, house.now), 0);
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now), 0);
}
END_TEST

/* One connection has just arrived at process 0, and a burst at process 1. */
START_TEST(test_a_burst_evicts_its_own_connections)
{
    step = 1;
    house.config.max_connections = 7;
    enter_as(2, 0, QUOTA_NEW);
    enter_as(0, 1, QUOTA_NEW);
    for (int i = 2; i < 6; i++)
        enter_as(1, i, QUOTA_NEW);
    enter_as(1, 6, QUOTA_VIEWER);
    for (int i = 0; i < 3; i++) {
        assert_granted(enter(i, 10 + i, QUOTA_NEW), 1);
        ck_assert_int_eq(evicted(1, QUOTA_NEW), 2 + i);
        ck_assert_int_eq(places_move(house.places, house.of[10 + i], QUOTA_VIEWER, house.now), 0);
    }
    /* One each: its own. */
    assert_granted(enter(0, 20, QUOTA_NEW), 0);
    ck_assert_int_eq(evicted(0, QUOTA_NEW), 1);
    places_seen(house.places, house.of[20], &house.of[20]);
    /* Later the order of arrival counts. */
    house.now += PLACES_REST;
    assert_granted(enter(1, 21, QUOTA_NEW), 2);
    ck_assert_int_eq(evicted(2, QUOTA_NEW), 0);
}
END_TEST

START_TEST(test_pulls_have_a_limit_of_their_own)
{
    places_free(house.places);
    house.places = places_new(NULL, PROCESSES, PLACES_PULLS);
    ck_assert_ptr_nonnull(house.places);
    house.config.max_pulls = 4;
    step = 1;
    for (int i = 0; i < 4; i++)
        enter_as(i == 0 ? 0 : 1, i, i == 1 ? QUOTA_VIEWER : QUOTA_NEW);
    ck_assert_int_eq(places_has_room(house.places, &house.config, QUOTA_NEW, house.now), 1);
    /* The oldest, however many there are of the other process, but not one that receives media. */
    assert_granted(enter(2, 10, QUOTA_NEW), 0);
    assert_granted(enter(0, 11, QUOTA_NEW), 1);
    ck_assert_int_eq(evicted(0, QUOTA_NEW), 0);
    ck_assert_int_eq(evicted(1, QUOTA_NEW), 2);
    for (int i = 3; i < 12; i += i == 3 ? 7 : 1)
        ck_assert_int_eq(places_move(house.places, house.of[i], QUOTA_VIEWER, house.now), 0);
    ck_assert_int_eq(places_has_room(house.places, &house.config, QUOTA_NEW, house.now), 0);
    ck_assert_int_eq(enter(2, 12, QUOTA_NEW).limit, QUOTA_NEW);
    ck_assert_uint_eq(house.of[12], 0);
    places_leave(house.places, house.of[3]);
    ck_assert_int_eq(places_has_room(house.places, &house.config, QUOTA_NEW, house.now), 1);
}
END_TEST

START_TEST(test_no_wait_below_the_limits)
{
    step = 1;
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now), 0);
    ck_assert_int_eq(enter(1, 0, QUOTA_NEW).is_full, 0);
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now), 0);
    house.config.max_api_connections = 1;
    ck_assert_int_eq(wait_of(QUOTA_API, house.now), 0);
    ck_assert_int_eq(enter(1, 10, QUOTA_API).is_full, 1);
    ck_assert_int_eq(wait_of(QUOTA_API, house.now), PLACES_REST);
    ck_assert_int_eq(wait_of(QUOTA_NEW, house.now), 0);
}
END_TEST

Suite *check_places_suite(void)
{
    Suite *suite = suite_create("places");
    TCase *tc = tcase_create("places");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_viewers_and_publishers_keep_their_places);
    tcase_add_test(tc, test_the_oldest_gives_way);
    tcase_add_test(tc, test_waiting_players_are_evicted_before_new_connections);
    tcase_add_test(tc, test_an_evicted_connection_has_lost_its_place);
    tcase_add_test(tc, test_evictions_are_bounded);
    tcase_add_test(tc, test_classes_have_limits_over_all_processes);
    tcase_add_test(tc, test_waiters_of_any_process_give_way);
    tcase_add_test(tc, test_one_more_without_a_place);
    tcase_add_test(tc, test_a_dead_process_holds_nothing);
    tcase_add_test(tc, test_new_connections_are_not_evicted);
    tcase_add_test(tc, test_a_burst_evicts_its_own_connections);
    tcase_add_test(tc, test_pulls_have_a_limit_of_their_own);
    tcase_add_test(tc, test_no_wait_below_the_limits);
    suite_add_tcase(suite, tc);
    return suite;
}
