/* The places of all connections: limits over several processes, which connection gives way, and
 * what a process that is killed leaves. */
#include "app/core/places_table.h"

#include <check.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_places_suite(void);

#define PLACES    400
#define PROCESSES 3

/* Connections stand for themselves: the owner of number i is &house.of[i]. */
static struct {
    struct config config;
    struct places *places;
    uint32_t of[PLACES];
    usec_t now;
} house;

static usec_t step; /* from one arrival to the next */

static void setup(void)
{
    house.config = (struct config){.max_connections = 6};
    house.places = places_new(NULL, PROCESSES, PLACES_CONNECTIONS);
    house.now = USEC_PER_SEC * 1000;
    step = PLACES_REST;
    ck_assert_ptr_nonnull(house.places);
}

static void teardown(void)
{
    places_free(house.places);
}

static struct places_answer enter(int process, int i, enum quota_class class)
{
    house.now += step;
    return places_enter(house.places, process, &house.config, class, &house.of[i], house.now,
                        &house.of[i]);
}

static struct places_answer become(int i, enum quota_class class)
{
    house.now++;
    return places_become(house.places, house.of[i], &house.config, class, house.now);
}

/* Entered without a limit. */
static void enter_as(int process, int i, enum quota_class class)
{
    struct places_answer answer = enter(process, i, QUOTA_NEW);

    ck_assert_int_eq(answer.limit, QUOTA_CLASSES);
    ck_assert_int_eq(answer.evicted_at, -1);
    ck_assert_int_eq(places_move(house.places, house.of[i], class, house.now), 0);
}

static void assert_granted(struct places_answer answer, int evicted_at)
{
    ck_assert_int_eq(answer.limit, QUOTA_CLASSES);
    ck_assert_int_eq(answer.evicted_at, evicted_at);
    ck_assert_int_eq(answer.is_lost, 0);
}

/* The number of the connection of this process that has lost its place; -1: none. */
static int evicted(int process, enum quota_class limit)
{
    enum quota_class why = QUOTA_CLASSES;
    uint32_t *owner = places_next_evicted(house.places, process, &why);

    if (owner == NULL)
        return -1;
    ck_assert_int_eq(why, limit);
    return (int)(owner - house.of);
}

static uint64_t count_of(int class)
{
    return house.places->count[class];
}

static uint64_t total(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < PROCESSES; i++)
        sum += places_of(house.places, i);
    return sum;
}

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

/* ---- several processes at once ---- */

static void run_and_wait(void (*run)(int process), int processes)
{
    pid_t child[PROCESSES];
    int begin[2];

    ck_assert_int_eq(pipe(begin), 0);
    for (int i = 0; i < processes; i++) {
        child[i] = fork();
        ck_assert_int_ge(child[i], 0);
        if (child[i] == 0) {
            char byte;

            close(begin[1]);
            (void)!read(begin[0], &byte, 1); /* its end, for all at once */
            run(i);
            _exit(0);
        }
    }
    close(begin[0]);
    close(begin[1]);
    for (int i = 0; i < processes; i++)
        ck_assert_int_eq(waitpid(child[i], NULL, 0), child[i]);
}

/* Until it is refused. */
static void publish_all(int process)
{
    uint32_t place;

    for (;;) {
        (void)places_enter(house.places, process, &house.config, QUOTA_NEW, &house, 1, &place);
        if (places_become(house.places, place, &house.config, QUOTA_PUBLISHER, 1).limit !=
            QUOTA_CLASSES)
            return;
    }
}

START_TEST(test_two_processes_cannot_take_the_last_place)
{
    house.config.max_connections = 30000;
    house.config.max_publishers = 20000;
    run_and_wait(publish_all, PROCESSES);
    ck_assert_uint_eq(count_of(QUOTA_PUBLISHER), 20000);
    ck_assert_uint_eq(count_of(QUOTA_NEW), PROCESSES);
}
END_TEST

/* Connections come, play, wait, and go, on a full server. */
static void churn(int process)
{
    unsigned seed = (unsigned)(getpid() + process);
    uint32_t own[16] = {0};

    for (;;) {
        unsigned i;
        enum quota_class limit;
        uint32_t *lost;

        seed = seed * 1103515245u + 12345;
        i = (seed >> 16) % 16;
        while ((lost = places_next_evicted(house.places, process, &limit)) != NULL) {
            places_leave(house.places, *lost);
            *lost = 0;
        }
        if (own[i] == 0) {
            (void)places_enter(house.places, process, &house.config,
                               i % 5 == 0 ? QUOTA_API : QUOTA_NEW, &own[i], (usec_t)seed, &own[i]);
        } else if (seed >> 24 < 100) {
            places_leave(house.places, own[i]);
            own[i] = 0;
        } else {
            (void)places_become(house.places, own[i], &house.config,
                                (enum quota_class)((seed >> 20) % QUOTA_API), (usec_t)seed);
        }
        if (seed >> 24 == 7 &&
            places_enter_more(house.places, process, &house.config, QUOTA_VIEWER) == QUOTA_CLASSES)
            places_leave_more(house.places, process, QUOTA_VIEWER);
    }
}

/* Whatever a process was doing: what the others have is counted, and nothing else. */
START_TEST(test_killed_at_any_instant)
{
    pid_t child[PROCESSES] = {0};

    house.config = (struct config){.max_connections = 20,
                                   .max_waiters = 4,
                                   .max_viewers = 12,
                                   .max_publishers = 5,
                                   .max_api_connections = 3};
    for (unsigned round = 0; round < 120; round++) {
        int process = (int)(round % PROCESSES);

        if (child[process] != 0) {
            ck_assert_int_eq(kill(child[process], SIGKILL), 0);
            ck_assert_int_eq(waitpid(child[process], NULL, 0), child[process]);
            places_reap(house.places, process);
            ck_assert_uint_eq(places_of(house.places, process), 0);
        }
        child[process] = fork();
        ck_assert_int_ge(child[process], 0);
        if (child[process] == 0)
            churn(process);
        usleep(300 + round * 21);
        ck_assert_uint_le(count_of(QUOTA_WAITER), 4);
        ck_assert_uint_le(count_of(QUOTA_PUBLISHER), 5);
        ck_assert_uint_le(count_of(QUOTA_API), 3);
    }
    for (int i = 0; i < PROCESSES; i++) {
        ck_assert_int_eq(kill(child[i], SIGKILL), 0);
        ck_assert_int_eq(waitpid(child[i], NULL, 0), child[i]);
        places_reap(house.places, i);
    }
    for (int class = 0; class < QUOTA_CLASSES; class ++)
        ck_assert_uint_eq(count_of(class), 0);
    ck_assert_uint_eq(total(), 0);
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
    tcase_add_test(tc, test_two_processes_cannot_take_the_last_place);
    tcase_add_test(tc, test_killed_at_any_instant);
    suite_add_tcase(suite, tc);
    return suite;
}
