/* The shared table: its limits, and its state after its users are killed. */
#include "base/shared_lock.h"
#include "base/shared_map.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_shared_map_suite(void);

static uint64_t *put(struct shared_map *map, const char *key, uint64_t value)
{
    uint64_t *at = shared_map_add(map, key);

    if (at != NULL)
        *at = value;
    return at;
}

/* Chains, count and marks agree. */
static void check_whole(struct shared_map *map)
{
    size_t seen = 0;

    for (uint64_t *v = shared_map_next(map, NULL); v != NULL; v = shared_map_next(map, v)) {
        ck_assert_ptr_eq(shared_map_find(map, shared_map_key(map, v)), v);
        seen++;
    }
    ck_assert_uint_eq(seen, shared_map_count(map));
}

/* "dd" among the flags of its mapping (proc_pid_smaps(5)). */
START_TEST(test_hidden)
{
    struct shared_map *map = shared_map_new(NULL, 100, sizeof(uint64_t));
    FILE *file;
    unsigned long from, to;
    int is_here = 0, is_marked = 0;
    char line[512];

    shared_map_hide(map);
    file = fopen("/proc/self/smaps", "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            is_here = from <= (uintptr_t)map && (uintptr_t)map < to;
        else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
            is_marked = strstr(line, " dd") != NULL;
    }
    (void)fclose(file);
    ck_assert_int_eq(is_marked, 1);
    shared_map_free(map);
}
END_TEST

START_TEST(test_put_find_remove)
{
    struct shared_map *map = shared_map_new(NULL, 100, sizeof(uint64_t));

    shared_map_lock(map);
    ck_assert_ptr_null(shared_map_find(map, "a"));
    ck_assert_ptr_null(shared_map_next(map, NULL));
    ck_assert_ptr_nonnull(put(map, "a", 1));
    ck_assert_ptr_nonnull(put(map, "b", 2));
    ck_assert_uint_eq(*(uint64_t *)shared_map_find(map, "a"), 1);
    shared_map_remove(map, shared_map_find(map, "a"));
    ck_assert_ptr_null(shared_map_find(map, "a"));
    ck_assert_uint_eq(*(uint64_t *)shared_map_find(map, "b"), 2);
    ck_assert_uint_eq(*put(map, "a", 0), 0);
    check_whole(map);
    shared_map_unlock(map);
    shared_map_free(map);
}
END_TEST

START_TEST(test_bounds)
{
    struct shared_map *map = shared_map_new(NULL, 3, sizeof(uint64_t));
    char key[SHARED_MAP_KEY_MAX + 1];

    shared_map_lock(map);
    memset(key, 'k', sizeof(key));
    key[SHARED_MAP_KEY_MAX] = '\0';
    ck_assert_ptr_null(shared_map_add(map, key));
    key[SHARED_MAP_KEY_MAX - 1] = '\0';
    ck_assert_ptr_nonnull(shared_map_add(map, key));
    ck_assert_ptr_nonnull(shared_map_add(map, ""));
    ck_assert_ptr_nonnull(shared_map_add(map, "3"));
    ck_assert_ptr_null(shared_map_add(map, "4"));
    check_whole(map);
    shared_map_remove(map, shared_map_find(map, ""));
    ck_assert_ptr_nonnull(shared_map_add(map, "4"));
    ck_assert_ptr_nonnull(shared_map_find(map, key));
    check_whole(map);
    shared_map_unlock(map);
    shared_map_free(map);
}
END_TEST

START_TEST(test_many_come_and_go)
{
    struct shared_map *map = shared_map_new(NULL, 1000, sizeof(uint64_t));
    char key[16];

    shared_map_lock(map);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            snprintf(key, sizeof(key), "k%u", i);
            ck_assert_ptr_nonnull(put(map, key, i));
        }
        check_whole(map);
        for (uint64_t *v = shared_map_next(map, NULL); v != NULL; v = shared_map_next(map, v))
            if (*v % 3 != 0 || round == 2)
                shared_map_remove(map, v);
        check_whole(map);
        for (unsigned i = 0; i < 1000 && round < 2; i++) {
            snprintf(key, sizeof(key), "k%u", i);
            ck_assert(!shared_map_find(map, key) == (i % 3 != 0));
            if (shared_map_find(map, key) != NULL)
                shared_map_remove(map, shared_map_find(map, key));
        }
    }
    ck_assert_uint_eq(shared_map_count(map), 0);
    shared_map_unlock(map);
    shared_map_free(map);
}
END_TEST

/* The holder of the lock ends: the next one gets it, and all that was put in. */
START_TEST(test_holder_dies)
{
    struct shared_map *map = shared_map_new(NULL, 10, sizeof(uint64_t));
    int status;
    pid_t child;

    shared_map_lock(map);
    put(map, "before", 1);
    shared_map_unlock(map);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        shared_map_lock(map);
        put(map, "within", 2);
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    shared_map_lock(map);
    ck_assert_uint_eq(*(uint64_t *)shared_map_find(map, "before"), 1);
    ck_assert_uint_eq(*(uint64_t *)shared_map_find(map, "within"), 2);
    check_whole(map);
    shared_map_unlock(map);
    shared_map_free(map);
}
END_TEST

static pid_t stuck_holder;

static void note_and_kill(pid_t holder)
{
    stuck_holder = holder;
    kill(holder, SIGKILL);
}

/* A process that never releases the lock: waiting processes learn which one it is. */
START_TEST(test_holder_is_stuck)
{
    struct shared_map *map = shared_map_new(NULL, 8, sizeof(uint64_t));
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        shared_map_lock(map);
        put(map, "within", 2);
        kill(getpid(), SIGSTOP);
    }
    ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
    ck_assert_int_ne(WIFSTOPPED(status), 0);
    shared_lock_on_stuck(note_and_kill);
    shared_map_lock(map);
    shared_lock_on_stuck(NULL);
    ck_assert_int_eq(stuck_holder, child);
    ck_assert_uint_eq(*(uint64_t *)shared_map_find(map, "within"), 2);
    shared_map_unlock(map);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_ne(WIFSIGNALED(status), 0);
    shared_map_free(map);
}
END_TEST

static void churn(struct shared_map *map, unsigned seed)
{
    for (;;) {
        char key[16];
        void *found;

        seed = seed * 1103515245u + 12345;
        snprintf(key, sizeof(key), "k%u", seed >> 16 & 63);
        shared_map_lock(map);
        found = shared_map_find(map, key);
        if (found != NULL)
            shared_map_remove(map, found);
        else
            put(map, key, seed);
        shared_map_unlock(map);
    }
}

/* Three at work all the time, one of them killed at any instant, a hundred times. */
START_TEST(test_killed_at_any_instant)
{
    struct shared_map *map = shared_map_new(NULL, 48, sizeof(uint64_t));
    pid_t child[3] = {0};

    for (unsigned round = 0; round < 100; round++) {
        unsigned which = round % 3;

        if (child[which] != 0) {
            kill(child[which], SIGKILL);
            waitpid(child[which], NULL, 0);
        }
        child[which] = fork();
        ck_assert_int_ge(child[which], 0);
        if (child[which] == 0)
            churn(map, round + 1);
        shared_map_lock(map);
        check_whole(map);
        shared_map_unlock(map);
        usleep(500 + round * 21);
    }
    for (int i = 0; i < 3; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    shared_map_lock(map);
    check_whole(map);
    shared_map_unlock(map);
    shared_map_free(map);
}
END_TEST

Suite *check_shared_map_suite(void)
{
    Suite *suite = suite_create("shared_map");
    TCase *tc = tcase_create("shared_map");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_put_find_remove);
    tcase_add_test(tc, test_hidden);
    tcase_add_test(tc, test_bounds);
    tcase_add_test(tc, test_many_come_and_go);
    tcase_add_test(tc, test_holder_dies);
    tcase_add_test(tc, test_holder_is_stuck);
    tcase_add_test(tc, test_killed_at_any_instant);
    suite_add_tcase(suite, tc);
    return suite;
}
