/* State shared by workers: the server's limits, and the remains of a worker that has died. */
#include "app/workers/worker_generation.h"
#include "app/workers/worker_share.h"

#include "base/clock.h"
#include "base/str.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_worker_share_suite(void);

static struct config config;

static struct worker_share *share_make(int workers, int64_t connections, int64_t per_ip)
{
    struct worker_share *share = NULL;

    config = (struct config){.workers = workers,
                             .max_streams = 100,
                             .max_connections = connections,
                             .max_connections_per_ip = per_ip,
                             .max_publishers = connections};
    ck_assert_ptr_null(worker_share_new(&share, &config, NULL));
    return share;
}

START_TEST(test_count)
{
    struct config some = {.workers = 3};

    ck_assert_int_eq(worker_share_count(&some), 3);
    some.workers = 0;
    ck_assert_int_ge(worker_share_count(&some), 1);
    ck_assert_int_le(worker_share_count(&some), CONFIG_WORKERS_MAX);
}
END_TEST

START_TEST(test_addresses_are_counted_together)
{
    struct worker_share *share = share_make(2, 100, 2);

    ck_assert_ptr_null(
        worker_share_ip_enter(share, 0, "::1", (uint64_t)config.max_connections_per_ip));
    ck_assert_ptr_null(
        worker_share_ip_enter(share, 1, "::1", (uint64_t)config.max_connections_per_ip));
    ck_assert_str_eq(
        worker_share_ip_enter(share, 0, "::1", (uint64_t)config.max_connections_per_ip),
        "max_connections_per_ip");
    ck_assert_ptr_null(
        worker_share_ip_enter(share, 0, "::2", (uint64_t)config.max_connections_per_ip));
    worker_share_ip_leave(share, 1, "::1");
    ck_assert_ptr_null(
        worker_share_ip_enter(share, 0, "::1", (uint64_t)config.max_connections_per_ip));
    ck_assert_str_eq(
        worker_share_ip_enter(share, 1, "::1", (uint64_t)config.max_connections_per_ip),
        "max_connections_per_ip");
    worker_share_free(share);
}
END_TEST

/* One after another, many more addresses than the table can hold at a time. */
START_TEST(test_addresses_come_and_go)
{
    struct worker_share *share = share_make(2, 8, 1);
    char ip[32];

    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(str_format(ip, sizeof(ip), "10.0.%d.%d", i / 250, i % 250), 0);
        ck_assert_ptr_null(
            worker_share_ip_enter(share, i % 2, ip, (uint64_t)config.max_connections_per_ip));
        worker_share_ip_leave(share, i % 2, ip);
    }
    worker_share_free(share);
}
END_TEST

/* Whether another publisher fits. */
static int enter(struct worker_share *share, int slot)
{
    uint32_t place;

    if (places_enter(share->places, slot, &config, QUOTA_NEW, share, 1, &place).limit !=
        QUOTA_CLASSES)
        return 0;
    return places_become(share->places, place, &config, QUOTA_PUBLISHER, 1).limit == QUOTA_CLASSES;
}

START_TEST(test_a_dead_worker_holds_nothing)
{
    struct worker_share *share = share_make(2, 4, 4);
    struct registry_claim claim = {.key = "v/a/s", .worker = 1};
    struct registry_holder holder;
    uint64_t number;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        for (int i = 0; i < 3; i++)
            (void)(enter(share, 1) && worker_share_ip_enter(share, 1, "10.0.0.1", 4) == NULL);
        (void)registry_claim(share->registry, &claim, &number);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert(enter(share, 0));
    ck_assert(!enter(share, 0));
    ck_assert_ptr_null(
        worker_share_ip_enter(share, 0, "10.0.0.1", (uint64_t)config.max_connections_per_ip));
    ck_assert_ptr_nonnull(
        worker_share_ip_enter(share, 0, "10.0.0.1", (uint64_t)config.max_connections_per_ip));
    ck_assert_int_eq(registry_find(share->registry, "v/a/s", &holder), 0);
    worker_share_reap(share, 1);
    ck_assert_int_eq(registry_find(share->registry, "v/a/s", &holder), -1);
    for (int i = 0; i < 3; i++) {
        ck_assert(enter(share, 0));
        ck_assert_ptr_null(
            worker_share_ip_enter(share, 0, "10.0.0.1", (uint64_t)config.max_connections_per_ip));
    }
    ck_assert(!enter(share, 0));
    ck_assert_ptr_nonnull(
        worker_share_ip_enter(share, 0, "10.0.0.1", (uint64_t)config.max_connections_per_ip));
    worker_share_free(share);
}
END_TEST

/* Each stream counts once, at however many workers it is; what a dead one had alone is free. */
START_TEST(test_streams_are_counted_together)
{
    struct worker_share *share = share_make(2, 100, 0);
    char key[32];

    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(str_format(key, sizeof(key), "v/a/%d", i), 0);
        ck_assert_int_eq(worker_share_stream_enter(share, i % 2, key, 100), 0);
    }
    ck_assert_int_eq(worker_share_stream_enter(share, 0, "v/a/more", 100), -1);
    ck_assert_int_eq(worker_share_stream_enter(share, 0, "v/a/1", 100), 0);
    worker_share_stream_leave(share, 1, "v/a/1");
    ck_assert_int_eq(worker_share_stream_enter(share, 0, "v/a/more", 100), -1);
    worker_share_stream_leave(share, 0, "v/a/1");
    ck_assert_int_eq(worker_share_stream_enter(share, 0, "v/a/more", 100), 0);
    worker_share_reap(share, 1);
    for (int i = 0; i < 49; i++) {
        ck_assert_int_eq(str_format(key, sizeof(key), "v/b/%d", i), 0);
        ck_assert_int_eq(worker_share_stream_enter(share, 0, key, 100), 0);
    }
    ck_assert_int_eq(worker_share_stream_enter(share, 0, "v/b/more", 100), -1);
    worker_share_free(share);
}
END_TEST

START_TEST(test_the_secret_is_one)
{
    struct worker_share *share = share_make(2, 4, 0);
    struct worker_share *other = share_make(2, 4, 0);
    uint8_t secret[3][TLS_SECRET_SIZE];
    usec_t made_at[3];

    ck_assert_int_eq(worker_share_secret(share, secret[0], &made_at[0]), 0);
    ck_assert_int_eq(worker_share_secret(share, secret[1], &made_at[1]), 0);
    ck_assert_int_eq(worker_share_secret(other, secret[2], &made_at[2]), 0);
    ck_assert_int_eq(memcmp(secret[0], secret[1], TLS_SECRET_SIZE), 0);
    ck_assert_int_eq(made_at[0], made_at[1]);
    ck_assert_int_ne(memcmp(secret[0], secret[2], TLS_SECRET_SIZE), 0);
    worker_share_free(share);
    worker_share_free(other);
}
END_TEST

START_TEST(test_the_folder_is_private_and_goes)
{
    struct worker_share *share = share_make(2, 4, 0);
    struct stat st;
    char path[128];
    char folder[128];

    ck_assert_int_eq(str_copy(folder, sizeof(folder), share->folder), 0);
    ck_assert_int_eq(stat(folder, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    ck_assert_int_eq(worker_share_path(share, 1, path, sizeof(path)), 0);
    ck_assert(str_starts(path, folder));
    ck_assert_int_eq(worker_share_path(share, 1, path, 8), -1);
    worker_share_free(share);
    ck_assert_int_ne(stat(folder, &st), 0);
}
END_TEST

/* Old workers keep their slots; new ones get free ones, of which there is a limited number. */
START_TEST(test_generations)
{
    struct worker_share *share = share_make(2, 8, 1);
    int slots = worker_generation_slots(2);
    struct err *err;

    ck_assert_int_eq(worker_generation_slots(1), 16);
    ck_assert_int_eq(worker_generation_slots(40), 80);
    ck_assert_int_eq(worker_generation_slots(CONFIG_WORKERS_MAX), CONFIG_PROCESSES_MAX);
    ck_assert_ptr_null(worker_generation_check(share, slots - 2));
    ck_assert_ptr_null(worker_generation_begin(share, 3));
    ck_assert_int_eq(share->workers, 3);
    ck_assert_int_eq(worker_generation_is_current(share, 1), 0);
    ck_assert_int_eq(worker_generation_is_current(share, 2), 1);
    ck_assert_int_eq(share->slot[4].rank, 2);
    ck_assert_int_ge(share->handoff_socket[4][0], 0);
    /* The first worker of the first generation ends: the fourth needs its slot. */
    worker_generation_end(share, 0);
    ck_assert_int_eq(share->handoff_socket[0][0], -1);
    ck_assert_ptr_null(worker_generation_begin(share, 2));
    ck_assert_int_eq(share->slot[0].rank, 0);
    ck_assert_int_eq(share->slot[5].rank, 1);
    ck_assert_int_eq(worker_generation_is_current(share, 0), 1);
    err = worker_generation_begin(share, slots);
    ck_assert_int_eq(err_code(err), ERR_LIMIT);
    err_free(err);
    ck_assert_int_eq(share->workers, 2);
    worker_share_free(share);
}
END_TEST

Suite *check_worker_share_suite(void)
{
    Suite *suite = suite_create("worker_share");
    TCase *tc = tcase_create("worker_share");

    tcase_add_test(tc, test_count);
    tcase_add_test(tc, test_addresses_are_counted_together);
    tcase_add_test(tc, test_addresses_come_and_go);
    tcase_add_test(tc, test_a_dead_worker_holds_nothing);
    tcase_add_test(tc, test_streams_are_counted_together);
    tcase_add_test(tc, test_the_secret_is_one);
    tcase_add_test(tc, test_the_folder_is_private_and_goes);
    tcase_add_test(tc, test_generations);
    suite_add_tcase(suite, tc);
    return suite;
}
