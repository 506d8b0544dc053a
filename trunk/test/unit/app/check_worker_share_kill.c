/* The workers' common tables after their users are killed at any instant. */
#include "app/workers/worker_share.h"

#include "base/shared_map.h"
#include "base/str.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_worker_share_kill_suite(void);

#define WORKERS 3
#define NAMES   20

static struct config config;

static struct worker_share *share_make(void)
{
    struct worker_share *share = NULL;

    config = (struct config){.workers = WORKERS,
                             .max_streams = 100,
                             .max_connections = 1000,
                             .max_connections_per_ip = 1000};
    ck_assert_ptr_null(worker_share_new(&share, &config, NULL));
    return share;
}

/* A busy worker: connections, addresses, streams and publications start and end. */
static void work(struct worker_share *share, int slot, unsigned seed)
{
    uint64_t number[NAMES] = {0};
    uint32_t place[NAMES] = {0};

    for (;;) {
        char name[16];
        unsigned which;

        seed = seed * 1103515245u + 12345;
        which = (seed >> 16) % NAMES;
        (void)str_format(name, sizeof(name), "v/a/%u", which);
        if (number[which] != 0) {
            registry_release(share->registry, name, number[which]);
            worker_share_stream_leave(share, slot, name);
            worker_share_ip_leave(share, slot, name);
            places_leave(share->places, place[which]);
            number[which] = 0;
        } else {
            struct registry_claim claim = {
                .key = name, .worker = slot, .takeover = REGISTRY_REPLACE};

            (void)places_enter(share->places, slot, &config, QUOTA_NEW, share, 1, &place[which]);
            (void)worker_share_ip_enter(share, slot, name, 1000);
            (void)worker_share_stream_enter(share, slot, name, 100);
            (void)registry_claim(share->registry, &claim, &number[which]);
        }
    }
}

static void end(struct worker_share *share, pid_t child, int slot)
{
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    worker_share_reap(share, slot);
}

static size_t count(struct shared_map *map)
{
    size_t found;

    shared_map_lock(map);
    found = shared_map_count(map);
    shared_map_unlock(map);
    return found;
}

/* One of three is killed, again and again; when none is left, all counters are 0. */
START_TEST(test_killed_at_any_instant)
{
    struct worker_share *share = share_make();
    pid_t child[WORKERS] = {0};

    for (unsigned round = 0; round < 100; round++) {
        int slot = (int)(round % WORKERS);

        if (child[slot] != 0)
            end(share, child[slot], slot);
        child[slot] = fork();
        ck_assert_int_ge(child[slot], 0);
        if (child[slot] == 0)
            work(share, slot, round + 1);
        usleep(300 + round * 21);
    }
    for (int i = 0; i < WORKERS; i++)
        end(share, child[i], i);
    ck_assert_uint_eq(registry_count(share->registry), 0);
    ck_assert_uint_eq(count(share->streams), 0);
    ck_assert_uint_eq(count(share->ip_counts), 0);
    for (int i = 0; i < WORKERS; i++)
        ck_assert_uint_eq(places_of(share->places, i), 0);
    worker_share_free(share);
}
END_TEST

/* A worker that is stopped while it holds a lock is killed, so that the others continue; for one
 * that only holds it for a while, they wait. */
static void hold(struct worker_share *share, int is_stopped, int *status)
{
    int ready[2];
    char byte;
    pid_t child;

    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        shared_map_lock(share->streams);
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        if (is_stopped)
            kill(getpid(), SIGSTOP);
        else
            usleep(1300 * 1000);
        shared_map_unlock(share->streams);
        _exit(7);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(worker_share_stream_enter(share, 0, "v/a/s", 100), 0);
    worker_share_stream_leave(share, 0, "v/a/s");
    ck_assert_int_eq(waitpid(child, status, 0), child);
    close(ready[0]);
    close(ready[1]);
}

START_TEST(test_a_process_that_keeps_a_lock_is_killed)
{
    struct worker_share *share = share_make();
    int status;

    hold(share, 1, &status);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    hold(share, 0, &status);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    worker_share_free(share);
}
END_TEST

static int is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Its folder is empty, for the others have not listened yet, and they are going to. */
START_TEST(test_a_process_that_ends_leaves_the_folder)
{
    struct worker_share *share = share_make();
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        worker_share_free(share);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert(is_folder(share->folder));
    worker_share_free(share);
}
END_TEST

/* A master that creates the folder, reports its name, forks, and ends as if killed. */
__attribute__((noreturn)) static void short_master(int say, int hold)
{
    struct worker_share *share = share_make();
    pid_t child = fork();
    char byte;

    if (child == 0) {
        (void)!read(hold, &byte, 1);
        worker_share_free(share);
        _exit(0);
    }
    (void)!write(say, share->folder, strlen(share->folder) + 1);
    _exit(0);
}

START_TEST(test_the_last_process_removes_the_folder)
{
    char folder[128] = "";
    int say[2], hold[2];
    pid_t master;

    ck_assert_int_eq(pipe(say), 0);
    ck_assert_int_eq(pipe(hold), 0);
    master = fork();
    ck_assert_int_ge(master, 0);
    if (master == 0)
        short_master(say[1], hold[0]);
    close(say[1]);
    ck_assert_int_gt(read(say[0], folder, sizeof(folder) - 1), 0);
    ck_assert_int_eq(waitpid(master, NULL, 0), master);
    ck_assert(is_folder(folder));
    ck_assert_int_eq(write(hold[1], "x", 1), 1);
    /* The worker is not our child: it holds the pipe until it ends. */
    ck_assert_int_eq(read(say[0], folder + 100, 1), 0);
    ck_assert(!is_folder(folder));
}
END_TEST

/* It outlives the session of the user that started the server. */
START_TEST(test_the_folder_outlives_the_login_session)
{
    struct worker_share *share;
    char session[] = "/tmp/check_share.XXXXXX";

    ck_assert_ptr_nonnull(mkdtemp(session));
    ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", session, 1), 0);
    share = share_make();
    ck_assert(!str_starts(share->folder, session));
    worker_share_free(share);
    ck_assert_int_eq(rmdir(session), 0);
}
END_TEST

Suite *check_worker_share_kill_suite(void)
{
    Suite *suite = suite_create("worker_share_kill");
    TCase *tc = tcase_create("worker_share_kill");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_killed_at_any_instant);
    tcase_add_test(tc, test_a_process_that_keeps_a_lock_is_killed);
    tcase_add_test(tc, test_a_process_that_ends_leaves_the_folder);
    tcase_add_test(tc, test_the_last_process_removes_the_folder);
    tcase_add_test(tc, test_the_folder_outlives_the_login_session);
    suite_add_tcase(suite, tc);
    return suite;
}
