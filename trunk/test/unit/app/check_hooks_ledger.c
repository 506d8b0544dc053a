/* The ledger: records of all lengths, its limit, and what a killed worker leaves. */
#include "app/control/hooks_ledger.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_hooks_ledger_suite(void);

static struct hooks_ledgers *all;
static struct hooks_ledger *ledger;

static void setup(void)
{
    all = hooks_ledgers_new(NULL, 2, 64);
    ck_assert_ptr_nonnull(all);
    ck_assert_int_eq(hooks_ledgers_count(all), 2);
    ledger = hooks_ledgers_at(all, 1);
}

static void teardown(void)
{
    hooks_ledgers_free(all);
    hooks_ledgers_free(NULL);
}

static struct hooks_record record_of(const char *id, const char *param)
{
    return (struct hooks_record){.state = HOOKS_ASKED,
                                 .stop = CONFIG_ON_STOP,
                                 .began_at = 5,
                                 .client = {.id = id,
                                            .ip = "::1",
                                            .vhost = "v",
                                            .app = "a",
                                            .stream = "s",
                                            .tc_url = "rtmp://v/a",
                                            .page_url = "",
                                            .param = param,
                                            .type = "flv"}};
}

static void ck_record(uint32_t number, const char *id, const char *param, enum hooks_state state)
{
    struct hooks_record out;
    char *text;

    ck_assert_int_eq(hooks_ledger_read(ledger, number, &out, &text), 0);
    ck_assert_str_eq(out.client.id, id);
    ck_assert_str_eq(out.client.param, param);
    ck_assert_str_eq(out.client.type, "flv");
    ck_assert_str_eq(out.client.tc_url, "rtmp://v/a");
    ck_assert_int_eq(out.state, state);
    ck_assert_int_eq(out.stop, CONFIG_ON_STOP);
    free(text);
}

START_TEST(test_states)
{
    struct hooks_record record = record_of("c1", "?k=v");
    uint32_t number = hooks_ledger_add(ledger, &record);
    struct hooks_record out;
    char *text;

    ck_assert_uint_ne(number, 0);
    ck_record(number, "c1", "?k=v", HOOKS_ASKED);
    hooks_ledger_open(ledger, number, 10);
    ck_record(number, "c1", "?k=v", HOOKS_OPEN);
    hooks_ledger_end(ledger, number, 20, 3, 4);
    hooks_ledger_deliver(ledger, number, 0);
    hooks_ledger_deliver(ledger, number, 2);
    ck_assert_int_eq(hooks_ledger_read(ledger, number, &out, &text), 0);
    ck_assert_int_eq(out.state, HOOKS_ENDED);
    ck_assert_int_eq(out.began_at, 10);
    ck_assert_int_eq(out.ended_at, 20);
    ck_assert_uint_eq(out.bytes_in, 3);
    ck_assert_uint_eq(out.bytes_out, 4);
    ck_assert_uint_eq(out.delivered, 5);
    free(text);
    ck_assert_uint_eq(hooks_ledger_next(ledger, 0), number);
    ck_assert_uint_eq(hooks_ledger_next(hooks_ledgers_at(all, 0), 0), 0);
    hooks_ledger_remove(ledger, number);
    ck_assert_uint_eq(hooks_ledger_next(ledger, 0), 0);
}
END_TEST

/* Texts that end at, before and after each border of two blocks. */
START_TEST(test_lengths)
{
    char param[6000];

    for (size_t len = 0; len < sizeof(param); len += len < 600 ? 1 : 97) {
        struct hooks_record record = record_of("id", param);
        uint32_t number;

        memset(param, 'p', len);
        param[len] = '\0';
        number = hooks_ledger_add(ledger, &record);
        ck_assert_uint_ne(number, 0);
        ck_record(number, "id", param, HOOKS_ASKED);
        hooks_ledger_remove(ledger, number);
    }
}
END_TEST

/* Full: refused, and the attempt leaves nothing. */
START_TEST(test_limit)
{
    static char param[10000];
    struct hooks_record small = record_of("small", "");
    struct hooks_record large = record_of("large", param);
    uint32_t number[65];
    uint32_t found = 0;
    int count = 0;

    memset(param, 'p', sizeof(param) - 1);
    ck_assert_uint_eq(
        hooks_ledger_add(ledger,
                         &(struct hooks_record){.state = HOOKS_ASKED,
                                                .client = {param, param, param, param, param, param,
                                                           "", param, param}}),
        0);
    while ((number[count] = hooks_ledger_add(ledger, &small)) != 0)
        count++;
    ck_assert_int_eq(count, 64);
    ck_assert_uint_eq(hooks_ledger_add(ledger, &large), 0);
    for (int i = 0; i < 30; i++)
        hooks_ledger_remove(ledger, number[i]);
    ck_assert_uint_eq(hooks_ledger_add(ledger, &large), 0);
    for (int i = 0; i < 30; i++) {
        number[i] = hooks_ledger_add(ledger, &small);
        ck_assert_uint_ne(number[i], 0);
    }
    for (count = 0; (found = hooks_ledger_next(ledger, found)) != 0; count++)
        ck_record(found, "small", "", HOOKS_ASKED);
    ck_assert_int_eq(count, 64);
}
END_TEST

/* A process that adds and removes is killed at any instant: whatever is left can be read, and the
 * ledger is usable again. */
START_TEST(test_killed)
{
    for (int round = 0; round < 60; round++) {
        uint32_t number = 0;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            for (;;) {
                static char param[900];
                struct hooks_record record = record_of("killed", param);
                uint32_t one, two;

                memset(param, 'p', sizeof(param) - 1);
                one = hooks_ledger_add(ledger, &record);
                two = hooks_ledger_add(ledger, &record);
                hooks_ledger_open(ledger, one, 1);
                hooks_ledger_end(ledger, one, 2, 3, 4);
                hooks_ledger_remove(ledger, one);
                hooks_ledger_remove(ledger, two);
            }
        }
        ck_assert_int_gt(pid, 0);
        usleep(200 + (useconds_t)round * 37);
        kill(pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        hooks_ledger_orphan(ledger);
        ck_assert(hooks_ledger_is_orphan(ledger));
        while ((number = hooks_ledger_next(ledger, number)) != 0) {
            struct hooks_record out;
            char *text;

            ck_assert_int_eq(hooks_ledger_read(ledger, number, &out, &text), 0);
            ck_assert_str_eq(out.client.id, "killed");
            ck_assert_uint_eq(strlen(out.client.param), 899);
            free(text);
        }
        hooks_ledger_reset(ledger);
        ck_assert(!hooks_ledger_is_orphan(ledger));
        ck_assert_uint_eq(hooks_ledger_next(ledger, 0), 0);
    }
}
END_TEST

Suite *check_hooks_ledger_suite(void)
{
    Suite *suite = suite_create("hooks_ledger");
    TCase *tc = tcase_create("hooks_ledger");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_states);
    tcase_add_test(tc, test_lengths);
    tcase_add_test(tc, test_limit);
    tcase_add_test(tc, test_killed);
    suite_add_tcase(suite, tc);
    return suite;
}
