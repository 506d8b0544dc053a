/* Which worker should serve a new connection. */
#include "app/workers/worker_spread.h"

#include <check.h>

Suite *check_worker_spread_suite(void);

static struct config config;

static struct worker_share *share_make(int workers)
{
    struct worker_share *share = NULL;

    config = (struct config){.workers = workers, .max_streams = 100, .max_connections = 100000};
    ck_assert_ptr_null(worker_share_new(&share, &config, NULL));
    return share;
}

/* Sets the number of connections at a worker. */
static void fill(struct worker_share *share, int slot, int count)
{
    for (int i = 0; i < count; i++) {
        uint32_t place;

        ck_assert_int_eq(
            places_enter(share->places, slot, &config, QUOTA_NEW, share, 1, &place).limit,
            QUOTA_CLASSES);
    }
}

/* A small difference is ignored; beyond it the next one goes to the worker with the fewest. */
START_TEST(test_a_lighter_one_gets_the_next)
{
    struct worker_share *share = share_make(3);

    for (int i = 0; i < 3; i++)
        share->slot[i].state = WORKER_READY;
    fill(share, 0, 4);
    fill(share, 1, 1);
    ck_assert_int_eq(worker_spread_lighter(share, 0), -1);
    fill(share, 0, 1);
    ck_assert_int_eq(worker_spread_lighter(share, 0), 2);
    ck_assert_int_eq(worker_spread_lighter(share, 1), -1);
    /* Connections in transit count, until they have arrived and are counted there. */
    worker_spread_handed(share, 2);
    ck_assert_int_eq(worker_spread_lighter(share, 0), -1);
    fill(share, 0, 1);
    ck_assert_int_eq(worker_spread_lighter(share, 0), 1);
    worker_spread_taken(share, 2);
    ck_assert_int_eq(worker_spread_lighter(share, 0), 2);
    worker_share_free(share);
}
END_TEST

START_TEST(test_no_connection_goes_to_an_absent_worker)
{
    struct worker_share *share = share_make(3);

    share->slot[0].state = WORKER_READY;
    share->slot[1].state = WORKER_STARTING;
    share->slot[2].state = WORKER_READY;
    worker_spread_leaves(share, 2);
    fill(share, 0, 100);
    ck_assert_int_eq(worker_spread_lighter(share, 0), -1);
    share->slot[1].state = WORKER_READY;
    ck_assert_int_eq(worker_spread_lighter(share, 0), 1);
    /* Another in the place of the one that left. */
    share->slot[1].state = WORKER_GONE;
    worker_share_reap(share, 2);
    ck_assert_int_eq(worker_spread_lighter(share, 0), 2);
    worker_share_free(share);
}
END_TEST

/* Of thousands, a part in 64 makes no difference. */
START_TEST(test_how_even_it_gets)
{
    struct worker_share *share = share_make(2);

    share->slot[0].state = share->slot[1].state = WORKER_READY;
    fill(share, 1, 6400);
    fill(share, 0, 6504);
    ck_assert_int_eq(worker_spread_lighter(share, 0), -1);
    fill(share, 0, 1);
    ck_assert_int_eq(worker_spread_lighter(share, 0), 1);
    worker_share_free(share);
}
END_TEST

Suite *check_worker_spread_suite(void)
{
    Suite *suite = suite_create("worker_spread");
    TCase *tc = tcase_create("worker_spread");

    tcase_add_test(tc, test_a_lighter_one_gets_the_next);
    tcase_add_test(tc, test_no_connection_goes_to_an_absent_worker);
    tcase_add_test(tc, test_how_even_it_gets);
    suite_add_tcase(suite, tc);
    return suite;
}
