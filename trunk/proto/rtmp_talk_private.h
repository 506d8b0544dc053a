#ifndef PROTO_RTMP_TALK_PRIVATE_H
#define PROTO_RTMP_TALK_PRIVATE_H

/*
 * Shared by rtmp_talk*.c only: the conversation's state, and each file's functions for the files
 * above it. From the bottom up: rtmp_talk_output.c, rtmp_talk_input.c; the server's files and the
 * client's; rtmp_talk.c, which calls either.
 */
#include "base/yield.h"
#include "proto/rtmp_message.h"
#include "proto/rtmp_talk.h"

#define TALK_OUT_MAX ((size_t)256 * 1024) /* bytes of unsent answers */

enum talk_mode { TALK_NONE, TALK_PUBLISH, TALK_PLAY };

struct rtmp_talk {
    struct io *io;
    struct rtmp_talk_config config;
    struct rtmp_chunk_in *in;
    struct buf out;
    uint8_t *rd; /* the read buffer; NULL until it is needed */
    size_t rd_cap, rd_want;
    const uint8_t *fed; /* not parsed yet: in rd, or the caller's memory */
    size_t fed_len;
    uint64_t bytes_in, bytes_acked;
    uint32_t peer_window; /* acknowledge at least this often; 0: never */
    uint32_t own_window;  /* the same by configuration, which takes precedence; 0: none */
    uint32_t chunk_out;   /* the chunk size we have announced */
    uint32_t stream_id;   /* of the granted publish or play */
    enum talk_mode mode;
    uint32_t streams;  /* the server's: bit N is set until createStream's N is deleted */
    uint8_t has_forks; /* streams may be in use by conversations of their own */
    uint8_t muted;     /* the player's: RTMP_RECEIVE_… flags that are off */
    uint8_t is_client;
    uint8_t has_held; /* the client's: `held` comes before what is fed */
    struct rtmp_message held;
    struct rtmp_request request; /* arrived while another was served: the next one */
    uint8_t has_request;
    char *name;     /* of the last request: rtmp_request's stream, or NULL */
    char *redirect; /* the client's: the redirection of connect, or NULL */
    char *refusal;  /* the client's: why connect was refused, or NULL */
    struct rtmp_aggregate aggregate;
    /* From connect, for its answer. */
    double connect_transaction;
    double object_encoding;
    uint8_t has_fourcc_list, has_video_map, has_audio_map, has_caps_ex;
};

/* Whether media from the peer is accepted now. */
static inline int talk_takes_media(const struct rtmp_talk *talk)
{
    return talk->is_client ? talk->mode == TALK_PLAY : talk->mode == TALK_PUBLISH;
}

/* Whether this is a message stream of the client other than that of the granted publish or play. A
 * client that does not use createStream's ids has one stream, whatever id it sends. */
static inline int talk_is_other_stream(const struct rtmp_talk *talk, uint32_t stream_id)
{
    return stream_id != talk->stream_id && talk->stream_id != 0 && stream_id < 32 &&
           (talk->streams & (1u << stream_id)) != 0;
}

/* ---- rtmp_talk_output.c: deadlines, and what is sent ---- */

/* A deadline for several reads and writes. */
struct talk_wait {
    usec_t timeout; /* for each operation, without a clock */
    usec_t at;      /* USEC_NEVER: no clock, or no deadline */
};

/* A deadline: timeout (us) from now for all operations together. */
struct talk_wait rtmp_talk_output_wait_start(const struct rtmp_talk *talk, usec_t timeout);
/* The remaining time: *left; ERR_TIMEOUT when there is none. */
struct err *rtmp_talk_output_wait_left(const struct rtmp_talk *talk, const struct talk_wait *wait,
                                       usec_t *left) ERR_MUST_CHECK;

/* Sends everything in out. */
MAY_YIELD struct err *rtmp_talk_output_flush(struct rtmp_talk *talk,
                                             const struct talk_wait *wait) ERR_MUST_CHECK;

/* A writer's rc as an error: ERR_LIMIT when out has reached TALK_OUT_MAX. */
struct err *rtmp_talk_output_written(int rc) ERR_MUST_CHECK;

/* Append one command. Both take over the values. */
struct err *rtmp_talk_output_call(struct rtmp_talk *talk,
                                  const struct rtmp_call *call) ERR_MUST_CHECK;
struct err *rtmp_talk_output_status(struct rtmp_talk *talk, uint32_t stream_id, const char *level,
                                    const char *code, const char *description) ERR_MUST_CHECK;

/* SetChunkSize, if it differs from the last one. */
struct err *rtmp_talk_output_chunk_size_set(struct rtmp_talk *talk, uint32_t size) ERR_MUST_CHECK;

/* ---- rtmp_talk_input.c: what is received ---- */

/* Initializes the input of a talk whose config is set. 0, or -1 without memory; then there is
 * nothing to free. */
int rtmp_talk_input_init(struct rtmp_talk *talk);
void rtmp_talk_input_fini(struct rtmp_talk *talk);
/* Before a long wait: frees the read buffer if all its bytes are parsed. */
void rtmp_talk_input_trim(struct rtmp_talk *talk);

/* Sets the maximum message length: the configured one while the peer sends media; else one that
 * holds any command, so that a peer that is not accepted yet occupies little memory. */
void rtmp_talk_input_limit(struct rtmp_talk *talk, int has_media);

/* Exactly len bytes, bypassing the chunk layer (for the handshake). */
MAY_YIELD struct err *rtmp_talk_input_read_exactly(struct rtmp_talk *talk, uint8_t *data,
                                                   size_t len,
                                                   const struct talk_wait *wait) ERR_MUST_CHECK;

/*
 * The next complete message, its data valid until the next one. Errors: closed, timeout, proto.
 * rtmp_talk_input_message() reads if needed, and sends out first.
 */
MAY_YIELD struct err *rtmp_talk_input_message(struct rtmp_talk *talk, struct rtmp_message *message,
                                              const struct talk_wait *wait) ERR_MUST_CHECK;
/* The same with rtmp_talk_read()'s timeout. */
struct err *rtmp_talk_input_message_next(struct rtmp_talk *talk, struct rtmp_message *message,
                                         usec_t timeout) ERR_MUST_CHECK;
/* The same from the bytes already received: never reads or sends. *is_there: 0 when none is
 * complete. */
struct err *rtmp_talk_input_message_take(struct rtmp_talk *talk, struct rtmp_message *message,
                                         int *is_there) ERR_MUST_CHECK;

/* Processes protocol control; ignores other types. */
struct err *rtmp_talk_input_control(struct rtmp_talk *talk,
                                    const struct rtmp_message *message) ERR_MUST_CHECK;

/* True for AMF0 and AMF3 commands. */
int rtmp_talk_input_is_command(const struct rtmp_message *message);
/* ERR_PROTO when it is not a valid command. */
struct err *rtmp_talk_input_command_read(struct rtmp_command *command,
                                         const struct rtmp_message *message) ERR_MUST_CHECK;

/* ---- the two sides ---- */

/* A command on this message stream that is not a request: the server's answer. rtmp_talk_server.c.
 */
struct err *rtmp_talk_server_command(struct rtmp_talk *talk, const struct rtmp_command *command,
                                     uint32_t stream_id, enum rtmp_event *event) ERR_MUST_CHECK;
/* The same on the client side. rtmp_talk_client.c. */
struct err *rtmp_talk_client_command(struct rtmp_talk *talk, const struct rtmp_command *command,
                                     enum rtmp_event *event) ERR_MUST_CHECK;

#endif
