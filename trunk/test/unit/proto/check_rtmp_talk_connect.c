/* The server's connect: read, granted, refused, redirected. */
#include "proto/rtmp_talk.h"

#include "rtmp_server.h"

Suite *check_rtmp_talk_connect_suite(void);

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
    ck_assert_int_eq(rtmp_message_command_read(&command, &message), SCAN_DONE);
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
    rtmp_message_command_fini(&command);
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
    ck_assert_int_eq(rtmp_message_command_read(&command, &message), SCAN_DONE);
    enhanced_says(command.arg[0]);
    enhanced_says(command.arg[1]);
    rtmp_message_command_fini(&command);
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
    ck_assert_int_eq(rtmp_message_command_read(&command, &message), SCAN_DONE);
    ex = amf0_get(command.arg[1], "ex");
    ck_assert(amf0_get_number(ex, "code", 0) == 302);
    ck_assert_str_eq(amf0_get_string(ex, "redirect"), "rtmp://other/live");
    rtmp_message_command_fini(&command);
}
END_TEST

/* A connect that cannot be served is refused, with the transaction of the call. */
static void rejected(struct amf0 *object, const char *why)
{
    struct err *err;

    again();
    peer_calls(&peer.in, "connect", 7, object, NULL, NULL);
    err = rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err_code(err), ERR_DENIED);
    ck_assert_str_eq(err_text(err), why);
    OK(rtmp_talk_connect_no(talk, err_text(err), NULL, USEC_PER_SEC));
    TOLD("_error(7) NetConnection.Connect.Rejected; ");
    err_free(err);
}

START_TEST(connect_cannot_be_served)
{
    char *longest = malloc(RTMP_TC_URL_MAX + 1);
    struct amf0 *object = amf0_object();

    memset(longest, 'x', RTMP_TC_URL_MAX);
    longest[RTMP_TC_URL_MAX] = '\0';
    memcpy(longest, "rtmp://h/", 9);
    rejected(peer_connect_object(NULL), "connect has no tcUrl");
    rejected(NULL, "connect has no tcUrl");
    rejected(peer_connect_object("http://host/live"), "connect: the address has an unknown scheme");
    rejected(peer_connect_object("rtmp://host/a%00"), "connect: the address is malformed");
    rejected(peer_connect_object(longest), "connect's tcUrl is too long");
    longest[RTMP_TC_URL_MAX - 1] = '\0';
    rejected(peer_connect_object(longest), "connect: the address is too long");
    amf0_set(object, "tcUrl", amf0_string("rtmp://host/"));
    rejected(object, "connect: the address has no app");
    free(longest);
}
END_TEST

START_TEST(connect_by_app)
{
    static const char *const tc_urls[] = {"rtmp://host", "rtmp://host/", "", "nonsense"};

    for (size_t i = 0; i < sizeof(tc_urls) / sizeof(tc_urls[0]); i++) {
        again();
        peer_calls(&peer.in, "connect", 1, peer_connect_object(tc_urls[i]), NULL, NULL);
        OK(rtmp_talk_accept_connect(talk, &conn, USEC_PER_SEC));
        ck_assert_str_eq(conn.address.app, "live");
        ck_assert_str_eq(conn.app, "live");
    }
    /* A tcUrl that tells the app needs no other. */
    again();
    connected();
    ck_assert_str_eq(conn.app, "");
}
END_TEST

START_TEST(connect_malformed)
{
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
}
END_TEST

Suite *check_rtmp_talk_connect_suite(void)
{
    Suite *suite = suite_create("rtmp_talk_connect");
    TCase *tc = tcase_create("connect");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, connect_in_order);
    tcase_add_test(tc, connect_result);
    tcase_add_test(tc, connect_enhanced);
    tcase_add_test(tc, connect_refused);
    tcase_add_test(tc, connect_redirected);
    tcase_add_test(tc, connect_cannot_be_served);
    tcase_add_test(tc, connect_by_app);
    tcase_add_test(tc, connect_malformed);
    suite_add_tcase(suite, tc);
    return suite;
}
