/* Several message streams on one connection. */
#include "proto/rtmp_talk.h"

#include "proto/rtmp_mux.h"
#include "rtmp_server.h"

Suite *check_rtmp_talk_streams_suite(void);

static void calls_on(uint32_t stream_id, const char *name, struct amf0 *info)
{
    struct rtmp_call call = {.name = name, .stream_id = stream_id, .info = info};

    ck_assert_int_eq(rtmp_message_call_write(&peer.in, 128, &call), 0);
}

static enum rtmp_event next_event(void)
{
    OK(rtmp_talk_read(talk, &event, &message, USEC_PER_SEC));
    return event;
}

/* What is said of other message streams leaves the active one alone. */
START_TEST(other_streams)
{
    static const char video[] = "video";
    struct rtmp_message media = {
        .type = RTMP_VIDEO, .csid = 6, .data = (const uint8_t *)video, .len = 5};

    peer_calls(&peer.in, "createStream", 2, NULL, NULL, NULL);
    peer_calls(&peer.in, "createStream", 3, NULL, NULL, NULL);
    calls_on(1, "publish", amf0_string("s"));
    connected();
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_publish_ok(talk, &request, USEC_PER_SEC));
    told(ears, &peer.out);
    calls_on(2, "publish", amf0_string("t"));
    ck_assert_int_eq(next_event(), RTMP_EVENT_ANOTHER);
    ck_assert_uint_eq(message.stream_id, 2);
    calls_on(2, "play", amf0_string("t"));
    ck_assert_int_eq(next_event(), RTMP_EVENT_ANOTHER);
    calls_on(2, "closeStream", NULL);
    calls_on(0, "deleteStream", amf0_number(2));
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(next_event(), RTMP_EVENT_NONE);
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("");
    for (double i = 4; i < 8; i++)
        peer_calls(&peer.in, "createStream", i, NULL, NULL, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(next_event(), RTMP_EVENT_NONE);
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("_result(4) 2; _result(5) 3; _result(6) 4; _error(7) NetConnection.Call.Failed; ");
    /* Media of another stream is not this one's; that of a stream nobody created is. */
    media.stream_id = 3;
    ck_assert_int_eq(rtmp_chunk_write(&peer.in, 128, &media), 0);
    ck_assert_int_eq(next_event(), RTMP_EVENT_NONE);
    media.stream_id = 1;
    ck_assert_int_eq(rtmp_chunk_write(&peer.in, 128, &media), 0);
    ck_assert_int_eq(next_event(), RTMP_EVENT_MEDIA);
    media.stream_id = 9;
    ck_assert_int_eq(rtmp_chunk_write(&peer.in, 128, &media), 0);
    ck_assert_int_eq(next_event(), RTMP_EVENT_MEDIA);
    calls_on(1, "closeStream", NULL);
    ck_assert_int_eq(next_event(), RTMP_EVENT_UNPUBLISH);
}
END_TEST

/* Feeds what the peer has said, and takes the next message. */
static struct rtmp_routed next_routed(int is_fed)
{
    struct rtmp_routed routed;
    int more;

    if (is_fed)
        OK(rtmp_talk_feed(talk, buf_data(&peer.in), peer.in.len));
    OK(rtmp_talk_route(talk, &message, &routed, &more));
    ck_assert_int_eq(more, 1);
    return routed;
}

#define ROUTED(what, id)                           \
    do {                                           \
        struct rtmp_routed taken = next_routed(0); \
        ck_assert_int_eq(taken.kind, what);        \
        ck_assert_uint_eq(taken.stream_id, id);    \
    } while (0)

/* With several message streams each message says whose it is. */
START_TEST(routed_streams)
{
    static const char video[] = "video";
    struct rtmp_message media = {
        .type = RTMP_VIDEO, .csid = 6, .stream_id = 3, .data = (const uint8_t *)video, .len = 5};
    struct rtmp_talk *fork, *other;
    struct rtmp_routed routed;

    for (double i = 2; i < 5; i++)
        peer_calls(&peer.in, "createStream", i, NULL, NULL, NULL);
    calls_on(1, "publish", amf0_string("s"));
    connected();
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_publish_ok(talk, &request, USEC_PER_SEC));
    told(ears, &peer.out);
    ck_assert_uint_eq(rtmp_talk_stream(talk), 1);
    fork = rtmp_talk_fork(talk, &peer.io, 1);
    other = rtmp_talk_fork(talk, &peer.io, 2);
    ck_assert_ptr_nonnull(fork);
    ck_assert_ptr_nonnull(other);
    ck_assert_uint_eq(rtmp_talk_chunk_out(fork), rtmp_talk_chunk_out(talk));
    calls_on(2, "publish", amf0_string("t"));
    calls_on(5, "play", amf0_string("t"));
    ck_assert_int_eq(rtmp_chunk_write(&peer.in, 128, &media), 0);
    calls_on(3, "pause", NULL);
    calls_on(3, "closeStream", NULL);
    calls_on(0, "deleteStream", amf0_number(3));
    calls_on(0, "deleteStream", amf0_number(-1));
    calls_on(0, "FCUnpublish", amf0_string("t?a=b"));
    calls_on(3, "play", amf0_string("u"));
    peer_calls(&peer.in, "createStream", 9, NULL, NULL, NULL);
    routed = next_routed(1);
    ck_assert(routed.kind == RTMP_ROUTE_OPEN && routed.is_publish && routed.is_created);
    ck_assert_uint_eq(routed.stream_id, 2);
    routed = next_routed(0);
    ck_assert(routed.kind == RTMP_ROUTE_OPEN && !routed.is_publish && !routed.is_created);
    OK(rtmp_talk_route_refuse(talk, &routed, "no"));
    ROUTED(RTMP_ROUTE_STREAM, 3);
    ck_assert_int_eq(message.type, RTMP_VIDEO);
    ROUTED(RTMP_ROUTE_STREAM, 3);
    ROUTED(RTMP_ROUTE_STREAM, 3);
    ROUTED(RTMP_ROUTE_STREAM, 3);
    ROUTED(RTMP_ROUTE_STREAM, 0);
    routed = next_routed(0);
    ck_assert_int_eq(routed.kind, RTMP_ROUTE_NAME);
    ck_assert_str_eq(routed.name, "t");
    /* A stream that was deleted has to be created again, and gets its id. */
    routed = next_routed(0);
    ck_assert(routed.kind == RTMP_ROUTE_OPEN && !routed.is_created);
    ROUTED(RTMP_ROUTE_NONE, 0);
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("onStatus(0) NetStream.Play.Failed; _result(9) 3; ");
    rtmp_talk_free(fork);
    rtmp_talk_free(other);
}
END_TEST

/* Nothing runs: streams that were closed make room. */
START_TEST(streams_make_room)
{
    for (double i = 2; i < 2 + RTMP_STREAMS_MAX + 1; i++)
        peer_calls(&peer.in, "createStream", i, NULL, NULL, NULL);
    peer_calls(&peer.in, "play", 9, NULL, amf0_string("s"), NULL);
    connected();
    told(ears, &peer.out);
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_flush(talk, USEC_PER_SEC));
    TOLD("_result(2) 1; _result(3) 2; _result(4) 3; _result(5) 4; _result(6) 1; ");
}
END_TEST

Suite *check_rtmp_talk_streams_suite(void)
{
    Suite *suite = suite_create("rtmp_talk_streams");
    TCase *tc = tcase_create("rtmp_talk_streams");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, other_streams);
    tcase_add_test(tc, routed_streams);
    tcase_add_test(tc, streams_make_room);
    suite_add_tcase(suite, tc);
    return suite;
}
