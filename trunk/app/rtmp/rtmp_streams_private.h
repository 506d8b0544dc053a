#ifndef APP_RTMP_RTMP_STREAMS_PRIVATE_H
#define APP_RTMP_RTMP_STREAMS_PRIVATE_H

/*
 * Shared by rtmp_streams.c (the connection) and rtmp_streams_slot.c (one message stream of it)
 * only. Calls point down in this order.
 */
#include "app/core/quota.h"
#include "app/rtmp/rtmp_streams.h"
#include "base/buf.h"
#include "co/co.h"
#include "proto/rtmp_message.h"
#include "proto/rtmp_mux.h"

/* The limit of createStream, and one for a client that starts without asking for an id. */
#define STREAMS_MAX (RTMP_STREAMS_MAX + 1)
/* Nothing is read from one side while this many bytes wait for the other. */
#define QUEUE_HIGH ((size_t)64 * 1024)
/* The maximum of a message. */
#define MESSAGE_MAX ((size_t)0xffffff)
/* A message in chunks of 60,000 or 128 bytes, and the bytes queued before it. */
#define QUEUE_MAX (2 * MESSAGE_MAX)
#define READ_SIZE ((size_t)32 * 1024)
/* The shift of chunk stream ids of each further stream; protocol control keeps its id. */
#define CSID_SHIFT 8

/* One message stream: its session at one end of a socket pair, its pump at the other. */
struct stream_slot {
    struct rtmp_streams *streams;
    struct rtmp_session *session; /* the connection's first session, or &own */
    struct rtmp_session own;
    struct net_conn *inner, *outer; /* the ends of the session and of its pump */
    struct rtmp_chunk_in *in;       /* from the session */
    struct buf to;                  /* queued for the session */
    uint8_t *data;                  /* READ_SIZE */
    uint32_t id;
    uint32_t csid_shift;
    enum quota_class class; /* of a further stream */
    uint8_t is_over;        /* its session has ended */
};

struct rtmp_streams {
    struct server *server;
    struct net_conn *conn; /* to the peer */
    struct rtmp_talk *talk;
    struct rtmp_session *first; /* in the connection's coroutine */
    struct buf out;
    uint32_t chunk_size; /* of out */
    uint8_t *data;       /* READ_SIZE */
    struct co_cond changed;
    struct stream_slot *slot[STREAMS_MAX];
    uint8_t is_ending;    /* the server stops, or the first session's coroutine was interrupted */
    uint8_t is_stillborn; /* streams_run() was never started */
    uint8_t is_whole;     /* the streams have ended, but the connection continues */
    uint8_t is_over;      /* all streams have ended */
};

/* ---- rtmp_streams_slot.c ---- */

/* Both ends of the socket pair, and a conversation at the inner one. The caller sets the session,
 * and frees *out, also on error. */
struct err *rtmp_streams_slot_new(struct rtmp_streams *streams, uint32_t id,
                                  struct stream_slot **out);
void rtmp_streams_slot_free(struct stream_slot *slot);
/* Copies the first session's settings to a further session. */
void rtmp_streams_slot_adopt(struct stream_slot *slot, const struct rtmp_session *first);
/* Starts the slot's pump, and with has_session the coroutine of its own session: 0, or -1 if the
 * caller still owns the slot. The pump frees it and takes it out of the connection. */
int rtmp_streams_slot_start(struct stream_slot *slot, int has_session);
/* Queues a message for the session. */
struct err *rtmp_streams_slot_append(struct stream_slot *slot, const struct rtmp_message *message);

#endif
