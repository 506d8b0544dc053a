/* The server's conversation against scripted clients: its answers and their order. */
#include "proto/rtmp_talk.h"

#include "proto/rtmp_mux.h"
#include "rtmp_server.h"

Suite *check_rtmp_talk_server_suite(void);

START_TEST(another_protocol)
{
    /* One byte tells: the others need not come. */
    put_fill(&peer.in, 'G', 1);
    FAILS(rtmp_talk_accept_handshake(talk, USEC_PER_SEC), ERR_PROTO);
    again();
    put_fill(&peer.in, 6, 1);
    FAILS(rtmp_talk_accept_handshake(talk, USEC_PER_SEC), ERR_PROTO);
    ck_assert_uint_eq(peer.out.len, 0);
}
END_TEST

START_TEST(handshake_cut)
{
    static const size_t lens[] = {0, 1, 2, 1536, 1537, 1538, 3072};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        again();
        put_fill(&peer.in, 3, lens[i]);
        FAILS(rtmp_talk_accept_handshake(talk, USEC_PER_SEC), ERR_CLOSED);
    }
}
END_TEST

START_TEST(fmle_order)
{
    for (size_t step = 0; step < 4; step++) {
        again();
        peer_calls(&peer.in, "releaseStream", 2, NULL, amf0_string("s"), NULL);
        peer_calls(&peer.in, "FCPublish", 3, NULL, amf0_string("s"), NULL);
        peer_calls(&peer.in, "createStream", 4, NULL, NULL, NULL);
        peer_calls(&peer.in, "_checkbw", 5, NULL, NULL, NULL);
        peer_calls(&peer.in, "whatever", 6, NULL, NULL, NULL);
        peer_calls(&peer.in, "silent", 0, NULL, NULL, NULL);
        peer_calls(&peer.in, "_result", 7, NULL, NULL, NULL);
        peer_calls(&peer.in, "publish", 8, NULL, amf0_string("s?k=v"), amf0_string("live"));
        peer.step = step;
        connected();
        told(ears, &peer.out);
        OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
        ck_assert_int_eq(request.intent, RTMP_INTENT_PUBLISH);
        ck_assert_str_eq(request.stream, "s?k=v");
        ck_assert(request.transaction == 8);
        OK(rtmp_talk_publish_ok(talk, &request, USEC_PER_SEC));
        TOLD("_result(2) undefined; _result(3) undefined; _result(4) 1; _result(5); _result(6); "
             "onFCPublish(0) NetStream.Publish.Start; onStatus(0) NetStream.Publish.Start; ");
    }
}
END_TEST

START_TEST(play_in_order)
{
    peer_calls(&peer.in, "createStream", 2, NULL, NULL, NULL);
    peer_calls(&peer.in, "getStreamLength", 3, NULL, amf0_string("s"), NULL);
    peer_calls(&peer.in, "play", 4, NULL, amf0_string("s"), amf0_number(-2));
    connected();
    told(ears, &peer.out);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    ck_assert_int_eq(request.intent, RTMP_INTENT_PLAY);
    ck_assert(request.start == -2);
    OK(rtmp_talk_play_ok(talk, request.stream_id, 60000, USEC_PER_SEC));
    TOLD("_result(2) 1; _result(3); user 0 0; onStatus(0) NetStream.Play.Reset; "
         "onStatus(0) NetStream.Play.Start; type 18, 24 bytes at 0; ");
}
END_TEST

START_TEST(play_says_the_chunk_size)
{
    rtmp_talk_set_sizes(talk, 4096, 1000000, 0);
    peer_calls(&peer.in, "play", 4, NULL, amf0_string("s"), NULL);
    connected();
    TOLD("window 1000000; bandwidth 1000000 2; chunk 4096; "
         "_result(1) NetConnection.Connect.Success; onBWDone(0); ");
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_play_ok(talk, request.stream_id, 60000, USEC_PER_SEC));
    TOLD("user 0 0; chunk 60000; onStatus(0) NetStream.Play.Reset; "
         "onStatus(0) NetStream.Play.Start; type 18, 24 bytes at 0; ");
}
END_TEST

START_TEST(request_refused)
{
    peer_calls(&peer.in, "publish", 5, NULL, NULL, NULL);
    connected();
    told(ears, &peer.out);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    ck_assert_str_eq(request.stream, "");
    OK(rtmp_talk_refuse(talk, &request, "NetStream.Publish.BadName", "busy", USEC_PER_SEC));
    TOLD("onStatus(0) NetStream.Publish.BadName; ");
}
END_TEST

START_TEST(request_redirected)
{
    struct rtmp_elsewhere to = {"rtmp://b:1/live", "rtmp://b:1/live/s?x=y"};
    struct rtmp_command command;
    const struct amf0 *ex;
    size_t used = 0;

    peer_calls(&peer.in, "play", 5, NULL, amf0_string("s"), NULL);
    connected();
    told(ears, &peer.out);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_send_on(talk, &request, &to, USEC_PER_SEC));
    ck_assert_int_eq(rtmp_chunk_in_feed(ears, buf_data(&peer.out), peer.out.len, &used, &message),
                     SCAN_DONE);
    ck_assert_int_eq(rtmp_message_command_read(&command, &message), SCAN_DONE);
    ck_assert_str_eq(command.name, "onStatus");
    ck_assert_str_eq(amf0_get_string(command.arg[1], "level"), "error");
    ck_assert_str_eq(amf0_get_string(command.arg[1], "code"), "NetConnection.Connect.Rejected");
    ex = amf0_get(command.arg[1], "ex");
    ck_assert(amf0_get_number(ex, "code", 0) == 302);
    ck_assert_str_eq(amf0_get_string(ex, "redirect"), to.tc_url);
    ck_assert_str_eq(amf0_get_string(ex, "redirect2"), to.url);
    rtmp_message_command_fini(&command);
}
END_TEST

START_TEST(request_malformed)
{
    peer_calls(&peer.in, "connect", 5, NULL, NULL, NULL);
    connected();
    FAILS(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC), ERR_PROTO);
    again();
    publishing();
    peer_calls(&peer.in, "publish", 6, NULL, amf0_string("t"), NULL);
    FAILS(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC), ERR_PROTO);
}
END_TEST

/* A name of any length leaves the conversation whole: the session can say why it is refused. */
START_TEST(request_of_any_length)
{
    static const size_t lens[] = {1000, URL_RTMP_MAX, URL_RTMP_MAX + 1, 60000};
    static char name[60001];

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        again();
        memset(name, 'x', lens[i]);
        name[lens[i]] = '\0';
        peer_calls(&peer.in, "publish", 5, NULL, amf0_string(name), NULL);
        connected();
        told(ears, &peer.out);
        OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
        if (lens[i] <= URL_RTMP_MAX)
            ck_assert_str_eq(request.stream, name);
        else
            ck_assert_ptr_null(request.stream);
        OK(rtmp_talk_refuse(talk, &request, "NetStream.Publish.BadName", "no", USEC_PER_SEC));
        TOLD("onStatus(0) NetStream.Publish.BadName; ");
    }
}
END_TEST

static void unpublished_by(const char *name, const char *answer)
{
    again();
    publishing();
    peer_calls(&peer.in, name, 6, NULL, amf0_string("s"), NULL);
    peer_calls(&peer.in, "publish", 7, NULL, amf0_string("t"), NULL);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_UNPUBLISH);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    ck_assert_str_eq(request.stream, "t");
    OK(rtmp_talk_publish_ok(talk, &request, USEC_PER_SEC));
    TOLD(answer);
}

START_TEST(unpublish_and_publish_again)
{
    unpublished_by("FCUnpublish",
                   "onFCUnpublish(0) NetStream.Unpublish.Success; _result(6) undefined; "
                   "onStatus(0) NetStream.Unpublish.Success; "
                   "onFCPublish(0) NetStream.Publish.Start; onStatus(0) NetStream.Publish.Start; ");
    unpublished_by("deleteStream",
                   "_result(6); onStatus(0) NetStream.Unpublish.Success; "
                   "onFCPublish(0) NetStream.Publish.Start; onStatus(0) NetStream.Publish.Start; ");
    unpublished_by("closeStream",
                   "_result(6); onStatus(0) NetStream.Unpublish.Success; "
                   "onFCPublish(0) NetStream.Publish.Start; onStatus(0) NetStream.Publish.Start; ");
}
END_TEST

START_TEST(media_after_unpublish_is_ignored)
{
    publishing();
    peer_calls(&peer.in, "FCUnpublish", 6, NULL, amf0_string("s"), NULL);
    peer_says(&peer.in, RTMP_VIDEO, 40, "late", 4);
    peer_calls(&peer.in, "deleteStream", 0, NULL, amf0_number(1), NULL);
    peer_calls(&peer.in, "play", 7, NULL, amf0_string("t"), NULL);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_UNPUBLISH);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    ck_assert_int_eq(request.intent, RTMP_INTENT_PLAY);
}
END_TEST

START_TEST(play_is_over)
{
    playing();
    OK(rtmp_talk_play_over(talk));
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("onStatus(0) NetStream.Play.UnpublishNotify; user 1 0; "
         "onStatus(0) NetStream.Play.Stop; ");
    again();
    playing();
    OK(rtmp_talk_play_not_found(talk, "nobody"));
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("onStatus(0) NetStream.Play.StreamNotFound; ");
    again();
    playing();
    OK(rtmp_talk_play_loop(talk, "a loop"));
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("onStatus(0) NetStream.Play.Loop; ");
}
END_TEST

/* The player is fed; what it asks for next is kept, whatever it says afterwards. */
START_TEST(play_called_again)
{
    struct buf in;
    int more = 1;

    playing();
    buf_init(&in, TEST_BYTES_MAX);
    peer_calls(&in, "play", 6, NULL, amf0_string("t?k=v"), NULL);
    peer_calls(&in, "createStream", 7, NULL, NULL, NULL);
    rtmp_talk_trim(talk);
    OK(rtmp_talk_feed(talk, buf_data(&in), in.len));
    OK(rtmp_talk_take(talk, &event, &message, &more));
    ck_assert_int_eq(event, RTMP_EVENT_UNPUBLISH);
    OK(rtmp_talk_keep(talk));
    rtmp_talk_trim(talk);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    ck_assert_int_eq(request.intent, RTMP_INTENT_PLAY);
    ck_assert_str_eq(request.stream, "t?k=v");
    ck_assert(request.transaction == 6);
    OK(rtmp_talk_play_ok(talk, request.stream_id, 60000, USEC_PER_SEC));
    TOLD("onStatus(0) NetStream.Play.Stop; user 0 0; onStatus(0) NetStream.Play.Reset; "
         "onStatus(0) NetStream.Play.Start; type 18, 24 bytes at 0; ");
    buf_fini(&in);
}
END_TEST

START_TEST(play_called_with_false)
{
    playing();
    peer_calls(&peer.in, "play", 6, NULL, amf0_boolean(0), NULL);
    peer_calls(&peer.in, "play", 7, NULL, amf0_string("t"), NULL);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_UNPUBLISH);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    ck_assert(request.transaction == 7);
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("onStatus(0) NetStream.Play.Stop; ");
}
END_TEST

START_TEST(receive_some)
{
    const unsigned both = RTMP_RECEIVE_AUDIO | RTMP_RECEIVE_VIDEO;

    /* Before play, and without a flag. */
    peer_calls(&peer.in, "receiveAudio", 0, NULL, amf0_boolean(0), NULL);
    peer_calls(&peer.in, "receiveVideo", 3, NULL, amf0_number(0), NULL);
    ck_assert_uint_eq(rtmp_talk_receives(talk), both);
    playing();
    ck_assert_uint_eq(rtmp_talk_receives(talk), RTMP_RECEIVE_VIDEO);
    peer_calls(&peer.in, "receiveVideo", 6, NULL, amf0_boolean(0), NULL);
    peer_calls(&peer.in, "receiveVideo", 0, NULL, amf0_boolean(0), NULL);
    peer_calls(&peer.in, "receiveAudio", 7, NULL, amf0_boolean(1), NULL);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_RECEIVE);
    ck_assert_uint_eq(rtmp_talk_receives(talk), 0);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_NONE);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_RECEIVE);
    ck_assert_uint_eq(rtmp_talk_receives(talk), RTMP_RECEIVE_AUDIO);
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("_result(6); onStatus(0) NetStream.Seek.Notify; onStatus(0) NetStream.Play.Start; "
         "_result(7); ");
}
END_TEST

/* As peer_calls(), on a message stream. */
/* A player's input is fed, in pieces of every size. */
static void fed_by(size_t step)
{
    static const enum rtmp_event want[] = {RTMP_EVENT_PAUSE, RTMP_EVENT_RESUME, RTMP_EVENT_NONE,
                                           RTMP_EVENT_UNPUBLISH};
    size_t seen = 0;
    struct buf in;

    again();
    playing();
    rtmp_talk_trim(talk);
    buf_init(&in, TEST_BYTES_MAX);
    peer_calls(&in, "pause", 0, NULL, amf0_boolean(1), amf0_number(1000));
    peer_calls(&in, "pause", 0, NULL, amf0_boolean(0), amf0_number(1000));
    peer_says(&in, RTMP_VIDEO, 40, "not mine", 8);
    peer_calls(&in, "closeStream", 0, NULL, NULL, NULL);
    while (in.len > 0) {
        size_t n = step < in.len ? step : in.len;
        int more = 1;

        OK(rtmp_talk_feed(talk, buf_data(&in), n));
        for (;;) {
            OK(rtmp_talk_take(talk, &event, &message, &more));
            if (!more)
                break;
            ck_assert_uint_lt(seen, 4);
            ck_assert_int_eq(event, want[seen++]);
        }
        OK(rtmp_talk_keep(talk));
        buf_consume(&in, n);
    }
    ck_assert_uint_eq(seen, 4);
    ck_assert_str_eq(told(ears, rtmp_talk_out(talk)),
                     "onStatus(0) NetStream.Pause.Notify; user 1 0; "
                     "onStatus(0) NetStream.Unpause.Notify; user 0 0; ");
    buf_fini(&in);
}

START_TEST(pause_and_resume)
{
    for (size_t step = 1; step < 200; step++)
        fed_by(step);
}
END_TEST

/* A peer that is not accepted yet cannot occupy megabytes. */
START_TEST(messages_are_short_before_publish)
{
    static const char media[100000];

    connected();
    peer_says(&peer.in, RTMP_AMF0_DATA, 0, media, 64 * 1024);
    peer_calls(&peer.in, "publish", 5, NULL, amf0_string("s"), NULL);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    again();
    connected();
    put_fmt0(&peer.in, 6, 0, 64 * 1024 + 1, RTMP_VIDEO);
    FAILS(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC), ERR_PROTO);
    again();
    publishing();
    peer_says(&peer.in, RTMP_VIDEO, 0, media, sizeof(media));
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
    ck_assert_uint_eq(message.len, sizeof(media));
    again();
    playing();
    put_fmt0(&peer.in, 6, 0, 64 * 1024 + 1, RTMP_VIDEO);
    FAILS(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC), ERR_PROTO);
}
END_TEST

/* Nor by the sum of many messages that never end: 64 KB less one byte each, in small chunks. */
START_TEST(unfinished_messages_are_few_before_publish)
{
    connected();
    for (uint8_t csid = 10; csid < 13; csid++) {
        put_fmt0(&peer.in, csid, 0, 64 * 1024, RTMP_VIDEO);
        put_fill(&peer.in, 0, 128);
        for (int i = 0; i < 510; i++) {
            put_be(&peer.in, 0xc0 | csid, 1);
            put_fill(&peer.in, 0, 128);
        }
        if (csid < 12)
            continue;
        FAILS(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC), ERR_PROTO);
    }
}
END_TEST

Suite *check_rtmp_talk_server_suite(void)
{
    Suite *suite = suite_create("rtmp_talk_server");
    TCase *tc = tcase_create("server");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, another_protocol);
    tcase_add_test(tc, handshake_cut);
    tcase_add_test(tc, fmle_order);
    tcase_add_test(tc, play_in_order);
    tcase_add_test(tc, play_says_the_chunk_size);
    tcase_add_test(tc, request_refused);
    tcase_add_test(tc, request_redirected);
    tcase_add_test(tc, play_is_over);
    tcase_add_test(tc, play_called_again);
    tcase_add_test(tc, play_called_with_false);
    tcase_add_test(tc, receive_some);
    tcase_add_test(tc, request_malformed);
    tcase_add_test(tc, request_of_any_length);
    tcase_add_test(tc, unpublish_and_publish_again);
    tcase_add_test(tc, media_after_unpublish_is_ignored);
    tcase_add_test(tc, messages_are_short_before_publish);
    tcase_add_test(tc, unfinished_messages_are_few_before_publish);
    tcase_add_test(tc, pause_and_resume);
    suite_add_tcase(suite, tc);
    return suite;
}
