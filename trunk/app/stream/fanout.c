/*
 * The fan-out's viewers: each is parked in a slot of its stream's channel (fanout_channel.c), which
 * sends for it. A viewer whose socket blocks leaves its slot and continues in its own coroutine
 * (fanout_viewer_pump) until it has caught up.
 */
#include "app/stream/fanout.h"

#include "app/core/metrics.h"
#include "app/core/server.h"
#include "app/stream/fanout_private.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"

#include <assert.h>
#include <stdlib.h>

/* Unsent bytes the kernel may hold for one viewer before it counts as blocked. */
#define FANOUT_NOTSENT_LOWAT (128 * 1024)
/* A viewer that takes nothing at all for this long is closed. */
#define FANOUT_STALL ((usec_t)120 * USEC_PER_SEC)
/* How often a viewer that waits for a keyframe checks that the stream is still published. */
#define FANOUT_LOOK USEC_PER_SEC
/* ---- a viewer ---- */

/* The stream's channel, made if there is none. NULL without memory. */
static struct fanout_channel *fanout_channel_of(struct fanout *fanout, struct source *source,
                                                const struct config_vhost *vhost)
{
    struct fanout_stream *own = observer_state(source_data(source), &fanout_observer);

    if (own->channel == NULL)
        own->channel = fanout_channel_new(fanout, source, vhost);
    return own->channel;
}

static void fanout_urge(struct fanout_viewer *fv)
{
    fv->is_urgent = 1;
    fv->next_urgent = fv->channel->urgent;
    fv->channel->urgent = fv;
}

static void fanout_not_urgent(struct fanout_viewer *fv)
{
    struct fanout_viewer **link = &fv->channel->urgent;

    if (!fv->is_urgent)
        return;
    while (*link != fv)
        link = &(*link)->next_urgent;
    *link = fv->next_urgent;
    fv->is_urgent = 0;
}

static void fanout_enter(struct fanout_viewer *fv, struct fanout_channel *channel)
{
    const struct stream *stream = source_data(channel->source);

    fv->channel = channel;
    /* A publisher that delays its reads while there are no viewers must read now. */
    if (channel->viewers == 0 && stream->publisher != NULL)
        net_wake_owner(stream->publisher->conn);
    channel->viewers++;
    fv->slot = (uint8_t)(channel->next_slot++ % FANOUT_SLOTS);
}

/* A viewer has left; the last one ends the channel, whose coroutine frees it. */
static void fanout_leave(struct fanout_channel *channel)
{
    struct fanout_stream *own = observer_state(source_data(channel->source), &fanout_observer);

    channel->viewers--;
    if (channel->viewers > 0)
        return;
    own->channel = NULL;
    channel->is_stopping = 1;
    co_cond_signal(&channel->cond);
}

struct fanout_viewer *fanout_viewer_open(struct server *server, struct net_conn *conn,
                                         struct viewer *viewer,
                                         const struct fanout_viewer_opts *opts)
{
    struct fanout *fanout = observer_own(server, &fanout_observer);
    struct fanout_channel *channel = NULL;
    struct fanout_viewer *fv = calloc(1, sizeof(*fv));

    if (fv != NULL && opts->head != NULL)
        fv->head = malloc(sizeof(*fv->head));
    /* The channel last: without a viewer nothing would end it. */
    if (fv != NULL && (opts->head == NULL || fv->head != NULL))
        channel = fanout_channel_of(fanout, viewer_source(viewer), opts->vhost);
    if (channel == NULL) {
        if (fv != NULL)
            free(fv->head);
        free(fv);
        viewer_close(viewer);
        return NULL;
    }
    if (opts->head != NULL) {
        *fv->head = *opts->head;
        buf_init(opts->head, opts->head->max);
    }
    fanout->viewers++;
    fv->conn = conn;
    fv->viewer = viewer;
    fv->framing = (uint8_t)opts->framing;
    fv->requested_at = opts->requested_at;
    fanout_enter(fv, channel);
    if (opts->is_urgent)
        fanout_urge(fv);
    viewer_set_owner(viewer, fv);
    net_tune(conn, FANOUT_NOTSENT_LOWAT, opts->vhost->tcp_nodelay || opts->vhost->min_latency);
    return fv;
}

void fanout_viewer_close(struct fanout_viewer *fv)
{
    struct fanout_channel *channel = fv->channel;

    fanout_not_urgent(fv);
    fanout_unpark(fv);
    /* Closing the viewer may free its format, whose address identifies a shared batch. */
    fanout_shared_forget(channel);
    viewer_close(fv->viewer);
    free(fv->pending);
    fanout_done_with_head(fv);
    if (fv->inject != NULL) {
        buf_fini(fv->inject);
        free(fv->inject);
    }
    free(fv);
    channel->fanout->viewers--;
    fanout_leave(channel);
}

usec_t fanout_pace(const struct stream *stream)
{
    const struct fanout_stream *own = observer_state(stream, &fanout_observer);
    const struct fanout_channel *channel = own->channel;
    usec_t pace = 0;

    if (channel == NULL)
        return 0;
    pace = channel->interval;
    for (const struct fanout_viewer *fv = channel->urgent; fv != NULL; fv = fv->next_urgent)
        if (fv->pace * FANOUT_PACE_PART < pace)
            pace = fv->pace * FANOUT_PACE_PART;
    return pace;
}

static int fanout_is_broken(const struct fanout_viewer *fv)
{
    return fv->is_broken || fv->conn->closed;
}

void fanout_viewer_pace(struct fanout_viewer *fv, usec_t pace)
{
    fv->pace = pace;
    fv->next_at = clock_now() + pace;
}

/* How long an urgent viewer must still wait before its next batch. */
static usec_t fanout_pause(const struct fanout_viewer *fv)
{
    usec_t now;

    if (fv->pace == 0 || fv->is_blocked || !viewer_has_begun(fv->viewer))
        return 0;
    now = clock_now();
    return fv->next_at > now ? fv->next_at - now : 0;
}

/* Sends everything available now. */
static void fanout_push_own(struct fanout_viewer *fv)
{
    fv->is_due = 0;
    fanout_push(fv);
    /* Allow batches to arrive a quarter of the pace early, so that none waits for the next. */
    if (fv->pace > 0)
        fv->next_at = clock_now() + fv->pace - fv->pace / 4;
}

/* Trims the stack once while the viewer waits and once after its start, so that a waiting viewer
 * takes no more memory than a watching one. */
static void fanout_trim(struct fanout_viewer *fv, int has_begun)
{
    int wanted = has_begun ? TRIMMED_BEGUN : TRIMMED_WAITING;

    if (fv->trimmed >= wanted)
        return;
    fv->trimmed = (uint8_t)wanted;
    co_stack_trim();
}

/* How a viewer has ended. */
static enum fanout_wait fanout_ended(const struct fanout_viewer *fv)
{
    if (!fv->is_ended || viewer_has_begun(fv->viewer))
        return FANOUT_ENDED;
    return viewer_is_far(fv->viewer) ? FANOUT_FAR : FANOUT_UNFIT;
}

/* Makes what the viewer asks for, as far as that takes time. */
static MAY_YIELD void fanout_prepare(const struct fanout_viewer *fv)
{
    while (!fanout_is_broken(fv) && viewer_prepare(fv->viewer))
        co_yield ();
}

/* The viewer has taken its place at another stream: 1, or 0. */
static int fanout_follow(struct fanout_viewer *fv)
{
    struct fanout_channel *channel = fv->channel;
    struct server *server = channel->fanout->server;
    struct source *source = viewer_source(fv->viewer);
    const struct stream *stream = source_data(source);
    const struct config_vhost *vhost;

    if (source == channel->source)
        return 0;
    vhost = config_vhost_find(server->config, stream->vhost);
    fanout_not_urgent(fv);
    channel = vhost != NULL ? fanout_channel_of(channel->fanout, source, vhost) : NULL;
    if (channel == NULL) {
        fv->is_broken = 1;
        return 0;
    }
    fanout_leave(fv->channel);
    fanout_enter(fv, channel);
    fanout_urge(fv);
    return 1;
}

/* A step of a switch: 1 if the viewer is at another stream now. */
static int fanout_switch(struct fanout_viewer *fv)
{
    int has_moved = fanout_follow(fv);

    if (!viewer_switch_is_pending(fv->viewer)) {
        fanout_not_urgent(fv);
        fv->is_switching = 0;
    }
    return has_moved;
}

enum fanout_wait fanout_viewer_pump(struct fanout_viewer *fv, usec_t timeout)
{
    usec_t deadline = timeout == USEC_NEVER ? USEC_NEVER : clock_now() + timeout;

    fanout_prepare(fv);
    for (;;) {
        usec_t pause = fanout_pause(fv);
        usec_t wait = USEC_NEVER;
        int has_begun;
        int events;

        if (!fanout_is_broken(fv) && !fv->is_parked && pause == 0)
            fanout_push_own(fv);
        else if (pause > 0 && fv->is_due)
            wait = pause;
        if (fv->is_switching && fanout_switch(fv))
            return FANOUT_MOVED;
        if (fanout_is_broken(fv))
            return FANOUT_BROKEN;
        if (fv->is_over && !fv->is_blocked)
            return fanout_ended(fv);
        has_begun = viewer_has_begun(fv->viewer);
        if (!fv->is_blocked && !fv->is_urgent)
            fanout_park(fv);
        else if (fv->is_blocked)
            wait = FANOUT_STALL;
        if (!has_begun && fv->is_in_vain)
            return fv->is_looped ? FANOUT_LOOP : FANOUT_TIMEOUT;
        if (!has_begun && deadline != USEC_NEVER) {
            wait = deadline - clock_now();
            if (wait <= 0 && source_state(fv->channel->source) != SOURCE_LIVE)
                return FANOUT_TIMEOUT;
            if (wait <= 0)
                wait = FANOUT_LOOK;
        }
        fanout_trim(fv, has_begun);
        events = net_wait(fv->conn, NET_IN | (fv->is_blocked ? NET_OUT : 0), wait);
        if (events < 0)
            return FANOUT_BROKEN;
        if (events == 0 && pause > 0)
            continue;
        if (events == 0 && viewer_has_begun(fv->viewer))
            return fv->is_blocked ? FANOUT_BROKEN : FANOUT_INPUT;
        if (events & (NET_IN | NET_HUP))
            return FANOUT_INPUT;
    }
}

int fanout_viewer_has_begun(const struct fanout_viewer *fv)
{
    return viewer_has_begun(fv->viewer);
}

int fanout_viewer_inject(struct fanout_viewer *fv, const void *data, size_t len)
{
    /* Its own coroutine sends it: leave the slot, so that the next pump sends. */
    fanout_unpark(fv);
    return fanout_inject(fv, data, len);
}

int fanout_viewer_finish(struct fanout_viewer *fv, const void *data, size_t len)
{
    fv->is_over = 1;
    return fanout_viewer_inject(fv, data, len);
}

int fanout_viewer_settle(struct fanout_viewer *fv)
{
    uint8_t is_over = fv->is_over;

    fanout_unpark(fv);
    fv->is_over = 1; /* no media follows */
    fanout_push(fv);
    fv->is_over = is_over;
    if (fanout_is_broken(fv))
        return -1;
    return fv->pending == NULL && fv->inject == NULL;
}

void fanout_viewer_move(struct fanout_viewer *fv, struct net_conn *conn)
{
    assert(!fv->is_parked && fv->pending == NULL && fv->inject == NULL);
    fv->conn = conn;
    fv->is_blocked = 0;
}

void fanout_viewer_pause(struct fanout_viewer *fv, int pause)
{
    if (fv->is_paused && !pause && fv->pending == NULL)
        viewer_skip(fv->viewer);
    fv->is_paused = (uint8_t)pause;
    fanout_unpark(fv);
}

int fanout_viewer_switch(struct fanout_viewer *fv, struct source *to, enum viewer_switch_way way)
{
    if ((fv->is_urgent && !fv->is_switching) || fv->is_paused || fv->is_over || fv->is_ended ||
        viewer_switch_begin(fv->viewer, to, way) != 0)
        return -1;
    if (!fv->is_switching) {
        fanout_unpark(fv);
        fanout_urge(fv);
        fv->is_switching = 1;
    }
    net_wake_owner(fv->conn);
    return 0;
}

void fanout_viewer_stay(struct fanout_viewer *fv)
{
    viewer_switch_cancel(fv->viewer);
    fanout_viewer_look(fv);
}

int fanout_viewer_is_switching(const struct fanout_viewer *fv)
{
    return fv->is_switching;
}

void fanout_viewer_look(struct fanout_viewer *fv)
{
    if (fv->is_switching)
        net_wake_owner(fv->conn);
}

int fanout_viewer_is_blocked(const struct fanout_viewer *fv)
{
    return fv->is_blocked;
}

void fanout_viewer_give_up(struct fanout_viewer *fv)
{
    fv->is_in_vain = 1;
    net_wake_owner(fv->conn);
}

void fanout_viewer_looped(struct fanout_viewer *fv)
{
    fv->is_looped = 1;
    fanout_viewer_give_up(fv);
}

void fanout_viewer_evict(struct fanout_viewer *fv)
{
    fv->is_broken = 1;
    net_wake_owner(fv->conn);
}

/* ---- the row ---- */

/* The viewer is about to receive its first bytes. */
static void fanout_on_begin(struct stream *stream, void *state, struct viewer *viewer)
{
    const struct fanout_viewer *fv = viewer_owner(viewer);

    (void)state;
    if (fv != NULL && fv->requested_at != 0)
        metrics_observe(stream->server->metrics, METRICS_STARTUP_TIME, NULL,
                        co_now() - fv->requested_at);
}

/* A viewer without an owner does not belong to the fan-out. */
static int fanout_on_evict(struct stream *stream, void *state, struct viewer *viewer)
{
    (void)stream;
    (void)state;
    if (viewer_owner(viewer) == NULL)
        return 0;
    fanout_viewer_evict(viewer_owner(viewer));
    return 1;
}

static void fanout_on_vhost(struct stream *stream, void *state, const struct config_vhost *before,
                            const struct config_vhost *vhost)
{
    const struct fanout_stream *own = state;

    (void)stream;
    (void)before;
    if (own->channel != NULL)
        fanout_channel_set(own->channel, vhost);
}

static struct err *fanout_open(struct server *server, void **own)
{
    struct fanout *fanout = calloc(1, sizeof(*fanout));

    if (fanout == NULL)
        return err_new(ERR_NOMEM, "fan-out");
    fanout->server = server;
    *own = fanout;
    return NULL;
}

static void fanout_close(struct server *server, void *own)
{
    (void)server;
    free(own);
}

const struct observer fanout_observer = {.name = "fan-out",
                                         .state_size = sizeof(struct fanout_stream),
                                         .open = fanout_open,
                                         .close = fanout_close,
                                         .on_vhost = fanout_on_vhost,
                                         .on_data = fanout_on_data,
                                         .on_begin = fanout_on_begin,
                                         .on_evict = fanout_on_evict};
