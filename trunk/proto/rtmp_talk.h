#ifndef PROTO_RTMP_TALK_H
#define PROTO_RTMP_TALK_H

/*
 * The RTMP conversation, server and client side, over struct io: handshake, connect, createStream,
 * publish, play, and the messages around them. Call the functions in the order in which they are
 * declared; the caller decides the answers.
 */
#include "base/io.h"
#include "media/amf0.h"
#include "proto/rtmp_chunk.h"
#include "proto/rtmp_target.h"
#include "proto/url.h"

struct rtmp_talk;

struct rtmp_talk_config {
    uint32_t chunk_size;   /* ours, outgoing */
    uint32_t out_ack_size; /* WindowAckSize we announce */
    size_t message_max;
    const char *server; /* name and version, for connect's _result and onMetaData */
    const char *version;
    int pid;
    const char *id; /* context id, for connect's data object */
    /* clock_now() for the server. With it a timeout limits a whole phase (handshake, connect,
     * request, …); NULL: each single read or write. */
    usec_t (*now)(void);
    const char *via; /* of a client: RTMP_VIA_PROPERTY of its connect; NULL: none */
};

/* The connect property in which our servers identify themselves: see app/config/via_chain.h. Other
 * servers ignore it. */
#define RTMP_VIA_PROPERTY "millraceRelay"
/* The code of a refusal to such a server: the stream would return to it. A client reports ERR_LOOP.
 */
#define RTMP_PLAY_LOOP "NetStream.Play.Loop"

/* io and config's strings are borrowed. NULL without memory. */
struct rtmp_talk *rtmp_talk_new(struct io *io, const struct rtmp_talk_config *config);
void rtmp_talk_free(struct rtmp_talk *talk);
/* All received bytes, handshake included. */
uint64_t rtmp_talk_bytes_in(const struct rtmp_talk *talk);
/* The vhost's settings, known only after connect was read: call before rtmp_talk_connect_ok().
 * in_ack_size: acknowledge at least that often, whatever the peer announces; 0: as it announces. */
void rtmp_talk_set_sizes(struct rtmp_talk *talk, uint32_t chunk_size, uint32_t out_ack_size,
                         uint32_t in_ack_size);
/* Bytes held of incomplete messages. */
size_t rtmp_talk_pending(const struct rtmp_talk *talk);
/* True when all received bytes are parsed: the next read asks the io. */
int rtmp_talk_is_drained(const struct rtmp_talk *talk);
/* Sends the contents of rtmp_talk_out(). */
struct err *rtmp_talk_flush(struct rtmp_talk *talk, usec_t timeout);
/* Frees the read buffer and other empty buffers; call it before a long wait. */
void rtmp_talk_trim(struct rtmp_talk *talk);

/* ---- server ---- */

/* Maximum size of a tcUrl: the address and its parameters, a scheme, a host and a port. */
#define RTMP_TC_URL_MAX (URL_RTMP_MAX + 320)

struct rtmp_connect {
    char tc_url[RTMP_TC_URL_MAX];
    char app[URL_RTMP_MAX + 1]; /* connect's app, if the tcUrl has none; else "" */
    char page_url[1024];
    char swf_url[1024];
    char flash_ver[128];
    char via[640];           /* "" unless the client is one of our servers */
    struct url_rtmp address; /* schema, host, port, vhost, app, param; stream comes later */
    double object_encoding;
    double caps_ex;
    int is_enhanced;   /* sent fourCcList or an info map */
    int is_multitrack; /* capsEx announces support for multitrack messages */
};

/* C0C1, S0S1S2, C2 (5.2), complex or simple as the client begins, all within timeout. ERR_PROTO for
 * another protocol, at its first byte. */
struct err *rtmp_talk_accept_handshake(struct rtmp_talk *talk, usec_t timeout);
/* Reads and parses connect; does not answer yet. ERR_DENIED for a connect that cannot be served (no
 * tcUrl, an unknown scheme, no app, …), which rtmp_talk_connect_no() answers. */
struct err *rtmp_talk_accept_connect(struct rtmp_talk *talk, struct rtmp_connect *connect,
                                     usec_t timeout);
/* WindowAckSize, SetPeerBandwidth, SetChunkSize, _result, onBWDone. */
struct err *rtmp_talk_connect_ok(struct rtmp_talk *talk, usec_t timeout);
/* Answers _error NetConnection.Connect.Rejected; redirect: the tcUrl for ex.redirect, with ex.code
 * 302, or NULL. */
struct err *rtmp_talk_connect_no(struct rtmp_talk *talk, const char *why, const char *redirect,
                                 usec_t timeout);

enum rtmp_intent { RTMP_INTENT_PUBLISH, RTMP_INTENT_PLAY };

struct rtmp_request {
    enum rtmp_intent intent;
    const char *stream; /* as sent: name?query; "" for none. Owned by the talk, until the next
                           request is read or the talk is trimmed. NULL: too long */
    uint32_t stream_id;
    double transaction;
    double start, duration; /* play */
};

/*
 * Serves releaseStream, FCPublish, createStream, _checkbw, unknown calls, … until publish or play
 * is called; these are not answered yet. ERR_CLOSED when the peer disconnects.
 */
struct err *rtmp_talk_accept_request(struct rtmp_talk *talk, struct rtmp_request *request,
                                     usec_t timeout);

/* onFCPublish, then onStatus NetStream.Publish.Start. */
struct err *rtmp_talk_publish_ok(struct rtmp_talk *talk, const struct rtmp_request *request,
                                 usec_t timeout);
/* StreamBegin, Play.Reset, Play.Start, |RtmpSampleAccess, on the request's message stream. If the
 * chunk size (bytes) of the media that the caller sends differs, it is announced first. */
struct err *rtmp_talk_play_ok(struct rtmp_talk *talk, uint32_t stream_id, uint32_t chunk_size,
                              usec_t timeout);
/* The tracks that the player wants, set by receiveAudio and receiveVideo; both by default. */
#define RTMP_RECEIVE_AUDIO 1u
#define RTMP_RECEIVE_VIDEO 2u
unsigned rtmp_talk_receives(const struct rtmp_talk *talk);
/* The played stream has ended: UnpublishNotify, StreamEOF and Play.Stop in rtmp_talk_out(). */
struct err *rtmp_talk_play_over(struct rtmp_talk *talk);
/* The played stream has no publisher: StreamNotFound in rtmp_talk_out(), or RTMP_PLAY_LOOP. */
struct err *rtmp_talk_play_not_found(struct rtmp_talk *talk, const char *why);
struct err *rtmp_talk_play_loop(struct rtmp_talk *talk, const char *why);
/* The following messages use this chunk size (bytes): announces it in rtmp_talk_out() if it
 * differs. */
struct err *rtmp_talk_chunk_size(struct rtmp_talk *talk, uint32_t chunk_size);
/* onStatus level error, e.g. "NetStream.Publish.BadName". */
struct err *rtmp_talk_refuse(struct rtmp_talk *talk, const struct rtmp_request *request,
                             const char *code, const char *description, usec_t timeout);

/* A stream at another server. */
struct rtmp_elsewhere {
    const char *tc_url; /* ex.redirect: the tcUrl to connect with */
    const char *url;    /* ex.redirect2: the whole address */
};
/* Redirects instead of granting: onStatus of level error, NetConnection.Connect.Rejected, with
 * ex.code 302. */
struct err *rtmp_talk_send_on(struct rtmp_talk *talk, const struct rtmp_request *request,
                              const struct rtmp_elsewhere *to, usec_t timeout);

/* What a message means to a session after publish or play is granted. */
enum rtmp_event {
    RTMP_EVENT_NONE,      /* consumed here (ping answered, ack, …) */
    RTMP_EVENT_MEDIA,     /* audio, video or script: *message; aggregates come out one by one */
    RTMP_EVENT_PAUSE,     /* answered with its notify */
    RTMP_EVENT_RESUME,    /* answered with its notify */
    RTMP_EVENT_RECEIVE,   /* receiveAudio, receiveVideo: see rtmp_talk_receives() */
    RTMP_EVENT_ANOTHER,   /* *message is publish or play on another message stream: not answered,
                             see "several message streams" */
    RTMP_EVENT_UNPUBLISH, /* FCUnpublish, deleteStream, closeStream, or play called again: answered;
                             the talk may continue with rtmp_talk_accept_request() */
};

/*
 * Reads one message and processes what belongs to the conversation (ping, ack, calls). For MEDIA,
 * message->type is RTMP_AUDIO, RTMP_VIDEO or RTMP_AMF0_DATA (AMF3 data unwrapped) and the data is
 * valid until the next call. Errors: closed, timeout, proto. The timeout is the longest time
 * without any byte; however slowly bytes arrive, a message must be complete within
 * RTMP_MESSAGE_TIME_MAX (or the timeout, if that is longer).
 */
#define RTMP_MESSAGE_TIME_MAX (60 * USEC_PER_SEC)
struct err *rtmp_talk_read(struct rtmp_talk *talk, enum rtmp_event *event,
                           struct rtmp_message *message, usec_t timeout);

/*
 * The same without waiting, for a player's session, which must also send: feed what was read from
 * the socket, then take events until RTMP_EVENT_NONE with *more == 0. Answers are appended to
 * rtmp_talk_out(). data is borrowed until then; messages that rtmp_talk_accept_request() read
 * beyond the request must be taken before the first feed.
 */
struct err *rtmp_talk_feed(struct rtmp_talk *talk, const uint8_t *data, size_t len);
struct err *rtmp_talk_take(struct rtmp_talk *talk, enum rtmp_event *event,
                           struct rtmp_message *message, int *more);
/* Copies the fed bytes that were not taken yet; call it before the fed memory is freed. */
struct err *rtmp_talk_keep(struct rtmp_talk *talk);
/* Answers not sent yet; the caller writes them between two media messages and consumes them. */
struct buf *rtmp_talk_out(struct rtmp_talk *talk);

/*
 * ---- several message streams ----
 * After RTMP_EVENT_ANOTHER each message stream has a conversation of its own (rtmp_talk_fork). The
 * first conversation then only reads the connection and decides which conversation gets each
 * message.
 */

/*
 * A conversation over io for this message stream of talk's connection; if that stream has a granted
 * publish or play, it moves to the new conversation. It neither sends nor expects acknowledgements.
 * io and talk's configuration are borrowed. NULL without memory.
 */
struct rtmp_talk *rtmp_talk_fork(struct rtmp_talk *talk, struct io *io, uint32_t stream_id);
/* The message stream of the publish or play that was granted last. */
uint32_t rtmp_talk_stream(const struct rtmp_talk *talk);
/* The chunk size (bytes) that the peer was last told. */
uint32_t rtmp_talk_chunk_out(const struct rtmp_talk *talk);

enum rtmp_route_kind {
    RTMP_ROUTE_NONE,   /* of the connection: served here, answers are in rtmp_talk_out() */
    RTMP_ROUTE_STREAM, /* for this message stream, if it is in use */
    RTMP_ROUTE_OPEN,   /* publish or play: for this message stream, which is in use from now on */
    RTMP_ROUTE_NAME    /* FCUnpublish: for the message stream that publishes this name */
};

struct rtmp_routed {
    enum rtmp_route_kind kind;
    uint32_t stream_id;
    uint8_t is_publish; /* OPEN */
    uint8_t is_created; /* OPEN: createStream gave this id */
    char name[256];     /* NAME: without parameters; "": absent or too long */
};

/* Whether messages longer than commands are accepted from now on. */
void rtmp_talk_route_limit(struct rtmp_talk *talk, int has_media);
/* The next message of the fed bytes, as rtmp_talk_take(); message is valid until the next call. */
struct err *rtmp_talk_route(struct rtmp_talk *talk, struct rtmp_message *message,
                            struct rtmp_routed *routed, int *more);
/* The same for a message that was taken before (RTMP_EVENT_ANOTHER). */
struct err *rtmp_talk_route_message(struct rtmp_talk *talk, const struct rtmp_message *message,
                                    struct rtmp_routed *routed);
/* No conversation takes this STREAM or NAME message: a call gets its answer. */
struct err *rtmp_talk_route_none(struct rtmp_talk *talk, const struct rtmp_message *message);
/* An OPEN message cannot be served: onStatus of level error in rtmp_talk_out(). */
struct err *rtmp_talk_route_refuse(struct rtmp_talk *talk, const struct rtmp_routed *routed,
                                   const char *why);

/*
 * ---- client ----
 * _error and onStatus of level error are ERR_DENIED. After rtmp_talk_play(), rtmp_talk_read()
 * returns the media, and RTMP_EVENT_UNPUBLISH means that the server ended the stream.
 */

/* 5.2, client side; all within timeout. */
struct err *rtmp_talk_handshake(struct rtmp_talk *talk, usec_t timeout);
struct err *rtmp_talk_connect(struct rtmp_talk *talk, const struct rtmp_target *target,
                              usec_t timeout);
/* After ERR_DENIED from a connect, a play, a publish, or from rtmp_talk_take(): the tcUrl that the
 * server redirects to (ex.redirect, with an ex.code of 302); NULL: none. Not checked. */
const char *rtmp_talk_redirect(const struct rtmp_talk *talk);
/* After a connect that was ERR_DENIED: the server's description, or NULL. Not checked. */
const char *rtmp_talk_refusal(const struct rtmp_talk *talk);
struct err *rtmp_talk_play(struct rtmp_talk *talk, const char *stream, usec_t timeout);
struct err *rtmp_talk_publish(struct rtmp_talk *talk, const char *stream, usec_t timeout);
/* Sends one media message to the peer. */
struct err *rtmp_talk_send(struct rtmp_talk *talk, const struct rtmp_message *message,
                           usec_t timeout);

#endif
