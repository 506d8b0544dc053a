#ifndef TEST_RTMP_SERVER_H
#define TEST_RTMP_SERVER_H

/* The server's side of a conversation, up to where a test begins, and the client's ears. */
#include "rtmp_peer.h"

static __attribute__((unused)) struct test_io peer;
static __attribute__((unused)) struct rtmp_talk *talk;
static __attribute__((unused)) struct rtmp_chunk_in *ears; /* the client's */
static __attribute__((unused)) struct rtmp_connect conn;
static __attribute__((unused)) struct rtmp_request request;
static __attribute__((unused)) struct rtmp_message message;
static __attribute__((unused)) enum rtmp_event event;

static inline void setup(void)
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

static inline void teardown(void)
{
    rtmp_talk_free(talk);
    rtmp_chunk_in_free(ears);
    test_io_fini(&peer);
}

static inline void again(void)
{
    teardown();
    setup();
}

#define TOLD(want) ck_assert_str_eq(told(ears, &peer.out), want)

/* Passes handshake and connect, with anything that the client sent after them. */
static inline void connected(void)
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

static inline void publishing(void)
{
    peer_calls(&peer.in, "createStream", 4, NULL, NULL, NULL);
    peer_calls(&peer.in, "publish", 5, NULL, amf0_string("s"), amf0_string("live"));
    connected();
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_publish_ok(talk, &request, USEC_PER_SEC));
    told(ears, &peer.out);
}

static inline void playing(void)
{
    peer_calls(&peer.in, "play", 5, NULL, amf0_string("s"), NULL);
    connected();
    OK(rtmp_talk_accept_request(talk, &request, USEC_PER_SEC));
    OK(rtmp_talk_play_ok(talk, request.stream_id, 60000, USEC_PER_SEC));
    told(ears, &peer.out);
}

#endif
