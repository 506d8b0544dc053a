/* What both sides of a conversation receive: deadlines, aggregates, acknowledgements, bytes kept.
 */
#include "proto/rtmp_talk.h"

#include "rtmp_server.h"

Suite *check_rtmp_talk_input_suite(void);

START_TEST(deadlines_are_in_total)
{
    peer_shakes(&peer.in);
    peer.step = 1;
    peer.tick = USEC_PER_SEC / 10;
    FAILS(rtmp_talk_accept_handshake(talk, 30 * USEC_PER_SEC), ERR_TIMEOUT);
    ck_assert_int_ge(test_now, 30 * USEC_PER_SEC);
    ck_assert_int_lt(test_now, 31 * USEC_PER_SEC);
    again();
    /* An endless sequence of messages is not a connect. */
    for (int i = 0; i < 1000; i++)
        put_control(&peer.in, RTMP_ACK, 1);
    peer.step = 16;
    peer.tick = USEC_PER_SEC / 10;
    FAILS(rtmp_talk_accept_connect(talk, &conn, 10 * USEC_PER_SEC), ERR_TIMEOUT);
    ck_assert_int_lt(test_now, 11 * USEC_PER_SEC);
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

START_TEST(a_message_that_was_kept_is_read_first)
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

    publishing();
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

START_TEST(silent_and_slow_peers_time_out)
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

Suite *check_rtmp_talk_input_suite(void)
{
    Suite *suite = suite_create("rtmp_talk_input");
    TCase *tc = tcase_create("input");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, deadlines_are_in_total);
    tcase_add_test(tc, aggregates_come_out_one_by_one);
    tcase_add_test(tc, a_message_that_was_kept_is_read_first);
    tcase_add_test(tc, acknowledged);
    tcase_add_test(tc, acknowledged_past_4_gib);
    tcase_add_test(tc, acknowledged_by_configuration);
    tcase_add_test(tc, silent_and_slow_peers_time_out);
    suite_add_tcase(suite, tc);
    return suite;
}
