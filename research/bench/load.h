#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

/*
 * The load client's state: its options, its viewers, their measurements. load.c runs the loop,
 * load_viewer.c is one viewer's life, load_options.c the command line.
 */
#include "bench.h"
#include "bench_tls.h"
#include "flv_reader.h"
#include "rtmp_client.h"
#include "tag_check.h"

enum load_protocol { LOAD_HTTP_FLV, LOAD_RTMP };

struct load_options {
    enum load_protocol protocol;
    struct sockaddr_in to, from, slow_from;
    int has_from, has_slow_from;
    const char *to_text;
    const char *path; /* "{}" in it becomes the stream's number */
    int viewers, streams, samples, slow;
    double rate;      /* connections per second */
    double slow_rate; /* bytes per second; 0: a slow viewer reads nothing */
    double warmup_s, seconds, start_timeout_s;
    double stall_ms;
    int tls;     /* over TLS; certificates are not checked */
    int control; /* steered by standard input instead of by times */
};

enum viewer_state {
    VIEWER_IDLE,
    VIEWER_CONNECTING,
    VIEWER_STARTING,   /* everything is parsed until the first keyframe */
    VIEWER_READING,    /* a sample: everything is parsed for good */
    VIEWER_DISCARDING, /* bytes are only counted */
    VIEWER_SLOW,
    VIEWER_CLOSED
};

struct load;
struct load_reading;

struct load_viewer {
    int fd;
    int index;
    uint8_t state; /* enum viewer_state */
    uint8_t is_sample, is_slow, had_keyframe;
    uint32_t unacked; /* RTMP: bytes since the last acknowledgement */
    int64_t connect_ns, request_ns, last_ns;
    uint64_t bytes, bytes_at_begin;
    SSL *tls;                     /* NULL without; encrypted bytes are what is discarded */
    struct load_reading *reading; /* NULL when discarding */
};

struct load {
    struct load_options options;
    int epoll_prompt; /* viewers that are starting, and the samples */
    int epoll_bulk;   /* those that discard */
    SSL_CTX *tls;
    struct load_viewer *viewer;
    int opened, in_flight, started, failed, disconnected;
    int in_window;
    int64_t begin_ns, end_ns;
    uint64_t stalls;
    double gap_max_ms;
    struct samples connect_ms, first_byte_ms, first_keyframe_ms, latency_ms;
    char first_error[160];
};

/* The command line, checked; what is wrong with it ends the program. The texts point into argv. */
void load_options_read(struct load_options *options, int argc, char **argv);

/* Starts a viewer; on failure it is counted. */
void load_viewer_open(struct load *load, struct load_viewer *viewer);
/* Handles what epoll said. */
void load_viewer_event(struct load *load, struct load_viewer *viewer, uint32_t events);
/* From now on it reads nothing, or what load_viewer_trickle() lets it. */
void load_viewer_slow(struct load *load, struct load_viewer *viewer);
void load_viewer_trickle(struct load *load, struct load_viewer *viewer, size_t bytes);
void load_viewer_close(struct load *load, struct load_viewer *viewer);
/* The check of a viewer that was parsed; NULL for the others. Stays after its end. */
const struct tag_check *load_viewer_check(const struct load_viewer *viewer);

#endif
