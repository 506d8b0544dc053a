/* The server's conversation against scripted clients: what it answers, in which order. */
#include "proto/rtmp_talk.h"

#include "rtmp_peer.h"

Suite *check_rtmp_talk_server_suite(void);

static struct test_io peer;
static struct rtmp_talk *talk;
static struct rtmp_chunk_in *ears; /* the client's */
static struct rtmp_connect conn;
static struct rtmp_request request;
static struct rtmp_message message;
static enum rtmp_event event;

static void setup(void)
{
    struct rtmp_talk_config config = peer_config();

    test_io_init(&peer);
    test_now = 0;
    config.now = test_clock;
    talk = rtmp_talk_new(&peer.io, &config);
    ears = rtmp_chunk_in_new(&test_limits);
    ck_assert_ptr_nonnull(talk);
    ck_assert_ptr_nonnull(ears);
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

#define TOLD(want) ck_assert_str_eq(told(ears, &peer.out), want)

/* Through handshake and connect, with whatever the client said behind. */
static void connected(void)
{
    struct buf rest = peer.in;

    buf_init(&peer.in, TEST_BYTES_MAX);
    peer_shakes(&peer.in);
    peer_calls(&peer.in, "connect", 1, peer_connect_object("rtmp://host/live"), NULL, NULL);
    if (rest.len > 0)
        ck_assert_int_eq(buf_append(&peer.in, buf_data(&rest), rest.len), 0);
    buf_fini(&rest);
    OK(rtmp_talk_accept_handshake(talk, USEC_PER_SEC));
    OK(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC));
    buf_consume(&peer.out, 3073);
    OK(rtmp_talk_connect_ok(talk, USEC_PER_SEC));
}

static void publishing(void)
{
    peer_calls(&peer.in, "createStream", 4, NULL, NULL, NULL);
    peer_calls(&peer.in, "publish", 5, NULL, amf0_string("s"), amf0_string("live"));
    connected();
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_publish_ok(talk, &request, USEC_PER_SEC));
    told(ears, &peer.out);
}

static void playing(void)
{
    peer_calls(&peer.in, "play", 5, NULL, amf0_string("s"), NULL);
    connected();
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_play_ok(talk, &request, USEC_PER_SEC));
    told(ears, &peer.out);
}

START_TEST(connect_in_order)
{
    for (size_t step = 0; step < 5; step++) {
        again();
        peer.step = step;
        connected();
        ck_assert_str_eq(conn.tc_url, "rtmp://host/live");
        ck_assert_str_eq(conn.page_url, "http://page");
        ck_assert_str_eq(conn.swf_url, "");
        ck_assert_str_eq(conn.address.app, "live");
        ck_assert(conn.object_encoding == 3);
        ck_assert_int_eq(conn.is_enhanced, 0);
        TOLD("window 2500000; bandwidth 2500000 2; chunk 60000; "
             "_result(1) NetConnection.Connect.Success; onBWDone(0); ");
        ck_assert_uint_gt(rtmp_talk_bytes_in(talk), 3073);
    }
}
END_TEST

/* The _result's two objects in full; nothing longer than 128 bytes comes before SetChunkSize. */
START_TEST(connect_result)
{
    struct rtmp_command command;
    const struct amf0 *data;
    size_t used;

    connected();
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(
            rtmp_chunk_in_feed(ears, buf_data(&peer.out), peer.out.len, &used, &message),
            SCAN_DONE);
        ck_assert(i == 3 || message.len <= 128);
        if (i < 3)
            buf_consume(&peer.out, used);
    }
    ck_assert_int_eq(rtmp_command_read(&command, &message), SCAN_DONE);
    ck_assert_ptr_nonnull(amf0_get_string(command.arg[0], "fmsVer"));
    ck_assert(amf0_get_number(command.arg[0], "capabilities", 0) == 127);
    ck_assert(amf0_get_number(command.arg[1], "objectEncoding", 0) == 3);
    ck_assert_str_eq(amf0_get_string(command.arg[1], "level"), "status");
    ck_assert_ptr_null(amf0_get(command.arg[0], "capsEx"));
    data = amf0_get(command.arg[1], "data");
    ck_assert_str_eq(amf0_get_string(data, "server"), "Test");
    ck_assert_str_eq(amf0_get_string(data, "version"), "1.2.3");
    ck_assert(amf0_get_number(data, "pid", 0) == 42);
    ck_assert_str_eq(amf0_get_string(data, "id"), "abc");
    rtmp_command_fini(&command);
}
END_TEST

static void enhanced_says(const struct amf0 *object)
{
    const struct amf0 *list = amf0_get(object, "fourCcList");
    const struct amf0 *map = amf0_get(object, "videoFourCcInfoMap");

    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(list->children, 12);
    ck_assert_str_eq(list->child->string, "avc1");
    ck_assert(amf0_get_number(map, "hvc1", 0) == 4);
    ck_assert(amf0_get_number(map, "*", 0) == 4);
    ck_assert(amf0_get_number(amf0_get(object, "audioFourCcInfoMap"), "Opus", 0) == 4);
    ck_assert(amf0_get_number(object, "capsEx", 0) == 14);
}

START_TEST(connect_enhanced)
{
    struct amf0 *object = peer_connect_object("rtmp://host/live");
    struct amf0 *list = amf0_strict_array();
    struct rtmp_command command;
    size_t used = 0;

    amf0_set(list, NULL, amf0_string("hvc1"));
    amf0_set(object, "fourCcList", list);
    amf0_set(object, "videoFourCcInfoMap", amf0_object());
    amf0_set(object, "audioFourCcInfoMap", amf0_object());
    amf0_set(object, "capsEx", amf0_number(15));
    peer_calls(&peer.in, "connect", 1, object, NULL, NULL);
    OK(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC));
    ck_assert_int_eq(conn.is_enhanced, 1);
    ck_assert(conn.caps_ex == 15);
    OK(rtmp_talk_connect_ok(talk, USEC_PER_SEC));
    do {
        buf_consume(&peer.out, used);
        ck_assert_int_eq(
            rtmp_chunk_in_feed(ears, buf_data(&peer.out), peer.out.len, &used, &message),
            SCAN_DONE);
    } while (message.type != RTMP_AMF0_COMMAND);
    ck_assert_int_eq(rtmp_command_read(&command, &message), SCAN_DONE);
    enhanced_says(command.arg[0]);
    enhanced_says(command.arg[1]);
    rtmp_command_fini(&command);
}
END_TEST

START_TEST(connect_refused)
{
    peer_calls(&peer.in, "connect", 1, peer_connect_object("rtmp://host/live"), NULL, NULL);
    OK(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC));
    OK(rtmp_talk_connect_no(talk, "no", NULL, USEC_PER_SEC));
    TOLD("_error(1) NetConnection.Connect.Rejected; ");
}
END_TEST

START_TEST(connect_redirected)
{
    struct rtmp_command command;
    const struct amf0 *ex;
    size_t used;

    peer_calls(&peer.in, "connect", 1, peer_connect_object("rtmp://host/live"), NULL, NULL);
    OK(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC));
    OK(rtmp_talk_connect_no(talk, "no", "rtmp://other/live", USEC_PER_SEC));
    ck_assert_int_eq(rtmp_chunk_in_feed(ears, buf_data(&peer.out), peer.out.len, &used, &message),
                     SCAN_DONE);
    ck_assert_int_eq(rtmp_command_read(&command, &message), SCAN_DONE);
    ex = amf0_get(command.arg[1], "ex");
    ck_assert(amf0_get_number(ex, "code", 0) == 302);
    ck_assert_str_eq(amf0_get_string(ex, "redirect"), "rtmp://other/live");
    rtmp_command_fini(&command);
}
END_TEST

START_TEST(connect_malformed)
{
    char *longest = malloc(2001);

    memset(longest, 'x', 2000);
    longest[2000] = '\0';
    memcpy(longest, "rtmp://h/", 9);
    peer_calls(&peer.in, "connect", 1, peer_connect_object(NULL), NULL, NULL);
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_PROTO);
    again();
    peer_calls(&peer.in, "connect", 1, peer_connect_object("http://host/live"), NULL, NULL);
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_PROTO);
    again();
    peer_calls(&peer.in, "connect", 1, peer_connect_object(longest), NULL, NULL);
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_PROTO);
    again();
    peer_calls(&peer.in, "connect", 1, NULL, NULL, NULL);
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_PROTO);
    again();
    peer_calls(&peer.in, "createStream", 1, NULL, NULL, NULL);
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_PROTO);
    again();
    peer_says(&peer.in, RTMP_AMF0_COMMAND, 0, "\2\377\377", 3);
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_PROTO);
    again();
    put_control(&peer.in, RTMP_SET_CHUNK_SIZE, 0);
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_PROTO);
    again();
    FAILS(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC), ERR_CLOSED);
    free(longest);
}
END_TEST

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

START_TEST(deadlines_are_in_total)
{
    peer_shakes(&peer.in);
    peer.step = 1;
    peer.tick = USEC_PER_SEC / 10;
    FAILS(rtmp_talk_accept_handshake(talk, 30 * USEC_PER_SEC), ERR_TIMEOUT);
    ck_assert_int_ge(test_now, 30 * USEC_PER_SEC);
    ck_assert_int_lt(test_now, 31 * USEC_PER_SEC);
    again();
    /* Messages that go on for ever are no connect. */
    for (int i = 0; i < 1000; i++)
        put_control(&peer.in, RTMP_ACK, 1);
    peer.step = 16;
    peer.tick = USEC_PER_SEC / 10;
    FAILS(rtmp_talk_accept_connect(talk, &conn, 10 * USEC_PER_SEC), ERR_TIMEOUT);
    ck_assert_int_lt(test_now, 11 * USEC_PER_SEC);
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
        TOLD("_result(2); _result(3); _result(4) 1; _result(5); _result(6); "
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
    OK(rtmp_talk_play_ok(talk, &request, USEC_PER_SEC));
    TOLD("_result(2) 1; _result(3); user 0 0; onStatus(0) NetStream.Play.Reset; "
         "onStatus(0) NetStream.Play.Start; type 18, 24 bytes at 0; ");
}
END_TEST

START_TEST(play_has_the_shared_chunk_size)
{
    rtmp_talk_set_sizes(talk, 4096, 1000000, 0);
    peer_calls(&peer.in, "play", 4, NULL, amf0_string("s"), NULL);
    connected();
    TOLD("window 1000000; bandwidth 1000000 2; chunk 4096; "
         "_result(1) NetConnection.Connect.Success; onBWDone(0); ");
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_play_ok(talk, &request, USEC_PER_SEC));
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

START_TEST(request_malformed)
{
    char *longest = malloc(1001);

    memset(longest, 'x', 1000);
    longest[1000] = '\0';
    peer_calls(&peer.in, "publish", 5, NULL, amf0_string(longest), NULL);
    connected();
    FAILS(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC), ERR_PROTO);
    again();
    peer_calls(&peer.in, "connect", 5, NULL, NULL, NULL);
    connected();
    FAILS(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC), ERR_PROTO);
    again();
    publishing();
    peer_calls(&peer.in, "publish", 6, NULL, amf0_string("t"), NULL);
    FAILS(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC), ERR_PROTO);
    free(longest);
}
END_TEST

START_TEST(media_comes_out)
{
    publishing();
    peer_says(&peer.in, RTMP_VIDEO, 40, "\x17\x01xyz", 5);
    peer_says(&peer.in, RTMP_AUDIO, 41, NULL, 0);
    peer_says(&peer.in, RTMP_AMF3_DATA, 42, "\0\2\0\1a", 5);
    peer_says(&peer.in, 99, 43, "?", 1);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
    ck_assert_uint_eq(message.type, RTMP_VIDEO);
    ck_assert_uint_eq(message.timestamp, 40);
    ck_assert_mem_eq(message.data, "\x17\x01xyz", 5);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
    ck_assert_uint_eq(message.len, 0);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
    ck_assert_uint_eq(message.type, RTMP_AMF0_DATA);
    ck_assert_uint_eq(message.len, 4);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_NONE);
    FAILS(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC), ERR_CLOSED);
}
END_TEST

START_TEST(aggregates_come_out_one_by_one)
{
    static const uint8_t aggregate[] = {9,  0, 0, 1, 0, 0, 100, 0, 0, 0, 0, 'v', 0, 0, 0, 12, /**/
                                        20, 0, 0, 1, 0, 0, 101, 0, 0, 0, 0, 'c', 0, 0, 0, 12, /**/
                                        8,  0, 0, 1, 0, 0, 120, 0, 0, 0, 0, 'a'};

    publishing();
    peer_says(&peer.in, RTMP_AGGREGATE, 5000, aggregate, sizeof(aggregate));
    peer_says(&peer.in, RTMP_AUDIO, 5050, "b", 1);
    for (int i = 0; i < 3; i++) {
        OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
        ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
        ck_assert_uint_eq(message.data[0], "vab"[i]);
        ck_assert_uint_eq(message.timestamp, i == 0 ? 5000 : i == 1 ? 5020 : 5050);
    }
}
END_TEST

START_TEST(ping_is_answered)
{
    publishing();
    peer_says(&peer.in, RTMP_USER_CONTROL, 0, "\0\6\1\2\3\4", 6);
    peer_says(&peer.in, RTMP_USER_CONTROL, 0, "\0\6\1", 3); /* cut: nothing */
    peer_says(&peer.in, RTMP_USER_CONTROL, 0, "\0\3\0\0\0\1\0\0\1\0", 10);
    for (int i = 0; i < 3; i++) {
        OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
        ck_assert_int_eq(event, RTMP_EVENT_NONE);
    }
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("user 7 16909060; ");
}
END_TEST

/* Answers go out while the peer goes on talking, and never pile up. */
START_TEST(floods_are_answered_in_time)
{
    publishing();
    for (int i = 0; i < 20000; i++)
        put_control(&peer.in, RTMP_WINDOW_ACK_SIZE, 2);
    for (int i = 0; i < 50000; i++) {
        peer_says(&peer.in, RTMP_USER_CONTROL, 0, "\0\6\1\2\3\4", 6);
        if (i == 20000)
            put_control(&peer.in, RTMP_WINDOW_ACK_SIZE, 0);
    }
    for (int i = 0; i < 70001; i++) {
        OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
        ck_assert_uint_lt(rtmp_talk_out(talk)->len, 128 * 1024);
    }
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    ck_assert_uint_gt(peer.out.len, 50000 * 18);
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
                   "onFCUnpublish(0) NetStream.Unpublish.Success; _result(6); "
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

START_TEST(late_media_is_passed_over)
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

START_TEST(what_is_kept_is_read)
{
    struct buf in;
    int more;

    playing();
    buf_init(&in, TEST_BYTES_MAX);
    peer_calls(&in, "closeStream", 0, NULL, NULL, NULL);
    peer_calls(&in, "play", 9, NULL, amf0_string("next"), NULL);
    OK(rtmp_talk_feed(talk, buf_data(&in), in.len));
    OK(rtmp_talk_take(talk, &event, &message, &more));
    ck_assert_int_eq(event, RTMP_EVENT_UNPUBLISH);
    OK(rtmp_talk_keep(talk));
    buf_fini(&in);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    ck_assert_str_eq(request.stream, "next");
}
END_TEST

START_TEST(acknowledged)
{
    publishing();
    put_control(&peer.in, RTMP_WINDOW_ACK_SIZE, 1000);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    for (int i = 0; i < 4; i++)
        peer_says(&peer.in, RTMP_VIDEO, 1, "0123456789", 10);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    /* All that came before counts, and only bytes that came since the last one do again. */
    ck_assert_int_eq(strncmp(told(ears, &peer.out), "ack ", 4), 0);
    for (int i = 0; i < 3; i++)
        OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    peer_says(&peer.in, RTMP_VIDEO, 1, "0123456789", 10);
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("");
}
END_TEST

/* 4 GiB go by in messages that are handed out where they lie. */
START_TEST(acknowledged_past_4_gib)
{
    size_t len = 15 * 1024 * 1024;
    uint64_t total = 0;
    struct buf in;
    int more;

    playing();
    buf_init(&in, TEST_BYTES_MAX);
    put_control(&in, RTMP_SET_CHUNK_SIZE, 0x7fffffff);
    put_control(&in, RTMP_WINDOW_ACK_SIZE, 16000000);
    OK(rtmp_talk_feed(talk, buf_data(&in), in.len));
    do
        OK(rtmp_talk_take(talk, &event, &message, &more));
    while (more);
    buf_consume(&in, in.len);
    put_fmt0(&in, 6, 1, (uint32_t)len, RTMP_VIDEO);
    ck_assert_ptr_nonnull(buf_reserve(&in, len));
    memset(buf_reserve(&in, len), 1, len);
    buf_commit(&in, len);
    while (total < ((uint64_t)1 << 32) + 3 * len) {
        struct buf *out = rtmp_talk_out(talk);
        char want[64];

        OK(rtmp_talk_feed(talk, buf_data(&in), in.len));
        do
            OK(rtmp_talk_take(talk, &event, &message, &more));
        while (more);
        total = rtmp_talk_bytes_in(talk);
        snprintf(want, sizeof(want), "ack %u; ", (uint32_t)total);
        ck_assert_str_eq(told(ears, out), want);
    }
    buf_fini(&in);
}
END_TEST

START_TEST(acknowledged_by_configuration)
{
    rtmp_talk_set_sizes(talk, 60000, 2500000, 100);
    peer_calls(&peer.in, "_checkbw", 2, NULL, NULL, NULL);
    peer_calls(&peer.in, "play", 4, NULL, amf0_string("s"), NULL);
    connected();
    told(ears, &peer.out);
    peer.step = 60;
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    ck_assert_ptr_nonnull(strstr(told(ears, &peer.out), "_result(2)"));
}
END_TEST

START_TEST(silence_and_trickle)
{
    publishing();
    peer.tick = 6 * USEC_PER_SEC;
    FAILS(rtmp_talk_read(talk, &event, &message, 5 * USEC_PER_SEC), ERR_TIMEOUT);
    again();
    publishing();
    /* Bytes that trickle keep a message alive, but not for ever. */
    peer_says(&peer.in, RTMP_VIDEO, 1, "01234567890123456789", 20);
    peer.step = 1;
    peer.tick = USEC_PER_SEC;
    test_now = 0;
    OK(rtmp_talk_read(talk, &event, &message, 5 * USEC_PER_SEC));
    ck_assert_int_eq(event, RTMP_EVENT_MEDIA);
    for (int i = 0; i < 10; i++)
        peer_says(&peer.in, RTMP_VIDEO, 1, "01234567890123456789", 20);
    peer.tick = 4 * USEC_PER_SEC;
    test_now = 0;
    FAILS(rtmp_talk_read(talk, &event, &message, 5 * USEC_PER_SEC), ERR_TIMEOUT);
    ck_assert_int_le(test_now, 65 * USEC_PER_SEC);
}
END_TEST

START_TEST(broken_after_publish)
{
    publishing();
    put_fmt3(&peer.in, 33);
    FAILS(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC), ERR_PROTO);
    again();
    publishing();
    put_fmt0(&peer.in, 6, 0, 0xffffff, RTMP_VIDEO); /* allowed, but it never comes */
    FAILS(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC), ERR_CLOSED);
}
END_TEST

Suite *check_rtmp_talk_server_suite(void)
{
    Suite *suite = suite_create("rtmp_talk_server");
    TCase *tc = tcase_create("server");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, connect_in_order);
    tcase_add_test(tc, connect_result);
    tcase_add_test(tc, connect_enhanced);
    tcase_add_test(tc, connect_refused);
    tcase_add_test(tc, connect_redirected);
    tcase_add_test(tc, connect_malformed);
    tcase_add_test(tc, another_protocol);
    tcase_add_test(tc, handshake_cut);
    tcase_add_test(tc, deadlines_are_in_total);
    tcase_add_test(tc, fmle_order);
    tcase_add_test(tc, play_in_order);
    tcase_add_test(tc, play_has_the_shared_chunk_size);
    tcase_add_test(tc, request_refused);
    tcase_add_test(tc, request_malformed);
    tcase_add_test(tc, media_comes_out);
    tcase_add_test(tc, aggregates_come_out_one_by_one);
    tcase_add_test(tc, ping_is_answered);
    tcase_add_test(tc, floods_are_answered_in_time);
    tcase_add_test(tc, unpublish_and_publish_again);
    tcase_add_test(tc, late_media_is_passed_over);
    tcase_add_test(tc, pause_and_resume);
    tcase_add_test(tc, what_is_kept_is_read);
    tcase_add_test(tc, acknowledged);
    tcase_add_test(tc, acknowledged_past_4_gib);
    tcase_add_test(tc, acknowledged_by_configuration);
    tcase_add_test(tc, silence_and_trickle);
    tcase_add_test(tc, broken_after_publish);
    suite_add_tcase(suite, tc);
    return suite;
}
