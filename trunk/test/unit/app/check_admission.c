/* Which connections are admitted, and which are evicted for them: one process, connections without
 * a socket. */
#include "app/core/admission.h"

#include "app/core/server.h"
#include "co/net.h"

#include <check.h>
#include <string.h>

Suite *check_admission_suite(void);

#define CONNS 8

struct house {
    struct config config;
    struct server server;
    struct net_conn conn[CONNS];
    struct admission admission[CONNS];
};

static void mark_closed(struct io *io)
{
    ((struct net_conn *)io)->closed = 1;
}

static const struct io_ops ops = {.close = mark_closed};

static void house_make(struct house *house)
{
    memset(house, 0, sizeof(*house));
    house->config.max_connections = 1000;
    house->server.config = &house->config;
    for (int i = 0; i < CONNS; i++)
        house->conn[i].io.ops = &ops;
}

static const char *enter(struct house *house, int i, enum quota_class class)
{
    return admission_enter(&house->server, &house->admission[i], &house->conn[i], class);
}

static void become(struct house *house, int i, enum quota_class class)
{
    ck_assert_ptr_null(admission_become(&house->server, &house->conn[i], class));
}

/* The connection that goes next. */
static int evicted(struct house *house)
{
    struct admission *a = admission_evict(&house->server);

    if (a == NULL)
        return -1;
    ck_assert_int_eq(a->conn->closed, 1);
    return (int)(a - house->admission);
}

START_TEST(test_the_oldest_that_is_neither_goes_first)
{
    struct house house;

    house_make(&house);
    for (int i = 0; i < CONNS; i++)
        ck_assert_ptr_null(enter(&house, i, i == 7 ? QUOTA_API : QUOTA_NEW));
    become(&house, 0, QUOTA_VIEWER);
    become(&house, 2, QUOTA_PUBLISHER);
    become(&house, 1, QUOTA_WAITER);
    become(&house, 3, QUOTA_WAITER);
    /* It has just been served: the others have idled for longer. */
    admission_touch(&house.server, &house.conn[4]);
    house.admission[5].since -= ADMISSION_GRACE;
    ck_assert_int_eq(evicted(&house), 5);
    /* The next client may be about to send a request: waiting viewers are evicted before it. */
    ck_assert_int_eq(evicted(&house), 1);
    ck_assert_int_eq(evicted(&house), 3);
    ck_assert_int_eq(evicted(&house), 6);
    ck_assert_int_eq(evicted(&house), 4);
    /* A viewer, a publisher and the API's connection stay. */
    ck_assert_int_eq(evicted(&house), -1);
    /* One that has been evicted gets no place any more. */
    ck_assert_str_eq(admission_play(&house.server, &house.conn[5], 1), "max_connections");
    for (int i = 0; i < CONNS; i++)
        admission_leave(&house.server, &house.admission[i]);
    for (int i = 0; i < QUOTA_CLASSES; i++) {
        ck_assert_uint_eq(house.server.admissions.count[i], 0);
        ck_assert_ptr_null(house.server.admissions.list[i].first);
        ck_assert_ptr_null(house.server.admissions.list[i].last);
    }
}
END_TEST

START_TEST(test_the_oldest_waiter_gives_way)
{
    struct house house;

    house_make(&house);
    house.config.max_waiters = 2;
    house.config.max_viewers = 3;
    for (int i = 0; i < CONNS; i++)
        ck_assert_ptr_null(enter(&house, i, QUOTA_NEW));
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_null(admission_play(&house.server, &house.conn[i], 0));
    ck_assert_int_eq(house.conn[0].closed, 1);
    ck_assert_int_eq(house.conn[1].closed, 0);
    /* What it waits for comes: it is a viewer, and does not give way any more. */
    admission_is_live(&house.server, &house.conn[1], 1);
    ck_assert_uint_eq(house.server.admissions.count[QUOTA_VIEWER], 1);
    ck_assert_ptr_null(admission_play(&house.server, &house.conn[3], 1));
    /* Viewers are full: another takes a waiter's place, and a next one there is none for. */
    ck_assert_ptr_null(admission_play(&house.server, &house.conn[4], 1));
    ck_assert_int_eq(house.conn[2].closed, 1);
    ck_assert_str_eq(admission_play(&house.server, &house.conn[5], 1), "max_viewers");
    ck_assert_str_eq(admission_play(&house.server, &house.conn[5], 0), "max_viewers");
    ck_assert_int_eq(house.conn[1].closed | house.conn[3].closed | house.conn[4].closed, 0);
    /* What one of them watched is gone. */
    admission_is_live(&house.server, &house.conn[3], 0);
    ck_assert_ptr_null(admission_play(&house.server, &house.conn[5], 1));
    ck_assert_int_eq(house.conn[3].closed, 1);
}
END_TEST

START_TEST(test_publishers_and_api_have_limits_of_their_own)
{
    struct house house;

    house_make(&house);
    house.config.max_publishers = 1;
    house.config.max_api_connections = 1;
    ck_assert_ptr_null(enter(&house, 0, QUOTA_NEW));
    ck_assert_ptr_null(enter(&house, 1, QUOTA_NEW));
    become(&house, 0, QUOTA_PUBLISHER);
    ck_assert_str_eq(admission_become(&house.server, &house.conn[1], QUOTA_PUBLISHER),
                     "max_publishers");
    ck_assert_int_eq(house.conn[0].closed, 0);
    become(&house, 0, QUOTA_NEW);
    become(&house, 1, QUOTA_PUBLISHER);
    ck_assert_ptr_null(enter(&house, 2, QUOTA_API));
    ck_assert_ptr_null(enter(&house, 3, QUOTA_API));
    ck_assert_int_eq(house.conn[2].closed, 1);
    ck_assert_int_eq(house.conn[3].closed, 0);
}
END_TEST

START_TEST(test_without_an_owner_nothing_is_counted)
{
    struct house house;

    house_make(&house);
    house.config.max_publishers = 1;
    become(&house, 0, QUOTA_PUBLISHER);
    become(&house, 1, QUOTA_PUBLISHER);
    admission_is_live(&house.server, &house.conn[0], 1);
    admission_touch(&house.server, &house.conn[0]);
    ck_assert_uint_eq(house.server.admissions.count[QUOTA_PUBLISHER], 0);
    ck_assert_int_eq(evicted(&house), -1);
}
END_TEST

Suite *check_admission_suite(void)
{
    Suite *suite = suite_create("admission");
    TCase *tc = tcase_create("admission");

    tcase_add_test(tc, test_the_oldest_that_is_neither_goes_first);
    tcase_add_test(tc, test_the_oldest_waiter_gives_way);
    tcase_add_test(tc, test_publishers_and_api_have_limits_of_their_own);
    tcase_add_test(tc, test_without_an_owner_nothing_is_counted);
    suite_add_tcase(suite, tc);
    return suite;
}
