#ifndef APP_STREAM_FANOUT_H
#define APP_STREAM_FANOUT_H

/*
 * Sends a stream's bytes to its viewers in batches:
 *
 *   source: on_data
 *      |
 *      v
 *   channel: one coroutine a stream; serves its slots one after the other during an interval
 *      |    (interval 0: all of them at once)
 *      v
 *
 *   slot  0: viewer -> viewer -> viewer     parked: the channel sends for them. Viewers at the same
 *   slot  1: viewer -> viewer               place share one framed batch (fanout_shared).
 *    ...
 *   slot 63: viewer
 *
 *   blocked viewers: not in a slot; each finishes its batch in its own connection's coroutine
 *                    (fanout_viewer_pump), then parks again
 *   urgent viewers:  other servers; they send each frame at once, in their own coroutines
 *
 * mw_latency auto: the interval grows with the number of viewers and the rate of the stream.
 */
#include "app/config/config.h"
#include "co/net.h"
#include "live/viewer.h"

struct observer;
struct server;
struct stream;

/* The row: one fan-out a server, one channel a stream that has viewers. */
extern const struct observer fanout_observer;

/* The framing around a batch of shared bytes. */
enum fanout_framing { FANOUT_RAW, FANOUT_CHUNKED, FANOUT_WEBSOCKET };

struct fanout_viewer_opts {
    const struct config_vhost *vhost; /* read at once, not kept */
    enum fanout_framing framing;
    struct buf *head; /* sent before the first batch, in the same write; taken over (moved) */
    int is_urgent;    /* each frame at once, whatever the batches of the others are */
};

/* One viewer of a stream on one connection. */
struct fanout_viewer;

/* Takes over viewer (also on failure: NULL). conn is borrowed. */
struct fanout_viewer *fanout_viewer_open(struct server *server, struct net_conn *conn,
                                         struct viewer *viewer,
                                         const struct fanout_viewer_opts *opts);
void fanout_viewer_close(struct fanout_viewer *fv);

enum fanout_wait {
    FANOUT_ENDED,  /* the stream ended; everything is out, the end mark of the framing too */
    FANOUT_INPUT,  /* the peer sent something or closed: read it (net_try_read), then pump again */
    FANOUT_BROKEN, /* the connection failed, stalled for too long, or was interrupted */
    FANOUT_UNFIT,  /* nothing was sent: the stream has nothing that this format carries */
    FANOUT_TIMEOUT /* nothing was sent yet and timeout is over (hstrs' standby) */
};

/*
 * Runs on the connection's coroutine: sends until something else is to be done.
 * timeout counts only until the first media byte, and only while nobody publishes the stream: one
 * that is published is waited for, however far its next keyframe is.
 */
enum fanout_wait fanout_viewer_pump(struct fanout_viewer *fv, usec_t timeout);

/* How long a stream's bytes wait for the next batch at the moment (us), at the shortest of any
 * viewer; 0: not at all. One part in so many may be spent before it: in waiting for more to read.
 */
#define FANOUT_PACE_PART 4
usec_t fanout_pace(const struct stream *stream);
/* The viewer must go: its coroutine's pump answers FANOUT_BROKEN. */
void fanout_viewer_evict(struct fanout_viewer *fv);

/* An urgent one wants its batches no closer together than this (us); 0: each frame at once. */
void fanout_viewer_pace(struct fanout_viewer *fv, usec_t pace);

/* There is nothing to wait for: who has had nothing yet gets FANOUT_TIMEOUT. */
void fanout_viewer_give_up(struct fanout_viewer *fv);

/* What it watches is published from now on, or is not any more: for its place in the house
 * (app/admission.h). */
void fanout_viewer_is_live(struct fanout_viewer *fv, int is_live);

/* True once the first bytes of the stream were taken. */
int fanout_viewer_has_begun(const struct fanout_viewer *fv);

/* Bytes to put between two batches (RTMP answers, WebSocket pongs); copied. 0 or -1 beyond a bound.
 */
int fanout_viewer_inject(struct fanout_viewer *fv, const void *data, size_t len);
/* The same for the last bytes of the connection: nothing of the stream follows, and the pump
 * answers FANOUT_ENDED when they are out. 0 or -1. */
int fanout_viewer_finish(struct fanout_viewer *fv, const void *data, size_t len);
/* The server stops: ends the answer as its framing does (last chunk; WebSocket close 1001), if that
 * goes without waiting. */
void fanout_viewer_part(struct fanout_viewer *fv);
/* Sends what is left of a batch and of the answers, and nothing more: 1 when all of it is out, 0
 * while the socket blocks, -1 when it failed. */
int fanout_viewer_settle(struct fanout_viewer *fv);
/* What follows goes out on another connection, borrowed: after fanout_viewer_settle(). */
void fanout_viewer_move(struct fanout_viewer *fv, struct net_conn *conn);
/* pause: 1 holds the stream; 0 continues at the newest keyframe. */
void fanout_viewer_pause(struct fanout_viewer *fv, int pause);

#endif
