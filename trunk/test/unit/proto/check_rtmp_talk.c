/* A granted stream: the messages that a session gets from it. */
#include "proto/rtmp_talk.h"

#include "rtmp_server.h"

Suite *check_rtmp_talk_suite(void);

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

Suite *check_rtmp_talk_suite(void)
{
    Suite *suite = suite_create("rtmp_talk");
    TCase *tc = tcase_create("talk");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, media_comes_out);
    tcase_add_test(tc, broken_after_publish);
    suite_add_tcase(suite, tc);
    return suite;
}
