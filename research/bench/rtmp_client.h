#ifndef BENCH_RTMP_CLIENT_H
#define BENCH_RTMP_CLIENT_H

/*
 * The client side of an RTMP conversation, just enough to publish or to play one stream: simple
 * handshake, connect, createStream, publish or play. It uses no socket: received bytes are fed to
 * it, bytes to send are in `out`.
 */
#include <stddef.h>
#include <stdint.h>

enum rtmp_client_state {
    RTMP_HANDSHAKE,
    RTMP_CONNECTING, /* connect is sent */
    RTMP_CREATING,   /* _result of connect came */
    RTMP_STARTING,   /* _result of createStream came; publish or play is sent */
    RTMP_RUNNING,    /* onStatus says it started */
    RTMP_FAILED      /* see error */
};

#define RTMP_NAME_MAX 128
#define RTMP_OUT_MAX  4096
/* A chunk stream id fits six bits in what servers send to players. */
#define RTMP_CSID_MAX 64

struct rtmp_message {
    uint8_t type;
    uint32_t time_ms;
    const uint8_t *body;
    size_t kept; /* bytes of body that were kept, at most `keep` */
    size_t len;
};

struct rtmp_chunk_stream {
    uint32_t time, delta, len, got;
    uint8_t type, seen, extended;
    uint8_t *body; /* kept bytes */
    size_t capacity;
};

struct rtmp_client {
    enum rtmp_client_state state;
    int publishing;
    char app[RTMP_NAME_MAX], stream[RTMP_NAME_MAX], host[64];
    char error[128];
    uint32_t stream_id;

    uint8_t out[RTMP_OUT_MAX]; /* the owner sends these and sets out_len to 0 */
    size_t out_len;

    /* Media messages go here; how many bytes of each are kept. */
    void (*on_message)(void *arg, const struct rtmp_message *message);
    void *arg;
    size_t keep;

    /* The chunk reader. */
    uint32_t chunk_size_in;
    uint32_t handshake_left;
    uint8_t *s1; /* what C2 echoes; gone once it is sent */
    uint8_t header[18];
    size_t header_len;
    uint32_t chunk_left;
    int current; /* csid whose chunk is being read, -1 between chunks */
    struct rtmp_chunk_stream chunk[RTMP_CSID_MAX];
};

/* path is "app/stream" (the last segment is the stream). Puts C0 and C1 into out. 0 or -1. */
int rtmp_client_init(struct rtmp_client *client, const char *host, const char *path,
                     int publishing);
void rtmp_client_fini(struct rtmp_client *client);

/* Bytes from the server; 0, or -1 and state is RTMP_FAILED. */
int rtmp_client_feed(struct rtmp_client *client, const uint8_t *data, size_t len);

/* An acknowledgement (16 bytes) for what came so far. */
#define RTMP_ACK_SIZE 16
void rtmp_ack_write(uint8_t *out, uint32_t received);

/* What a publisher remembers of each of its chunk streams. */
struct rtmp_out_track {
    uint32_t time, len;
    uint8_t seen;
};

/* The chunk size that publishers announce. */
#define RTMP_CHUNK_SIZE_OUT 60000
/* No message of len bytes becomes longer than this as chunks. */
#define RTMP_CHUNKED_MAX(len) ((len) + 20 + ((len) / RTMP_CHUNK_SIZE_OUT + 1) * 5)

/* Writes a media message as chunks; gives the number of bytes. */
size_t rtmp_media_write(uint8_t *out, struct rtmp_out_track *track, uint32_t stream_id,
                        const struct rtmp_message *message);

#endif
