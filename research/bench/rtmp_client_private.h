#ifndef BENCH_RTMP_CLIENT_PRIVATE_H
#define BENCH_RTMP_CLIENT_PRIVATE_H

/*
 * Shared by the client's two halves: rtmp_client.c reads and decides, rtmp_client_out.c writes the
 * messages to send. All return 0, or -1 once the client has failed.
 */
#include "rtmp_client.h"

enum rtmp_message_type {
    TYPE_CHUNK_SIZE = 1,
    TYPE_ACK = 3,
    TYPE_USER = 4,
    TYPE_AUDIO = 8,
    TYPE_VIDEO = 9,
    TYPE_DATA = 18,
    TYPE_COMMAND = 20
};

/* A timestamp of at least this value follows the header. */
#define EXTENDED_TIME 0xffffffu

/* Says why; the state is RTMP_FAILED from now on. Always -1. */
int rtmp_client_fail(struct rtmp_client *client, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The requests, each of which makes the client wait for the next answer. */
int rtmp_connect_send(struct rtmp_client *client);
int rtmp_create_stream_send(struct rtmp_client *client);
int rtmp_start_send(struct rtmp_client *client);
/* The answer to a ping. */
int rtmp_pong_send(struct rtmp_client *client, uint32_t time);

#endif
