/*
 * The Redis client against a scripted server: replies of all kinds and in pieces, none at all,
 * hostile ones, and connections that break.
 */
#include "base/str.h"
#include "co/redis.h"
#include "co_test.h"
#include "redis_test.h"

#include <stdlib.h>
#include <string.h>

Suite *check_redis_suite(void);

/* The events of the client so far. */
struct seen {
    int ups, downs, messages, has_two;
    char message[64], why[256];
};

static void on_up(void *arg)
{
    ((struct seen *)arg)->ups++;
}

static void on_down(void *arg, const struct err *why)
{
    struct seen *seen = arg;

    seen->downs++;
    (void)str_copy(seen->why, sizeof(seen->why), err_text(why));
}

static void on_message(void *arg, const char *data, size_t len)
{
    struct seen *seen = arg;

    seen->messages++;
    seen->has_two = seen->messages >= 2;
    (void)str_copy_n(seen->message, sizeof(seen->message), data, len);
}

static struct redis *start(struct reporter *t, struct seen *seen, struct redis_options *more)
{
    struct redis_options options = more != NULL ? *more : (struct redis_options){0};
    struct redis *redis;

    memset(seen, 0, sizeof(*seen));
    options.host = "127.0.0.1";
    options.port = reporter_start(t);
    options.on_up = on_up;
    options.on_down = on_down;
    options.on_message = on_message;
    options.arg = seen;
    redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    return redis;
}

static void finish(struct reporter *t, struct redis *redis)
{
    redis_free(redis, 0);
    teller_free(t);
}

static struct err *get(struct redis *redis, const char *key, struct redis_reply *reply,
                       char text[REDIS_TEXT_MAX])
{
    struct redis_command command = {0};

    redis_command_add(&command, "GET");
    redis_command_add(&command, key);
    return redis_call(redis, &command, reply, text, TEST_WAIT);
}

/* Every kind of reply, in pieces of every size. */
START_TEST(test_replies)
{
    static const int pieces[] = {0, 1, 2, 3, 7};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct reporter *t = teller_new();
        struct redis_reply reply;
        char text[REDIS_TEXT_MAX];
        struct seen seen;
        struct redis *redis;

        t->piece = pieces[i];
        TELLER_SAYS(t, 0, {"PING", PONG}, {"k1", "$5\r\nhello\r\n"}, {"k2", "$-1\r\n"},
                    {"k3", ":42\r\n"}, {"k4", "-ERR it is not so\r\n"},
                    {"k5", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"}, {"k6", "$0\r\n\r\n"});
        redis = start(t, &seen, NULL);
        co_test_ok(get(redis, "k1", &reply, text));
        ck_assert_int_eq(reply.kind, REDIS_TEXT);
        ck_assert_str_eq(reply.text, "hello");
        ck_assert_uint_eq(reply.len, 5);
        co_test_ok(get(redis, "k2", &reply, text));
        ck_assert_int_eq(reply.kind, REDIS_NIL);
        co_test_ok(get(redis, "k3", &reply, text));
        ck_assert(reply.kind == REDIS_NUMBER && reply.number == 42);
        co_test_ok(get(redis, "k4", &reply, text));
        ck_assert_int_eq(reply.kind, REDIS_REFUSED);
        ck_assert_str_eq(reply.text, "ERR it is not so");
        co_test_ok(get(redis, "k5", &reply, text));
        ck_assert_int_eq(reply.kind, REDIS_OTHER);
        co_test_ok(get(redis, "k6", &reply, text));
        ck_assert(reply.kind == REDIS_TEXT && reply.len == 0);
        ck_assert_str_eq(redis_own_ip(redis), "127.0.0.1");
        ck_assert_int_eq(seen.ups, 1);
        finish(t, redis);
        ck_assert_int_eq(seen.downs, 0);
    }
}
END_TEST

START_TEST(test_opening)
{
    struct reporter *t = teller_new();
    struct redis_options options = {.user = "ann", .password = "the secret", .db = 7};
    struct redis_reply reply;
    char text[REDIS_TEXT_MAX];
    struct seen seen;
    struct redis *redis;

    TELLER_SAYS(t, 0, {"AUTH\r\n$3\r\nann\r\n$10\r\nthe secret\r\n", "+OK\r\n"},
                {"SELECT\r\n$1\r\n7\r\n", "+OK\r\n"}, {"PING", PONG}, {"key", "$1\r\nx\r\n"});
    redis = start(t, &seen, &options);
    co_test_ok(get(redis, "key", &reply, text));
    ck_assert_str_eq(reply.text, "x");
    finish(t, redis);
}
END_TEST

START_TEST(test_refused)
{
    struct reporter *t = teller_new();
    struct redis_options options = {.password = "wrong"};
    struct redis_reply reply;
    char text[REDIS_TEXT_MAX];
    struct seen seen;
    struct redis *redis;

    TELLER_SAYS(t, 0, {"wrong", "-WRONGPASS invalid\r\n"});
    redis = start(t, &seen, &options);
    co_test_err(get(redis, "key", &reply, text), ERR_CLOSED);
    ck_assert_int_eq(seen.ups, 0);
    ck_assert_int_eq(seen.downs, 1);
    ck_assert_str_eq(seen.why, "WRONGPASS invalid");
    finish(t, redis);
}
END_TEST

/* Whether it may be written to is asked before it counts as up. */
START_TEST(test_probe)
{
    static const struct {
        const char *say;
        int is_up;
    } cases[] = {{"+OK\r\n", 1},
                 {"-NOPERM this user may not\r\n", 1},
                 {"-READONLY You can't write against a read only replica.\r\n", 0},
                 {"-MASTERDOWN Link with MASTER is down\r\n", 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reporter *t = teller_new();
        struct redis_options options = {.probe = "the:key"};
        struct seen seen;
        struct redis *redis;

        TELLER_SAYS(t, 0, {"PING", PONG}, {"the:key", cases[i].say});
        redis = start(t, &seen, &options);
        ck_assert_int_eq(redis_wait_up(redis, TEST_WAIT), cases[i].is_up);
        ck_assert_int_eq(seen.downs, !cases[i].is_up);
        finish(t, redis);
    }
}
END_TEST

struct order {
    int count;
    int64_t number[4];
    int broken;
};

static void in_order(void *arg, const struct redis_reply *reply)
{
    struct order *order = arg;

    if (reply == NULL)
        order->broken++;
    else
        order->number[order->count++] = reply->number;
}

/* Many are sent before the first reply; the connection breaks in the middle, and is opened again.
 */
START_TEST(test_pipeline)
{
    struct reporter *t = teller_new();
    struct redis_command command = {0};
    struct redis_reply reply;
    struct order order = {0};
    char text[REDIS_TEXT_MAX];
    struct seen seen;
    struct redis *redis;

    t->connections = 2;
    TELLER_SAYS(t, 0, {"PING", PONG}, {"N3", ":1\r\n:2\r\n:3\r\n"}, {"GET", NULL});
    TELLER_SAYS(t, 1, {"PING", PONG}, {"again", "$1\r\nx\r\n"});
    redis = start(t, &seen, NULL);
    ck_assert(redis_wait_up(redis, TEST_WAIT));
    for (int i = 1; i <= 3; i++) {
        char name[8];

        memset(&command, 0, sizeof(command));
        (void)str_format(name, sizeof(name), "N%d", i);
        redis_command_add(&command, name);
        ck_assert_int_eq(redis_post(redis, &command, in_order, &order), 0);
    }
    ck_assert_uint_eq(redis_pending(redis), 3);
    /* Its end also ends pending commands: no caller waits forever. */
    co_test_err(get(redis, "k", &reply, text), ERR_CLOSED);
    ck_assert_int_eq(order.count, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(order.number[i], i + 1);
    ck_assert_int_eq(redis_is_up(redis), 0);
    ck_assert_int_eq(redis_post(redis, &command, in_order, &order), -1);
    ck_assert_int_eq(order.broken, 0);
    seen.ups = 0;
    co_test_until(&seen.ups);
    co_test_ok(get(redis, "again", &reply, text));
    ck_assert_int_eq(seen.downs, 1);
    finish(t, redis);
}
END_TEST

/* The reply for a caller that gave up is dropped, and the next caller gets its own. */
START_TEST(test_late_reply)
{
    struct reporter *t = teller_new();
    struct redis_command command = {0};
    struct redis_reply reply;
    char text[REDIS_TEXT_MAX];
    struct seen seen;
    struct redis *redis;

    TELLER_SAYS(t, 0, {"PING", PONG}, {"second", "$5\r\nfirst\r\n$6\r\nsecond\r\n"});
    redis = start(t, &seen, NULL);
    redis_command_add(&command, "first");
    ck_assert(redis_wait_up(redis, TEST_WAIT));
    co_test_err(redis_call(redis, &command, &reply, text, 20 * USEC_PER_MS), ERR_TIMEOUT);
    co_test_ok(get(redis, "second", &reply, text));
    ck_assert_str_eq(reply.text, "second");
    finish(t, redis);
}
END_TEST

/* An invalid reply closes the connection, and has no other effect. */
START_TEST(test_hostile)
{
    static const char *const replies[] = {
        "*1000000000\r\n",
        "*17\r\n",
        "$99999999999999999999\r\n",
        "hello\r\n",
        "+OK\r\n+OK\r\n",
        "*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
    };

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        struct reporter *t = teller_new();
        struct redis_reply reply;
        char text[REDIS_TEXT_MAX];
        struct seen seen;
        struct redis *redis;
        struct err *err;

        TELLER_SAYS(t, 0, {"PING", PONG}, {"key", replies[i]});
        redis = start(t, &seen, NULL);
        err = get(redis, "key", &reply, text);
        /* No command was sent for the second of two replies. */
        ck_assert_msg(err == NULL || err_code(err) == ERR_CLOSED, "%zu", i);
        err_free(err);
        co_test_until(&seen.downs);
        finish(t, redis);
    }
}
END_TEST

/* A reply over the maximum length is rejected before it is complete. */
START_TEST(test_endless_reply)
{
    struct reporter *t = teller_new();
    size_t size = REDIS_REPLY_MAX * 2;
    char *flood = malloc(size + 1);
    struct redis_reply reply;
    char text[REDIS_TEXT_MAX];
    struct seen seen;
    struct redis *redis;

    ck_assert_ptr_nonnull(flood);
    memset(flood, 'x', size);
    flood[size] = '\0';
    memcpy(flood, "$900000\r\n", 9);
    TELLER_SAYS(t, 0, {"PING", PONG}, {"key", flood});
    redis = start(t, &seen, NULL);
    co_test_err(get(redis, "key", &reply, text), ERR_CLOSED);
    ck_assert_ptr_nonnull(strstr(seen.why, "longer than"));
    finish(t, redis);
    free(flood);
}
END_TEST

START_TEST(test_long_text)
{
    struct reporter *t = teller_new();
    char body[REDIS_TEXT_MAX + 64];
    struct redis_reply reply;
    char text[REDIS_TEXT_MAX];
    struct seen seen;
    struct redis *redis;

    (void)str_format(body, sizeof(body), "$%d\r\n%0*d\r\n", REDIS_TEXT_MAX, REDIS_TEXT_MAX, 1);
    TELLER_SAYS(t, 0, {"PING", PONG}, {"key", body}, {"next", "$1\r\nx\r\n"});
    redis = start(t, &seen, NULL);
    co_test_err(get(redis, "key", &reply, text), ERR_LIMIT);
    co_test_ok(get(redis, "next", &reply, text));
    finish(t, redis);
}
END_TEST

START_TEST(test_too_many)
{
    struct reporter *t = teller_new();
    struct redis_command command = {0};
    struct order order = {0};
    struct redis_reply reply;
    char text[REDIS_TEXT_MAX];
    struct seen seen;
    struct redis *redis;

    TELLER_SAYS(t, 0, {"PING", PONG});
    redis = start(t, &seen, NULL);
    ck_assert(redis_wait_up(redis, TEST_WAIT));
    redis_command_add(&command, "X");
    for (int i = 0; i < REDIS_PENDING_MAX; i++)
        ck_assert_int_eq(redis_post(redis, &command, in_order, &order), 0);
    ck_assert_int_eq(redis_post(redis, &command, in_order, &order), -1);
    co_test_err(get(redis, "key", &reply, text), ERR_LIMIT);
    finish(t, redis);
    ck_assert_int_eq(order.broken, REDIS_PENDING_MAX);
}
END_TEST

START_TEST(test_channel)
{
    static const char messages[] = "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\none\r\n"
                                   "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\ntwo\r\n"
                                   "*2\r\n$7\r\nmessage\r\n$2\r\nch\r\n";

    for (int piece = 0; piece < 5; piece++) {
        struct reporter *t = teller_new();
        struct redis_options options = {.channel = "ch"};
        struct seen seen;
        struct redis *redis;

        t->piece = piece;
        TELLER_SAYS(t, 0,
                    {"SUBSCRIBE\r\n$2\r\nch\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"},
                    {"SUBSCRIBE", messages});
        redis = start(t, &seen, &options);
        co_test_until(&seen.has_two);
        ck_assert_str_eq(seen.message, "two");
        finish(t, redis);
        ck_assert_int_eq(seen.messages, 2);
    }
}
END_TEST

/* Ended while it connects, while it waits to try again, and while a command is under way. */
START_TEST(test_ends)
{
    struct redis_options options = {.host = "127.0.0.1", .port = 1};
    struct redis_command command = {0};
    struct order order = {0};
    struct reporter *t = teller_new();
    struct seen seen;
    struct redis *redis = redis_new(&options);

    redis_free(redis, TEST_WAIT);
    redis = redis_new(&options);
    ck_assert_int_eq(redis_wait_up(redis, TEST_WAIT), 0);
    redis_free(redis, TEST_WAIT);
    redis_free(NULL, 0);
    TELLER_SAYS(t, 0, {"PING", PONG}, {"last", ":9\r\n"});
    redis = start(t, &seen, NULL);
    ck_assert(redis_wait_up(redis, TEST_WAIT));
    redis_command_add(&command, "last");
    ck_assert_int_eq(redis_post(redis, &command, in_order, &order), 0);
    /* What was sent is waited for. */
    redis_free(redis, TEST_WAIT);
    ck_assert_int_eq(order.count, 1);
    teller_free(t);
}
END_TEST

Suite *check_redis_suite(void)
{
    Suite *suite = suite_create("redis");
    TCase *tcase = co_test_case(suite, "all");

    tcase_add_test(tcase, test_replies);
    tcase_add_test(tcase, test_opening);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_probe);
    tcase_add_test(tcase, test_pipeline);
    tcase_add_test(tcase, test_late_reply);
    tcase_add_test(tcase, test_hostile);
    tcase_add_test(tcase, test_endless_reply);
    tcase_add_test(tcase, test_long_text);
    tcase_add_test(tcase, test_too_many);
    tcase_add_test(tcase, test_channel);
    tcase_add_test(tcase, test_ends);
    return suite;
}
