/* The publish lock across processes: one winner, whatever processes ask and die. */
#include "live/registry.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_registry_suite(void);

static enum registry_answer ask(struct registry *registry, const char *key, int worker,
                                uint64_t *number)
{
    struct registry_claim claim = {key, worker, NULL, REGISTRY_REJECT, 77, 0};

    return registry_claim(registry, &claim, number);
}

START_TEST(test_one_at_a_time)
{
    struct registry *registry = registry_new(NULL, 4);
    struct registry_holder holder;
    uint64_t first = 0;
    uint64_t second = 0;

    ck_assert_int_eq(registry_find(registry, "v/a/s", &holder), -1);
    ck_assert_int_eq(ask(registry, "v/a/s", 1, &first), REGISTRY_YOURS);
    ck_assert_int_eq(ask(registry, "v/a/s", 0, &second), REGISTRY_BUSY);
    ck_assert_int_eq(ask(registry, "v/a/s", 1, &second), REGISTRY_BUSY);
    ck_assert_int_eq(registry_find(registry, "v/a/s", &holder), 0);
    ck_assert_int_eq(holder.since, 77);
    ck_assert_int_eq(holder.worker, 1);
    ck_assert_uint_eq(holder.number, first);
    registry_release(registry, "v/a/s", first);
    ck_assert_int_eq(registry_find(registry, "v/a/s", &holder), -1);
    ck_assert_int_eq(ask(registry, "v/a/s", 0, &second), REGISTRY_YOURS);
    ck_assert_uint_ne(first, second);
    /* Late, by a worker that had it once. */
    registry_release(registry, "v/a/s", first);
    ck_assert_int_eq(registry_find(registry, "v/a/s", &holder), 0);
    ck_assert_int_eq(holder.worker, 0);
    registry_free(registry);
}
END_TEST

START_TEST(test_full)
{
    struct registry *registry = registry_new(NULL, 2);
    uint64_t number;

    ck_assert_int_eq(ask(registry, "1", 0, &number), REGISTRY_YOURS);
    ck_assert_int_eq(ask(registry, "2", 0, &number), REGISTRY_YOURS);
    ck_assert_int_eq(ask(registry, "3", 0, &number), REGISTRY_FULL);
    registry_release(registry, "2", number);
    ck_assert_int_eq(ask(registry, "3", 0, &number), REGISTRY_YOURS);
    registry_free(registry);
}
END_TEST

START_TEST(test_takeover)
{
    struct registry *registry = registry_new(NULL, 2);
    uint8_t ours[REGISTRY_FINGERPRINT_SIZE] = {1};
    uint8_t theirs[REGISTRY_FINGERPRINT_SIZE] = {1, [REGISTRY_FINGERPRINT_SIZE - 1] = 1};
    struct registry_claim claim = {"s", 0, ours, REGISTRY_REPLACE_SAME, 0, 0};
    struct registry_holder holder;
    uint64_t number;

    ck_assert_int_eq(registry_claim(registry, &claim, &number), REGISTRY_YOURS);
    claim.worker = 1;
    claim.fingerprint = theirs;
    ck_assert_int_eq(registry_claim(registry, &claim, &number), REGISTRY_BUSY);
    claim.fingerprint = NULL;
    ck_assert_int_eq(registry_claim(registry, &claim, &number), REGISTRY_BUSY);
    claim.fingerprint = ours;
    ck_assert_int_eq(registry_claim(registry, &claim, &number), REGISTRY_YOURS);
    ck_assert_int_eq(registry_find(registry, "s", &holder), 0);
    ck_assert_int_eq(holder.worker, 1);
    ck_assert_uint_eq(holder.number, number);
    claim.worker = 2;
    claim.fingerprint = NULL;
    claim.takeover = REGISTRY_REPLACE;
    ck_assert_int_eq(registry_claim(registry, &claim, &number), REGISTRY_YOURS);
    /* A claim without a fingerprint cannot be taken over. */
    claim.fingerprint = ours;
    claim.takeover = REGISTRY_REPLACE_SAME;
    ck_assert_int_eq(registry_claim(registry, &claim, &number), REGISTRY_BUSY);
    registry_free(registry);
}
END_TEST

/* A question about a publication concerns only that publication. */
START_TEST(test_described)
{
    struct registry *registry = registry_new(NULL, 2);
    struct registry_claim claim = {"s", 0, NULL, REGISTRY_REPLACE, 0, 1};
    struct source_facts facts = {
        .is_decided = 1, .is_settled = 1, .is_announced = {1, 0}, .codec = {9, 0}};
    struct registry_holder holder;
    uint64_t first, second;

    ck_assert_int_eq(registry_claim(registry, &claim, &first), REGISTRY_YOURS);
    ck_assert_int_eq(registry_find(registry, "s", &holder), 0);
    ck_assert_int_eq(holder.is_early, 1);
    ck_assert_int_eq(holder.facts.is_decided, 0);
    registry_open(registry, "s", first, 55);
    registry_describe(registry, "s", first, &facts);
    ck_assert_int_eq(registry_find(registry, "s", &holder), 0);
    ck_assert_int_eq(holder.is_early, 0);
    ck_assert_int_eq(holder.since, 55);
    ck_assert_int_eq(holder.facts.codec[0], 9);
    ck_assert_int_eq(registry_claim(registry, &claim, &second), REGISTRY_YOURS);
    registry_open(registry, "s", first, 55);
    registry_describe(registry, "s", first, &facts);
    registry_open(registry, "another", first, 66);
    ck_assert_int_eq(registry_find(registry, "s", &holder), 0);
    ck_assert_int_eq(holder.is_early, 1);
    ck_assert_int_eq(holder.facts.codec[0], 0);
    registry_free(registry);
}
END_TEST

START_TEST(test_asked)
{
    struct registry *registry = registry_new(NULL, 2);
    struct registry_holder holder;
    uint64_t number;

    ck_assert_int_eq(registry_ask(registry, "s", &holder), -1);
    ck_assert_int_eq(ask(registry, "s", 0, &number), REGISTRY_YOURS);
    ck_assert_int_eq(registry_find(registry, "s", &holder), 0);
    ck_assert_uint_eq(holder.asked, holder.answered);
    ck_assert_int_eq(registry_ask(registry, "s", &holder), 0);
    ck_assert_int_eq(registry_ask(registry, "s", &holder), 0);
    ck_assert_uint_eq(holder.number, number);
    ck_assert_uint_eq(holder.asked, holder.answered + 2);
    registry_answer(registry, "s", number + 1, holder.asked);
    ck_assert_int_eq(registry_find(registry, "s", &holder), 0);
    ck_assert_uint_ne(holder.asked, holder.answered);
    registry_answer(registry, "s", number, holder.asked);
    ck_assert_int_eq(registry_find(registry, "s", &holder), 0);
    ck_assert_uint_eq(holder.asked, holder.answered);
    registry_release(registry, "s", number);
    registry_answer(registry, "s", number, 1);
    ck_assert_int_eq(registry_ask(registry, "s", &holder), -1);
    registry_free(registry);
}
END_TEST

START_TEST(test_reap)
{
    struct registry *registry = registry_new(NULL, 100);
    struct registry_holder holder;
    uint64_t number;
    char key[16];

    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "%d", i);
        ck_assert_int_eq(ask(registry, key, i % 4, &number), REGISTRY_YOURS);
    }
    ck_assert_uint_eq(registry_reap(registry, 2), 25);
    ck_assert_uint_eq(registry_reap(registry, 2), 0);
    ck_assert_uint_eq(registry_count(registry), 75);
    ck_assert_int_eq(registry_find(registry, "2", &holder), -1);
    ck_assert_int_eq(registry_find(registry, "3", &holder), 0);
    registry_free(registry);
}
END_TEST

/* Claims one stream after another until it is killed; writes a byte for each that it won. */
static void race(struct registry *registry, int worker, int gate, int out)
{
    char byte;

    while (read(gate, &byte, 1) == 1) {
        uint64_t number;
        char won = ask(registry, "v/live/same", worker, &number) == REGISTRY_YOURS;

        if (write(out, &won, 1) != 1)
            break;
    }
    _exit(0);
}

/* Four processes ask at one moment, again and again: exactly one wins each time. */
START_TEST(test_one_winner)
{
    enum { RACERS = 4, ROUNDS = 500 };
    struct registry *registry = registry_new(NULL, 4);
    int gate[RACERS][2];
    int out[2];

    ck_assert_int_eq(pipe(out), 0);
    for (int i = 0; i < RACERS; i++) {
        ck_assert_int_eq(pipe(gate[i]), 0);
        if (fork() == 0) {
            for (int k = 0; k <= i; k++)
                close(gate[k][1]);
            race(registry, i, gate[i][0], out[1]);
        }
        close(gate[i][0]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct registry_holder holder;
        int winners = 0;

        for (int i = 0; i < RACERS; i++)
            ck_assert_int_eq(write(gate[i][1], "g", 1), 1);
        for (int i = 0; i < RACERS; i++) {
            char won = 0;

            ck_assert_int_eq(read(out[0], &won, 1), 1);
            winners += won;
        }
        ck_assert_int_eq(winners, 1);
        ck_assert_int_eq(registry_find(registry, "v/live/same", &holder), 0);
        registry_release(registry, "v/live/same", holder.number);
    }
    for (int i = 0; i < RACERS; i++)
        close(gate[i][1]);
    for (int i = 0; i < RACERS; i++)
        ck_assert_int_gt(wait(NULL), 0);
    registry_free(registry);
}
END_TEST

/* Claims and releases until it is killed. */
static void come_and_go(struct registry *registry)
{
    for (unsigned i = 0;; i++) {
        uint64_t number;
        char key[8];

        snprintf(key, sizeof(key), "%u", i % 8);
        if (ask(registry, key, 1, &number) == REGISTRY_YOURS && i % 3 == 0)
            registry_release(registry, key, number);
    }
}

/* A worker is killed while it claims and releases: what it had is free after the reaping. */
START_TEST(test_killed_holders)
{
    struct registry *registry = registry_new(NULL, 16);

    for (int round = 0; round < 200; round++) {
        struct registry_holder holder;
        uint64_t number;
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
            come_and_go(registry);
        ck_assert_int_eq(ask(registry, "mine", 0, &number), REGISTRY_YOURS);
        usleep(300 + (unsigned)round * 5);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        (void)registry_reap(registry, 1);
        ck_assert_uint_eq(registry_count(registry), 1);
        ck_assert_int_eq(registry_find(registry, "mine", &holder), 0);
        ck_assert_uint_eq(holder.number, number);
        registry_release(registry, "mine", number);
    }
    registry_free(registry);
}
END_TEST

Suite *check_registry_suite(void)
{
    Suite *suite = suite_create("registry");
    TCase *tc = tcase_create("registry");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_one_at_a_time);
    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_takeover);
    tcase_add_test(tc, test_described);
    tcase_add_test(tc, test_asked);
    tcase_add_test(tc, test_reap);
    tcase_add_test(tc, test_one_winner);
    tcase_add_test(tc, test_killed_holders);
    suite_add_tcase(suite, tc);
    return suite;
}
