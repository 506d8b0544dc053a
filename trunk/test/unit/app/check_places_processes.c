/* The places of all connections, used by several processes at once; and what a killed one leaves.
 */
#include "places_kit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_places_processes_suite(void);

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

Suite *check_places_processes_suite(void)
{
    Suite *suite = suite_create("places_processes");
    TCase *tc = tcase_create("places_processes");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_two_processes_cannot_take_the_last_place);
    tcase_add_test(tc, test_killed_at_any_instant);
    suite_add_tcase(suite, tc);
    return suite;
}
