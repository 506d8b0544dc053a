/* The client's conversation against scripted servers. */
#include "proto/rtmp_talk.h"

#include "rtmp_peer.h"
#include "test/unit/no_memory.h"

Suite *check_rtmp_talk_client_suite(void);

static struct test_io peer;
static struct rtmp_talk *talk;
static struct rtmp_chunk_in *ears; /* the server's */
static struct rtmp_target address;
static struct rtmp_message message;
static enum rtmp_event event;

static void setup(void)
{
    struct rtmp_talk_config config = peer_config();

    test_io_init(&peer);
    static const struct rtmp_parts parts = {"rtmp", "host", 1936, "v.example", "live", "s", ""};

    test_now = 0;
    talk = rtmp_talk_new(&peer.io, &config);
    ears = rtmp_chunk_in_new(&test_limits);
    ck_assert_ptr_nonnull(talk);
    ck_assert_ptr_nonnull(ears);
    ck_assert_int_eq(rtmp_target_make(&address, &parts), 0);
}

static void teardown(void)
{
    rtmp_talk_free(talk);
    rtmp_chunk_in_free(ears);
    test_io_fini(&peer);
}

static void again(void)
{
    teardown();
    setup();
}

static void grants_connect(void)
{
    peer_shakes(&peer.in);
    put_control(&peer.in, RTMP_WINDOW_ACK_SIZE, 1000000);
    peer_says(&peer.in, RTMP_SET_PEER_BANDWIDTH, 0, "\0\0\0\1\2", 5);
    peer_calls(&peer.in, "_result", 1, amf0_object(),
               rtmp_message_status("status", "NetConnection.Connect.Success", ""), NULL);
    peer_calls(&peer.in, "onBWDone", 0, NULL, NULL, NULL);
}

static void connected(void)
{
    OK(rtmp_talk_handshake(talk, USEC_PER_SEC));
    OK(rtmp_talk_connect(talk, &address, USEC_PER_SEC));
    ck_assert_uint_gt(peer.out.len, 3073);
    buf_consume(&peer.out, 3073);
}

#define TOLD(want) ck_assert_str_eq(told(ears, &peer.out), want)

START_TEST(plays)
{
    for (size_t step = 0; step < 4; step++) {
        again();
        peer.step = step;
        grants_connect();
        peer_calls(&peer.in, "_result", 4, NULL, amf0_number(7), NULL);
        peer_calls(&peer.in, "onStatus", 0, NULL,
                   rtmp_message_status("status", "NetStream.Play.Start", ""), NULL);
        peer_says(&peer.in, RTMP_VIDEO, 5, "v", 1);
        peer_calls(&peer.in, "onStatus", 0, NULL,
                   rtmp_message_status("status", "NetStream.Play.UnpublishNotify", ""), NULL);
        connected();
        OK(rtmp_talk_play(talk, "s?a=b", USEC_PER_SEC));
        TOLD("chunk 60000; connect(1); window 2500000; createStream(4); play(5) 's?a=b'; "
             "user 3 7; ");
        OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
        ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
        ck_assert_uint_eq(message.timestamp, 5);
        OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
        ck_assert_int_eq(event, RTMP_EVENT_UNPUBLISH);
    }
}
END_TEST

/* Media instead of Play.Start is the start, and is not lost. */
START_TEST(plays_what_was_not_announced)
{
    grants_connect();
    peer_calls(&peer.in, "_result", 4, NULL, amf0_number(1), NULL);
    peer_says(&peer.in, RTMP_VIDEO, 5, "v", 1);
    peer_says(&peer.in, RTMP_VIDEO, 6, "w", 1);
    connected();
    OK(rtmp_talk_play(talk, "s", USEC_PER_SEC));
    for (int i = 0; i < 2; i++) {
        OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
        ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
        ck_assert_uint_eq(message.data[0], "vw"[i]);
    }
}
END_TEST

START_TEST(publishes)
{
    static uint8_t big[200000];
    struct rtmp_message m = {.type = RTMP_VIDEO, .timestamp = 0x01000000, .data = big};

    memset(big, 1, sizeof(big));
    grants_connect();
    peer_calls(&peer.in, "_result", 2, NULL, amf0_null(), NULL);
    peer_calls(&peer.in, "_result", 3, NULL, amf0_null(), NULL);
    peer_calls(&peer.in, "_result", 4, NULL, amf0_number(1), NULL);
    peer_calls(&peer.in, "onStatus", 0, NULL,
               rtmp_message_status("status", "NetStream.Publish.Start", ""), NULL);
    connected();
    OK(rtmp_talk_publish(talk, "s", USEC_PER_SEC));
    m.len = sizeof(big);
    OK(rtmp_talk_send(talk, &m, USEC_PER_SEC));
    m.len = 0;
    OK(rtmp_talk_send(talk, &m, USEC_PER_SEC));
    TOLD("chunk 60000; connect(1); window 2500000; releaseStream(2) 's'; FCPublish(3) 's'; "
         "createStream(4); publish(5) 's'; type 9, 200000 bytes at 16777216; "
         "type 9, 0 bytes at 16777216; ");
    m.len = 0x1000000;
    FAILS(rtmp_talk_send(talk, &m, USEC_PER_SEC), ERR_LIMIT);
}
END_TEST

/* Whichever allocation fails: the stream has its own name at the other server, or none at all. */
START_TEST(publishes_under_its_name_or_not)
{
    int failed = 1;

    for (int nth = 1; failed > 0; nth++) {
        struct err *err;
        const char *said;

        again();
        grants_connect();
        peer_calls(&peer.in, "_result", 4, NULL, amf0_number(1), NULL);
        peer_calls(&peer.in, "onStatus", 0, NULL,
                   rtmp_message_status("status", "NetStream.Publish.Start", ""), NULL);
        connected();
        no_memory_at(nth);
        err = nth % 2 ? rtmp_talk_publish(talk, "s", USEC_PER_SEC)
                      : rtmp_talk_play(talk, "s", USEC_PER_SEC);
        failed = no_memory_over();
        said = told(ears, &peer.out);
        ck_assert_msg(strstr(said, "publish(5)") == NULL || strstr(said, "publish(5) 's'") != NULL,
                      "%d: %s", nth, said);
        ck_assert_msg(strstr(said, "play(5)") == NULL || strstr(said, "play(5) 's'") != NULL,
                      "%d: %s", nth, said);
        ck_assert(failed > 0 || err == NULL);
        err_free(err);
    }
}
END_TEST

/* A small chunk size takes more spans than one write holds. */
START_TEST(sends_many_chunks)
{
    static uint8_t big[20000];
    struct rtmp_message m = {.type = RTMP_AUDIO, .data = big, .len = sizeof(big)};

    memset(big, 1, sizeof(big));
    rtmp_talk_set_sizes(talk, 128, 2500000, 0);
    OK(rtmp_talk_send(talk, &m, USEC_PER_SEC));
    TOLD("type 8, 20000 bytes at 0; ");
}
END_TEST

START_TEST(addresses)
{
    struct rtmp_command command;
    size_t used = 0;

    grants_connect();
    connected();
    do {
        buf_consume(&peer.out, used);
        ck_assert_int_eq(
            rtmp_chunk_in_feed(ears, buf_data(&peer.out), peer.out.len, &used, &message),
            SCAN_DONE);
    } while (message.type != RTMP_AMF0_COMMAND);
    ck_assert_int_eq(rtmp_message_command_read(&command, &message), SCAN_DONE);
    ck_assert_str_eq(amf0_get_string(command.arg[0], "app"), "live");
    ck_assert_str_eq(amf0_get_string(command.arg[0], "tcUrl"),
                     "rtmp://host:1936/live?vhost=v.example");
    rtmp_message_command_fini(&command);
}
END_TEST

/* connect is refused with an ex of this code and this address, either of which may be missing. */
static const char *sent_on(struct amf0 *code, struct amf0 *redirect)
{
    struct amf0 *info = rtmp_message_status("error", "NetConnection.Connect.Rejected", "no");
    struct amf0 *ex = amf0_object();

    if (code != NULL)
        ck_assert_int_eq(amf0_set(ex, "code", code), 0);
    if (redirect != NULL)
        ck_assert_int_eq(amf0_set(ex, "redirect", redirect), 0);
    ck_assert_int_eq(amf0_set(info, "ex", ex), 0);
    again();
    peer_shakes(&peer.in);
    peer_calls(&peer.in, "_error", 1, NULL, info, NULL);
    OK(rtmp_talk_handshake(talk, USEC_PER_SEC));
    FAILS(rtmp_talk_connect(talk, &address, USEC_PER_SEC), ERR_DENIED);
    return rtmp_talk_redirect(talk);
}

START_TEST(redirected)
{
    static char longest[1025];

    ck_assert_str_eq(sent_on(amf0_number(302), amf0_string("rtmp://b/live")), "rtmp://b/live");
    ck_assert_ptr_null(sent_on(amf0_number(301), amf0_string("rtmp://b/live")));
    ck_assert_ptr_null(sent_on(NULL, amf0_string("rtmp://b/live")));
    ck_assert_ptr_null(sent_on(amf0_number(302), NULL));
    ck_assert_ptr_null(sent_on(amf0_number(302), amf0_number(7)));
    ck_assert_ptr_null(sent_on(amf0_string("302"), amf0_string("rtmp://b/live")));
    memset(longest, 'x', 1024);
    ck_assert_ptr_null(sent_on(amf0_number(302), amf0_string(longest)));
    longest[1023] = '\0';
    ck_assert_str_eq(sent_on(amf0_number(302), amf0_string(longest)), longest);
    again();
    grants_connect();
    connected();
    ck_assert_ptr_null(rtmp_talk_redirect(talk));
}
END_TEST

/* A server that knows only by the stream's name where it is says so in place of play's answer. */
START_TEST(redirected_at_play)
{
    struct amf0 *info = rtmp_message_status("error", "NetConnection.Connect.Rejected", "elsewhere");
    struct amf0 *ex = amf0_object();

    ck_assert_int_eq(amf0_set(ex, "code", amf0_number(302)), 0);
    ck_assert_int_eq(amf0_set(ex, "redirect", amf0_string("rtmp://b/live")), 0);
    ck_assert_int_eq(amf0_set(info, "ex", ex), 0);
    grants_connect();
    peer_calls(&peer.in, "_result", 4, NULL, amf0_number(1), NULL);
    peer_calls(&peer.in, "onStatus", 0, NULL, info, NULL);
    connected();
    FAILS(rtmp_talk_play(talk, "s", USEC_PER_SEC), ERR_DENIED);
    ck_assert_str_eq(rtmp_talk_redirect(talk), "rtmp://b/live");
}
END_TEST

START_TEST(denied)
{
    peer_shakes(&peer.in);
    peer_calls(&peer.in, "_error", 1, NULL,
               rtmp_message_status("error", "NetConnection.Connect.Rejected", "no"), NULL);
    OK(rtmp_talk_handshake(talk, USEC_PER_SEC));
    FAILS(rtmp_talk_connect(talk, &address, USEC_PER_SEC), ERR_DENIED);
    again();
    grants_connect();
    peer_calls(&peer.in, "_result", 4, NULL, amf0_number(1), NULL);
    peer_calls(&peer.in, "onStatus", 0, NULL,
               rtmp_message_status("error", "NetStream.Publish.BadName", "busy"), NULL);
    connected();
    FAILS(rtmp_talk_publish(talk, "s", USEC_PER_SEC), ERR_DENIED);
    again();
    grants_connect();
    peer_calls(&peer.in, "_result", 4, NULL, amf0_number(-1), NULL);
    connected();
    FAILS(rtmp_talk_play(talk, "s", USEC_PER_SEC), ERR_PROTO);
}
END_TEST

START_TEST(cut)
{
    put_fill(&peer.in, 'H', 1537);
    FAILS(rtmp_talk_handshake(talk, USEC_PER_SEC), ERR_PROTO);
    again();
    grants_connect();
    connected();
    FAILS(rtmp_talk_play(talk, "s", USEC_PER_SEC), ERR_CLOSED);
    again();
    FAILS(rtmp_talk_handshake(talk, USEC_PER_SEC), ERR_CLOSED);
}
END_TEST

Suite *check_rtmp_talk_client_suite(void)
{
    Suite *suite = suite_create("rtmp_talk_client");
    TCase *tc = tcase_create("client");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, plays);
    tcase_add_test(tc, plays_what_was_not_announced);
    tcase_add_test(tc, publishes);
    tcase_add_test(tc, publishes_under_its_name_or_not);
    tcase_add_test(tc, sends_many_chunks);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, redirected);
    tcase_add_test(tc, redirected_at_play);
    tcase_add_test(tc, denied);
    tcase_add_test(tc, cut);
    suite_add_tcase(suite, tc);
    return suite;
}
