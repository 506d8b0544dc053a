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
#include "live/viewer_switch.h"

struct observer;
struct server;
struct stream;

/* The row: one fan-out per server, one channel per stream that has viewers. */
extern const struct observer fanout_observer;

/* The framing around a batch of shared bytes. */
enum fanout_framing { FANOUT_RAW, FANOUT_CHUNKED, FANOUT_WEBSOCKET };

struct fanout_viewer_opts {
    const struct config_vhost *vhost; /* read at once, not kept */
    enum fanout_framing framing;
    struct buf *head;    /* sent before the first batch, in the same write; taken over (moved) */
    int is_urgent;       /* send each frame at once, regardless of other viewers' batches */
    usec_t requested_at; /* when the client requested it, to measure the start-up time; 0: do not */
};

/* One viewer of a stream on one connection. */
struct fanout_viewer;

/* Takes over viewer (also on failure: NULL). conn is borrowed. */
struct fanout_viewer *fanout_viewer_open(struct server *server, struct net_conn *conn,
                                         struct viewer *viewer,
                                         const struct fanout_viewer_opts *opts);
void fanout_viewer_close(struct fanout_viewer *fv);

enum fanout_wait {
    FANOUT_ENDED,   /* the stream ended; everything is sent, including the framing's end mark */
    FANOUT_INPUT,   /* the peer sent something or closed: read it (net_try_read), then pump again */
    FANOUT_BROKEN,  /* the connection failed, stalled for too long, or was interrupted */
    FANOUT_UNFIT,   /* nothing was sent: the stream has no track that this format carries */
    FANOUT_FAR,     /* nothing was sent: the viewer's start is far after the newest frame */
    FANOUT_TIMEOUT, /* nothing was sent before the timeout (hstrs' standby) */
    FANOUT_LOOP,    /* nothing was sent: the servers request the stream from each other */
    FANOUT_MOVED    /* it is a viewer of another stream now (fanout_viewer_switch()): pump again */
};

/*
 * Runs in the connection's coroutine: sends until one of the above happens. The timeout applies
 * only until the first media byte, and only while the stream has no publisher; the viewer waits for
 * the next keyframe of a published stream for as long as it takes.
 */
enum fanout_wait fanout_viewer_pump(struct fanout_viewer *fv, usec_t timeout);

/* The shortest time that the stream's bytes wait for the next batch at present (us); 0: none. A
 * reader may delay its reads by up to 1/FANOUT_PACE_PART of it. */
#define FANOUT_PACE_PART 4
usec_t fanout_pace(const struct stream *stream);
/* Closes the viewer: the pump in its coroutine returns FANOUT_BROKEN. */
void fanout_viewer_evict(struct fanout_viewer *fv);

/* The shortest time between two batches of an urgent viewer (us); 0: send each frame at once. */
void fanout_viewer_pace(struct fanout_viewer *fv, usec_t pace);

/* The stream will not be published: a viewer that has received nothing yet gets FANOUT_TIMEOUT. */
void fanout_viewer_give_up(struct fanout_viewer *fv);
/* The same with FANOUT_LOOP. */
void fanout_viewer_looped(struct fanout_viewer *fv);

/* The viewer's stream now has a publisher, or has none any more. Sets the viewer's admission class
 * (app/core/admission.h). */
void fanout_viewer_is_live(struct fanout_viewer *fv, int is_live);

/* 1 once the viewer has taken the first bytes of the stream. */
int fanout_viewer_has_begun(const struct fanout_viewer *fv);

/* Bytes to send between two batches (RTMP answers, WebSocket pongs); copied. 0, or -1 beyond a
 * limit. */
int fanout_viewer_inject(struct fanout_viewer *fv, const void *data, size_t len);
/* The same for the last bytes of the connection: no media follows, and the pump returns
 * FANOUT_ENDED once they are sent. 0 or -1. */
int fanout_viewer_finish(struct fanout_viewer *fv, const void *data, size_t len);
/* For shutdown: ends the answer as its framing requires (last chunk; WebSocket close 1001) if that
 * is possible without waiting. */
void fanout_viewer_part(struct fanout_viewer *fv);
/* Sends the rest of a batch and of the answers, and nothing more: 1 when all is sent, 0 while the
 * socket blocks, -1 on failure. */
int fanout_viewer_settle(struct fanout_viewer *fv);
/* Sends everything that follows on another connection (borrowed). Call it after
 * fanout_viewer_settle(). */
void fanout_viewer_move(struct fanout_viewer *fv, struct net_conn *conn);
/*
 * Moves the viewer to another stream (live/viewer_switch.h); its pump returns FANOUT_MOVED when it
 * is there. A second call replaces the first, if the viewer has not left yet. 0, or -1: it cannot
 * be moved now. fanout_viewer_stay() gives that up; fanout_viewer_is_switching() says whether it is
 * under way.
 */
int fanout_viewer_switch(struct fanout_viewer *fv, struct source *to, enum viewer_switch_way way);
void fanout_viewer_stay(struct fanout_viewer *fv);
int fanout_viewer_is_switching(const struct fanout_viewer *fv);
/* Lets a viewer that is switching look again at what the other stream has. */
void fanout_viewer_look(struct fanout_viewer *fv);
/* Whether its socket takes no more at present. */
int fanout_viewer_is_blocked(const struct fanout_viewer *fv);
/* pause: 1 pauses the viewer; 0 continues at the newest keyframe. */
void fanout_viewer_pause(struct fanout_viewer *fv, int pause);

#endif
