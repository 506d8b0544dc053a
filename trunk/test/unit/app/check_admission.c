/* Which connections are admitted, and which are evicted for them: one process, connections without
 * a socket. */
#include "app/core/admission.h"

#include "app/core/places_table.h"
#include "app/core/server.h"
#include "co/net.h"

#include <check.h>
#include <string.h>

Suite *check_admission_suite(void);

#define CONNS 16

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

static const char *why; /* the last eviction */

static void note_evicted(struct server *server, struct admission *admission, const char *limit)
{
    (void)server;
    ck_assert_int_eq(admission->conn->closed, 1);
    why = limit;
}

static void house_make(struct house *house, int64_t max_connections)
{
    memset(house, 0, sizeof(*house));
    house->config.max_connections = max_connections;
    house->server.config = &house->config;
    house->server.admissions.on_evict = note_evicted;
    ck_assert_int_eq(admission_open(&house->server), 0);
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

/* The connection that gives way to connection i; -1: none, so i is refused. */
static int replaced(struct house *house, int i)
{
    int found = -1;
    int open[CONNS];

    for (int k = 0; k < CONNS; k++)
        open[k] = !house->conn[k].closed;
    why = NULL;
    if (enter(house, i, QUOTA_NEW) != NULL)
        return -1;
    for (int k = 0; k < CONNS; k++)
        if (open[k] && house->conn[k].closed) {
            ck_assert_int_eq(found, -1);
            ck_assert_int_eq(house->admission[k].is_out, 1);
            found = k;
        }
    ck_assert_str_eq(why, "max_connections");
    return found;
}

static int told; /* the process that was notified last */

static void note_process(void *arg, int process)
{
    (void)arg;
    told = process;
}

START_TEST(test_the_oldest_that_is_neither_goes_first)
{
    struct house house;

    house_make(&house, 8);
    for (int i = 0; i < 8; i++)
        ck_assert_ptr_null(enter(&house, i, i == 7 ? QUOTA_API : QUOTA_NEW));
    become(&house, 0, QUOTA_VIEWER);
    become(&house, 2, QUOTA_PUBLISHER);
    become(&house, 1, QUOTA_WAITER);
    become(&house, 3, QUOTA_WAITER);
    /* It has just been served: the others have idled for longer. */
    admission_touch(&house.server, &house.conn[4]);
    /* The next client may be about to send a request: waiting viewers are evicted before it. */
    ck_assert_int_eq(replaced(&house, 8), 1);
    become(&house, 8, QUOTA_VIEWER);
    ck_assert_int_eq(replaced(&house, 9), 3);
    become(&house, 9, QUOTA_VIEWER);
    ck_assert_int_eq(replaced(&house, 10), 5);
    become(&house, 10, QUOTA_VIEWER);
    ck_assert_int_eq(replaced(&house, 11), 6);
    become(&house, 11, QUOTA_VIEWER);
    ck_assert_int_eq(replaced(&house, 12), 4);
    become(&house, 12, QUOTA_VIEWER);
    /* Viewers, a publisher and the API's connection stay. */
    ck_assert_int_eq(replaced(&house, 13), -1);
    /* One that has been evicted gets no place any more. */
    ck_assert_str_eq(admission_play(&house.server, &house.conn[5], 1), "max_connections");
    admission_is_live(&house.server, &house.conn[1], 1);
    admission_touch(&house.server, &house.conn[6]);
    for (int i = 0; i < CONNS; i++)
        admission_leave(&house.server, &house.admission[i]);
    for (int i = 0; i < QUOTA_CLASSES; i++)
        ck_assert_uint_eq(house.server.admissions.places->count[i], 0);
    admission_close(&house.server);
}
END_TEST

START_TEST(test_the_oldest_waiter_gives_way)
{
    struct house house;

    house_make(&house, 1000);
    house.config.max_waiters = 2;
    house.config.max_viewers = 3;
    for (int i = 0; i < 8; i++)
        ck_assert_ptr_null(enter(&house, i, QUOTA_NEW));
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_null(admission_play(&house.server, &house.conn[i], 0));
    ck_assert_int_eq(house.conn[0].closed, 1);
    ck_assert_int_eq(house.conn[1].closed, 0);
    /* Its stream is published: it becomes a viewer, and no longer gives way. */
    admission_is_live(&house.server, &house.conn[1], 1);
    ck_assert_uint_eq(house.server.admissions.places->count[QUOTA_VIEWER], 1);
    ck_assert_ptr_null(admission_play(&house.server, &house.conn[3], 1));
    /* Viewers are full: another one replaces a waiter, and the next one is refused. */
    ck_assert_ptr_null(admission_play(&house.server, &house.conn[4], 1));
    ck_assert_int_eq(house.conn[2].closed, 1);
    ck_assert_str_eq(admission_play(&house.server, &house.conn[5], 1), "max_viewers");
    ck_assert_str_eq(admission_play(&house.server, &house.conn[5], 0), "max_viewers");
    ck_assert_int_eq(house.conn[1].closed | house.conn[3].closed | house.conn[4].closed, 0);
    /* The stream of one of them has ended. */
    admission_is_live(&house.server, &house.conn[3], 0);
    ck_assert_ptr_null(admission_play(&house.server, &house.conn[5], 1));
    ck_assert_int_eq(house.conn[3].closed, 1);
    ck_assert_str_eq(why, "max_viewers");
    admission_close(&house.server);
}
END_TEST

START_TEST(test_publishers_and_api_have_limits_of_their_own)
{
    struct house house;

    house_make(&house, 1000);
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
    ck_assert_str_eq(why, "max_api_connections");
    admission_close(&house.server);
}
END_TEST

START_TEST(test_another_process_is_told)
{
    static const struct server_shared shared = {.evicted = note_process};
    struct house house, other;
    struct places *places = places_new(NULL, 2, PLACES_CONNECTIONS);

    ck_assert_ptr_nonnull(places);
    house_make(&house, 2);
    house_make(&other, 2);
    house.server.shared = &shared;
    admission_share(&house.server, places, NULL, 0);
    admission_share(&other.server, places, NULL, 1);
    ck_assert_ptr_null(enter(&other, 0, QUOTA_NEW));
    ck_assert_ptr_null(enter(&other, 1, QUOTA_NEW));
    told = -1;
    ck_assert_ptr_null(enter(&house, 0, QUOTA_NEW));
    ck_assert_int_eq(told, 1);
    /* Its process closes it when notified, or when the connection becomes active. */
    ck_assert_int_eq(other.conn[0].closed, 0);
    admission_settle(&other.server);
    ck_assert_int_eq(other.conn[0].closed, 1);
    ck_assert_int_eq(other.conn[1].closed, 0);
    become(&house, 0, QUOTA_VIEWER);
    ck_assert_ptr_null(enter(&house, 1, QUOTA_NEW));
    ck_assert_str_eq(admission_play(&other.server, &other.conn[1], 1), "max_connections");
    ck_assert_int_eq(other.conn[1].closed, 1);
    ck_assert_uint_eq(places_of(places, 0), 2);
    ck_assert_uint_eq(places_of(places, 1), 0);
    admission_close(&house.server);
    admission_close(&other.server);
    places_free(places);
}
END_TEST

START_TEST(test_without_an_owner_nothing_is_counted)
{
    struct house house;

    house_make(&house, 1000);
    house.config.max_publishers = 1;
    become(&house, 0, QUOTA_PUBLISHER);
    become(&house, 1, QUOTA_PUBLISHER);
    admission_is_live(&house.server, &house.conn[0], 1);
    admission_touch(&house.server, &house.conn[0]);
    ck_assert_uint_eq(house.server.admissions.places->count[QUOTA_PUBLISHER], 0);
    admission_close(&house.server);
}
END_TEST

Suite *check_admission_suite(void)
{
    Suite *suite = suite_create("admission");
    TCase *tc = tcase_create("admission");

    tcase_add_test(tc, test_the_oldest_that_is_neither_goes_first);
    tcase_add_test(tc, test_the_oldest_waiter_gives_way);
    tcase_add_test(tc, test_publishers_and_api_have_limits_of_their_own);
    tcase_add_test(tc, test_another_process_is_told);
    tcase_add_test(tc, test_without_an_owner_nothing_is_counted);
    suite_add_tcase(suite, tc);
    return suite;
}
