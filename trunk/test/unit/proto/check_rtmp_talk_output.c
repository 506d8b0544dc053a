/* The answers of both sides of a conversation, and the limit on unsent ones. */
#include "proto/rtmp_talk.h"

#include "rtmp_server.h"

Suite *check_rtmp_talk_output_suite(void);

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

/* Answers are sent while the peer continues to send, and never accumulate. */
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

/* A player's session that does not send its answers gets an error, not ever more memory. */
START_TEST(answers_have_a_limit)
{
    size_t most = 256 * 1024;
    struct err *err = NULL;
    struct buf in;

    playing();
    buf_init(&in, TEST_BYTES_MAX);
    for (size_t i = 0; i < most / 18 + 1; i++)
        peer_says(&in, RTMP_USER_CONTROL, 0, "\0\6\1\2\3\4", 6);
    OK(rtmp_talk_feed(talk, buf_data(&in), in.len));
    for (int more = 1; err == NULL && more;)
        err = rtmp_talk_take(talk, &event, &message, &more);
    FAILS(err, ERR_LIMIT);
    ck_assert_uint_le(rtmp_talk_out(talk)->len, most);
    buf_fini(&in);
}
END_TEST

Suite *check_rtmp_talk_output_suite(void)
{
    Suite *suite = suite_create("rtmp_talk_output");
    TCase *tc = tcase_create("output");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, ping_is_answered);
    tcase_add_test(tc, floods_are_answered_in_time);
    tcase_add_test(tc, answers_have_a_limit);
    suite_add_tcase(suite, tc);
    return suite;
}
