/* The lock after its holder was killed, or does not release it: check_shared_map.c has more. */
#include "base/shared_lock.h"

#include <check.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_shared_lock_suite(void);

static pid_t seen;

static void note_and_kill(pid_t holder)
{
    seen = holder;
    (void)kill(holder, SIGKILL);
}

START_TEST(test_the_next_lock_holder_learns_that_the_last_one_died)
{
    struct shared_lock *lock =
        mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ready[2];
    char byte;
    pid_t child;

    ck_assert_ptr_ne(lock, MAP_FAILED);
    ck_assert_int_eq(shared_lock_init(lock), 0);
    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (shared_lock_take(lock) == 0)
            (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    shared_lock_on_stuck(note_and_kill);
    ck_assert_int_eq(shared_lock_take(lock), 1);
    shared_lock_on_stuck(NULL);
    ck_assert_int_eq(seen, child);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    shared_lock_repaired(lock);
    shared_lock_release(lock);
    ck_assert_int_eq(shared_lock_take(lock), 0);
    shared_lock_release(lock);
    ck_assert_int_eq(munmap(lock, sizeof(*lock)), 0);
}
END_TEST

Suite *check_shared_lock_suite(void)
{
    Suite *suite = suite_create("shared_lock");
    TCase *tc = tcase_create("shared_lock");

    tcase_add_test(tc, test_the_next_lock_holder_learns_that_the_last_one_died);
    suite_add_tcase(suite, tc);
    return suite;
}
