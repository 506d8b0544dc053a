/*
 * Connections to other RTMP servers, against a scripted one: in steps of every size, cut at every
 * byte, more than requested in one piece, and messages that no server should send.
 */
#include "app/cluster/rtmp_upstream.h"
#include "co/co.h"
#include "http_test.h"
#include "proto/rtmp_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

Suite *check_rtmp_upstream_suite(void);

#define WAIT (5 * USEC_PER_SEC)

static struct rtmp_target target; /* too large for a stack */
static struct config config = {.chunk_size = 60000, .max_message = 1024 * 1024};

/* Sends everything to a client, in steps, and closes then, or when the client does. */
struct server_side {
    struct net_listener *listener;
    const struct buf *words;
    size_t len, step;
    int stays, ends, is_done; /* ends: it sends nothing more, but still reads */
};

static void side_run(void *arg)
{
    struct server_side *side = arg;
    static struct log_sink sink;
    static const struct log quiet = {.level = LOG_ERROR, .sink = &sink};
    struct net_conn *conn = NULL;
    struct err *err = net_accept(side->listener, &conn, &quiet, WAIT);
    uint8_t scratch[1024];
    size_t got;

    for (size_t at = 0; err == NULL && at < side->len; at += side->step) {
        size_t part = side->len - at < side->step ? side->len - at : side->step;

        err = io_write(&conn->io, buf_data(side->words) + at, part, WAIT);
        co_yield ();
    }
    if (err == NULL && side->ends)
        ck_assert_int_eq(shutdown(conn->fd, SHUT_WR), 0);
    while (err == NULL && (side->stays || side->ends))
        err = io_read(&conn->io, scratch, sizeof(scratch), &got, WAIT);
    err_free(err);
    net_free(conn);
    side->is_done = 1;
}

static void side_start(struct server_side *side, char url[64])
{
    struct err *err = net_listen("127.0.0.1:0", &side->listener);

    ck_assert_msg(err == NULL, "%s", err != NULL ? err_text(err) : "");
    snprintf(url, 64, "rtmp://127.0.0.1:%d/live/s?a=b", net_listener_port(side->listener));
    ck_assert_ptr_nonnull(co_spawn(side_run, side));
}

static void side_end(struct server_side *side)
{
    usec_t deadline = co_deadline(WAIT);

    while (!*(const volatile int *)&side->is_done) {
        ck_assert_msg(co_left(deadline) > 0, "the other side never ended");
        co_yield ();
    }
    net_listener_close(side->listener);
}

/* ---- words ---- */

static void say_shake(struct buf *to)
{
    static uint8_t answer[1 + 2 * 1536] = {3};

    ck_assert_int_eq(buf_append(to, answer, sizeof(answer)), 0);
}

static void say_call(struct buf *to, const char *name, double transaction, struct amf0 *info)
{
    struct rtmp_call call = {name, transaction, 0, NULL, info, NULL};

    ck_assert_int_eq(rtmp_message_call_write(to, 128, &call), 0);
}

static void say_status(struct buf *to, const char *level, const char *code)
{
    say_call(to, "onStatus", 0, rtmp_message_status(level, code, "because"));
}

static void say_granted(struct buf *to, const char *code)
{
    say_shake(to);
    say_call(to, "_result", 1, rtmp_message_status("status", "NetConnection.Connect.Success", ""));
    say_call(to, "_result", 4, amf0_number(1));
    say_status(to, "status", code);
}

static struct err *open_to(struct rtmp_upstream *up, const char *url, enum rtmp_intent intent)
{
    struct rtmp_upstream_options options = {.config = &config, .intent = intent, .via = "1 own"};

    memset(up, 0, sizeof(*up));
    ck_assert_int_eq(rtmp_target_read(&target, url), 0);
    return rtmp_upstream_open(up, &target, &options, WAIT);
}

static void ck_code(struct err *err, enum err_code code)
{
    ck_assert_msg(err != NULL && err_code(err) == code, "%s",
                  err != NULL ? err_text(err) : "no error");
    err_free(err);
}

static void ck_none(struct err *err)
{
    ck_assert_msg(err == NULL, "%s", err != NULL ? err_text(err) : "");
}

/* ---- tests ---- */

START_TEST(test_granted_in_every_step)
{
    static const size_t steps[] = {1, 7, 128, 1537, 3073, 65536};

    for (int intent = RTMP_INTENT_PUBLISH; intent <= RTMP_INTENT_PLAY; intent++) {
        struct buf words;

        buf_init(&words, 65536);
        say_granted(&words, intent == RTMP_INTENT_PLAY ? "NetStream.Play.Start"
                                                       : "NetStream.Publish.Start");
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            struct server_side side = {
                .words = &words, .len = words.len, .step = steps[i], .stays = 1};
            struct rtmp_upstream up;
            char url[64];

            side_start(&side, url);
            ck_none(open_to(&up, url, (enum rtmp_intent)intent));
            if (intent == RTMP_INTENT_PUBLISH)
                ck_none(rtmp_upstream_listen(&up));
            rtmp_upstream_close(&up, NULL);
            side_end(&side);
        }
        buf_fini(&words);
    }
}
END_TEST

START_TEST(test_cut_at_every_byte)
{
    struct buf words;

    buf_init(&words, 65536);
    say_granted(&words, "NetStream.Publish.Start");
    /* In the middle of the handshake one byte is like another. */
    for (size_t len = 0; len<words.len; len += len> 2 && len < 3070 ? 511 : 1) {
        struct server_side side = {.words = &words, .len = len, .step = 65536};
        struct rtmp_upstream up;
        struct err *err;
        char url[64];

        side_start(&side, url);
        err = open_to(&up, url, RTMP_INTENT_PUBLISH);
        /* Closed while we still speak, or while we listen. */
        ck_assert_msg(err != NULL && (err_code(err) == ERR_CLOSED || err_code(err) == ERR_SYS),
                      "%zu: %s", len, err != NULL ? err_text(err) : "no error");
        err_free(err);
        ck_assert_ptr_null(up.conn);
        ck_assert_ptr_null(up.talk);
        side_end(&side);
    }
    buf_fini(&words);
}
END_TEST

/* Everything in one piece: the bytes after the answer were read with it. */
static struct err *listen_after(const char *level, const char *code, int ends)
{
    struct server_side side = {.step = 65536, .stays = 1, .ends = ends};
    int is_over = ends || code != NULL;
    struct rtmp_upstream up;
    usec_t deadline = co_deadline(WAIT);
    struct buf words;
    struct err *err;
    char url[64];

    buf_init(&words, 65536);
    say_granted(&words, "NetStream.Publish.Start");
    ck_assert_int_eq(rtmp_message_user_write(&words, RTMP_USER_PING_REQUEST, 7), 0);
    if (code != NULL)
        say_status(&words, level, code);
    side.words = &words;
    side.len = words.len;
    side_start(&side, url);
    ck_none(open_to(&up, url, RTMP_INTENT_PUBLISH));
    do {
        err = rtmp_upstream_listen(&up);
        co_yield ();
    } while (err == NULL && is_over && co_left(deadline) > 0);
    rtmp_upstream_close(&up, NULL);
    side_end(&side);
    buf_fini(&words);
    return err;
}

START_TEST(test_said_with_the_answer)
{
    ck_none(listen_after(NULL, NULL, 0));
    ck_code(listen_after(NULL, NULL, 1), ERR_CLOSED);
    ck_code(listen_after("error", "NetStream.Publish.BadName", 0), ERR_DENIED);
}
END_TEST

static struct err *open_against(void (*say)(struct buf *words), enum rtmp_intent intent)
{
    struct server_side side = {.step = 65536, .stays = 1};
    struct net_conn *shown = (struct net_conn *)&side; /* not NULL */
    struct rtmp_upstream_options options = {.config = &config, .intent = intent, .shown = &shown};
    struct rtmp_upstream up = {NULL, NULL, 0};
    struct buf words;
    struct err *err;
    char url[64];

    buf_init(&words, 65536);
    say(&words);
    side.words = &words;
    side.len = words.len;
    side_start(&side, url);
    ck_assert_int_eq(rtmp_target_read(&target, url), 0);
    err = rtmp_upstream_open(&up, &target, &options, WAIT / 10);
    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_null(shown);
    side_end(&side);
    buf_fini(&words);
    return err;
}

static void say_http(struct buf *to)
{
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(buf_printf(to, "HTTP/1.1 400 Bad Request\r\n\r\n"), 0);
}

static void say_rejected(struct buf *to)
{
    say_shake(to);
    say_call(to, "_error", 1, rtmp_message_status("error", "NetConnection.Connect.Rejected", "no"));
}

static void say_busy(struct buf *to)
{
    say_shake(to);
    say_call(to, "_result", 1, NULL);
    say_call(to, "_result", 4, amf0_number(1));
    say_status(to, "error", "NetStream.Publish.BadName");
}

static void say_no_stream_id(struct buf *to)
{
    say_shake(to);
    say_call(to, "_result", 1, NULL);
    say_call(to, "_result", 4, amf0_number(-1));
}

static void say_huge(struct buf *to)
{
    /* One chunk of a message that is announced with 16 MB. */
    static const uint8_t head[] = {3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0};

    say_shake(to);
    ck_assert_int_eq(buf_append(to, head, sizeof(head)), 0);
}

static void say_chunk_zero(struct buf *to)
{
    say_shake(to);
    ck_assert_int_eq(rtmp_message_control_write(to, RTMP_SET_CHUNK_SIZE, 0), 0);
}

static void say_nothing(struct buf *to)
{
    (void)to;
}

START_TEST(test_refusals)
{
    ck_code(open_against(say_http, RTMP_INTENT_PLAY), ERR_PROTO);
    ck_code(open_against(say_rejected, RTMP_INTENT_PLAY), ERR_DENIED);
    ck_code(open_against(say_busy, RTMP_INTENT_PUBLISH), ERR_DENIED);
    ck_code(open_against(say_no_stream_id, RTMP_INTENT_PUBLISH), ERR_PROTO);
    err_free(open_against(say_huge, RTMP_INTENT_PLAY));
    ck_code(open_against(say_chunk_zero, RTMP_INTENT_PLAY), ERR_PROTO);
    ck_code(open_against(say_nothing, RTMP_INTENT_PLAY), ERR_TIMEOUT);
}
END_TEST

/* Play.Start, and then 302 to this address, as from an origin cluster of SRS. */
static void say_sent_on(struct buf *to, const char *url)
{
    struct amf0 *info =
        rtmp_message_status("error", "NetConnection.Connect.Rejected", "RTMP 302 Redirect");
    struct amf0 *ex = amf0_object();

    ck_assert_ptr_nonnull(ex);
    ck_assert_int_eq(amf0_set(ex, "code", amf0_number(302)), 0);
    ck_assert_int_eq(amf0_set(ex, "redirect", amf0_string(url)), 0);
    ck_assert_int_eq(amf0_set(info, "ex", ex), 0);
    say_granted(to, "NetStream.Play.Start");
    say_call(to, "onStatus", 0, info);
}

/* Reads from the server until it refuses. */
static struct err *read_until_refused(struct rtmp_upstream *up)
{
    struct rtmp_message message;
    enum rtmp_event event;
    struct err *err = NULL;

    while (err == NULL)
        err = rtmp_talk_read(up->talk, &event, &message, WAIT);
    return err;
}

START_TEST(test_redirected_after_the_grant)
{
    struct server_side side[2];
    struct rtmp_upstream_options options = {.config = &config, .intent = RTMP_INTENT_PLAY};
    struct rtmp_upstream up = {NULL, NULL, 0};
    struct buf words[2];
    struct err *err;
    char url[2][64];

    for (int i = 0; i < 2; i++) {
        buf_init(&words[i], 65536);
        side[i] = (struct server_side){.words = &words[i], .step = 65536, .stays = 1};
    }
    say_granted(&words[1], "NetStream.Play.Start");
    side[1].len = words[1].len;
    side_start(&side[1], url[1]);
    snprintf(url[0], 64, "rtmp://127.0.0.1:%d/live", net_listener_port(side[1].listener));
    say_sent_on(&words[0], url[0]);
    side[0].len = words[0].len;
    side_start(&side[0], url[0]);
    ck_assert_int_eq(rtmp_target_read(&target, url[0]), 0);
    ck_none(rtmp_upstream_open(&up, &target, &options, WAIT));
    err = read_until_refused(&up);
    ck_assert(rtmp_upstream_is_sent_on(&up, err));
    err_free(err);
    ck_none(rtmp_upstream_follow(&up, &target, &options, WAIT));
    ck_assert_int_eq(up.hops, 1);
    ck_assert(!rtmp_upstream_is_sent_on(&up, NULL));
    rtmp_upstream_close(&up, NULL);
    for (int i = 0; i < 2; i++) {
        side_end(&side[i]);
        buf_fini(&words[i]);
    }
}
END_TEST

/* Redirections at connect, at play and after its grant count together. */
START_TEST(test_too_many_redirections)
{
    struct server_side side = {.step = 65536, .stays = 1};
    struct net_conn *shown;
    struct rtmp_upstream_options options = {
        .config = &config, .intent = RTMP_INTENT_PLAY, .shown = &shown};
    struct rtmp_upstream up = {NULL, NULL, 0};
    struct buf words;
    char url[64];

    buf_init(&words, 65536);
    say_sent_on(&words, "rtmp://127.0.0.1:1/live");
    side.words = &words;
    side.len = words.len;
    side_start(&side, url);
    ck_assert_int_eq(rtmp_target_read(&target, url), 0);
    ck_none(rtmp_upstream_open(&up, &target, &options, WAIT));
    ck_code(read_until_refused(&up), ERR_DENIED);
    up.hops = RTMP_UPSTREAM_HOPS_MAX;
    ck_code(rtmp_upstream_follow(&up, &target, &options, WAIT), ERR_LIMIT);
    ck_assert_ptr_null(up.conn);
    ck_assert_ptr_null(up.talk);
    ck_assert_ptr_null(shown);
    side_end(&side);
    buf_fini(&words);
}
END_TEST

START_TEST(test_no_address)
{
    struct rtmp_upstream up;

    ck_code(open_to(&up, "rtmp://127.0.0.1:1/live/s", RTMP_INTENT_PLAY), ERR_SYS);
    /* Without TLS it does not connect at all. */
    ck_code(open_to(&up, "rtmps://127.0.0.1:1/live/s", RTMP_INTENT_PLAY), ERR_CONFIG);
}
END_TEST

Suite *check_rtmp_upstream_suite(void)
{
    Suite *suite = suite_create("rtmp_upstream");
    TCase *tcase = tcase_create("rtmp_upstream");

    tcase_add_checked_fixture(tcase, http_test_runtime, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_granted_in_every_step);
    tcase_add_test(tcase, test_cut_at_every_byte);
    tcase_add_test(tcase, test_said_with_the_answer);
    tcase_add_test(tcase, test_refusals);
    tcase_add_test(tcase, test_redirected_after_the_grant);
    tcase_add_test(tcase, test_too_many_redirections);
    tcase_add_test(tcase, test_no_address);
    suite_add_tcase(suite, tcase);
    return suite;
}
