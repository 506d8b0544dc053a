/*
 * The fan-out: one coroutine per watched stream sends new bytes straight from the ring to all
 * viewers whose sockets accept them. The cost is the number of sends, so mw_latency batches them.
 * With an interval, viewers are spread over slots, and each slot is served at its own time in the
 * interval, so that no burst blocks the event loop.
 *
 * A viewer whose socket blocks leaves its slot and continues in its own coroutine
 * (fanout_viewer_pump) until it has caught up.
 */
#include "app/stream/fanout.h"

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
#define FANOUT_LOOK       USEC_PER_SEC
#define FANOUT_INJECT_MAX ((size_t)64 * 1024)
/* Let other coroutines run when one pass has taken this long. */
#define FANOUT_SLICE ((usec_t)2000)
/* mw_latency auto: a send costs 2.6 us plus 0.08 us per KB; sends may take a fifth of a core. */
#define FANOUT_SEND_US  2.6
#define FANOUT_KB_US    0.08
#define FANOUT_BUDGET   0.20
#define FANOUT_AUTO_MIN ((usec_t)15 * USEC_PER_MS)
#define FANOUT_AUTO_MAX ((usec_t)350 * USEC_PER_MS)
/* An interval is divided into ticks of about this length; each tick serves some of the slots. */
#define FANOUT_TICK ((usec_t)10 * USEC_PER_MS)
/* The viewers that justify one more tick: a millisecond of sends. */
#define FANOUT_TICK_VIEWERS 256

/* ---- slots ---- */

static void fanout_park(struct fanout_viewer *fv)
{
    struct fanout_viewer **head = &fv->channel->slot[fv->slot];

    if (fv->is_parked)
        return;
    if (!viewer_has_begun(fv->viewer))
        fv->channel->beginners++;
    fv->prev = NULL;
    fv->next = *head;
    if (fv->next != NULL)
        fv->next->prev = fv;
    *head = fv;
    fv->is_parked = 1;
}

static void fanout_unpark(struct fanout_viewer *fv)
{
    if (!fv->is_parked)
        return;
    if (fv->prev != NULL)
        fv->prev->next = fv->next;
    else
        fv->channel->slot[fv->slot] = fv->next;
    if (fv->next != NULL)
        fv->next->prev = fv->prev;
    fv->is_parked = 0;
}

static void fanout_serve_slot(struct fanout_channel *channel, int slot)
{
    struct fanout_viewer *next;

    for (struct fanout_viewer *fv = channel->slot[slot]; fv != NULL; fv = next) {
        next = fv->next;
        if (next != NULL) {
            __builtin_prefetch(next->viewer);
            __builtin_prefetch(next->conn);
            __builtin_prefetch(next->next);
        }
        fanout_push_parked(fv);
        if (fv->is_blocked || fv->is_broken || fv->is_ended) {
            fanout_unpark(fv);
            net_wake_owner(fv->conn);
        }
    }
}

/* ---- the channel's coroutine ---- */

static usec_t fanout_interval(struct fanout_channel *channel)
{
    double room;
    double us;

    if (channel->interval_fixed >= 0)
        return channel->interval_fixed > channel->interval_min ? channel->interval_fixed
                                                               : channel->interval_min;
    room = FANOUT_BUDGET - (double)channel->fanout->viewers * channel->rate_kb * FANOUT_KB_US / 1e6;
    us = room > 0 ? (double)channel->fanout->viewers * FANOUT_SEND_US / room
                  : (double)FANOUT_AUTO_MAX;
    if (us < (double)FANOUT_AUTO_MIN)
        us = 0;
    if (us > (double)FANOUT_AUTO_MAX)
        us = (double)FANOUT_AUTO_MAX;
    return (usec_t)us > channel->interval_min ? (usec_t)us : channel->interval_min;
}

static void fanout_measure(struct fanout_channel *channel, usec_t now)
{
    struct source_stat stat;
    usec_t span = now - channel->rate_at;

    if (channel->rate_at != 0 && span < USEC_PER_SEC)
        return;
    source_stat(channel->source, &stat);
    if (channel->rate_at != 0)
        channel->rate_kb =
            (double)(stat.bytes_in - channel->rate_bytes) / 1024.0 * 1e6 / (double)span;
    channel->rate_bytes = stat.bytes_in;
    channel->rate_at = now;
}

/* Lets other coroutines run if this pass has held the loop for a slice. */
static MAY_YIELD void fanout_rest(struct fanout_channel *channel)
{
    usec_t now = clock_now();

    if (now - channel->slice_at < FANOUT_SLICE)
        return;
    co_yield ();
    channel->slice_at = clock_now();
}

static void fanout_begin_pass(struct fanout_channel *channel)
{
    channel->is_dirty = 0;
    channel->units = 0;
    channel->beginners = 0;
}

static MAY_YIELD void fanout_serve_all(struct fanout_channel *channel)
{
    fanout_begin_pass(channel);
    channel->slice_at = clock_now();
    for (int slot = 0; slot < FANOUT_SLOTS && !channel->is_stopping; slot++) {
        if (channel->slot[slot] == NULL)
            continue;
        fanout_serve_slot(channel, slot);
        fanout_rest(channel);
    }
}

/* One interval: serves each slot once, at its own time. */
static MAY_YIELD void fanout_serve_interval(struct fanout_channel *channel, usec_t interval)
{
    usec_t begin = clock_now();
    int ticks = (int)(interval / FANOUT_TICK) + 1;
    size_t worth = channel->viewers / FANOUT_TICK_VIEWERS + 1;
    int slot = 0;

    if (ticks > FANOUT_SLOTS)
        ticks = FANOUT_SLOTS;
    if ((size_t)ticks > worth)
        ticks = (int)worth;
    fanout_begin_pass(channel);
    for (int tick = 1; tick <= ticks && !channel->is_stopping; tick++) {
        int until = tick * FANOUT_SLOTS / ticks;

        channel->slice_at = clock_now();
        for (; slot < until && !channel->is_stopping; slot++) {
            if (channel->slot[slot] == NULL)
                continue;
            fanout_serve_slot(channel, slot);
            fanout_rest(channel);
        }
        if (co_cond_wait_until(&channel->cond, begin + interval * tick / ticks) == CO_INTERRUPTED)
            return;
    }
}

static void fanout_channel_free(struct fanout_channel *channel)
{
    co_cond_fini(&channel->cond);
    for (int i = 0; i < FANOUT_SHARED; i++)
        free(channel->shared[i].data);
    source_unref(channel->source);
    free(channel);
}

static MAY_YIELD void fanout_channel_run(void *arg)
{
    struct fanout_channel *channel = arg;

    while (!channel->is_stopping) {
        usec_t interval;

        if (!channel->is_dirty) {
            channel->is_idle = 1;
            (void)co_cond_wait(&channel->cond, USEC_NEVER);
            channel->is_idle = 0;
            continue;
        }
        fanout_measure(channel, clock_now());
        interval = fanout_interval(channel);
        channel->interval = interval;
        if (interval == 0)
            fanout_serve_all(channel);
        else
            fanout_serve_interval(channel, interval);
    }
    fanout_channel_free(channel);
}

/* The stream has new bytes, or has ended. */
static void fanout_on_data(struct stream *stream, void *state)
{
    struct fanout_channel *channel = ((struct fanout_stream *)state)->channel;

    (void)stream;
    if (channel == NULL)
        return;
    fanout_shared_forget(channel);
    for (struct fanout_viewer *fv = channel->urgent; fv != NULL; fv = fv->next_urgent) {
        if (!fv->is_due)
            net_wake_owner(fv->conn);
        fv->is_due = 1;
    }
    /* Apply mw_msgs unless a viewer still waits for its first bytes. */
    if (source_state(channel->source) == SOURCE_LIVE && ++channel->units < channel->units_min &&
        channel->beginners == 0)
        return;
    channel->is_dirty = 1;
    if (channel->is_idle)
        co_cond_signal(&channel->cond);
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

static void fanout_channel_set(struct fanout_channel *channel, const struct config_vhost *vhost)
{
    channel->units_min = (uint32_t)vhost->play.mw_msgs;
    channel->interval_fixed = vhost->min_latency ? 0 : vhost->play.mw_latency;
    channel->interval_min = vhost->play.send_min_interval;
}

static struct fanout_channel *fanout_channel_new(struct fanout *fanout, struct source *source,
                                                 const struct config_vhost *vhost)
{
    struct fanout_channel *channel = calloc(1, sizeof(*channel));
    struct err *err;

    if (channel == NULL)
        return NULL;
    channel->fanout = fanout;
    fanout_channel_set(channel, vhost);
    err = co_cond_init(&channel->cond);
    if (err != NULL) {
        err_free(err);
        free(channel);
        return NULL;
    }
    channel->source = source_ref(source);
    if (co_spawn(fanout_channel_run, channel) == NULL) {
        fanout_channel_free(channel);
        return NULL;
    }
    return channel;
}

/* ---- a viewer ---- */

struct fanout_viewer *fanout_viewer_open(struct server *server, struct net_conn *conn,
                                         struct viewer *viewer,
                                         const struct fanout_viewer_opts *opts)
{
    struct source *source = viewer_source(viewer);
    struct stream *stream = source_data(source);
    struct fanout *fanout = observer_own(server, &fanout_observer);
    struct fanout_stream *own = observer_state(stream, &fanout_observer);
    struct fanout_viewer *fv = calloc(1, sizeof(*fv));

    if (fv != NULL && own->channel == NULL)
        own->channel = fanout_channel_new(fanout, source, opts->vhost);
    if (fv == NULL || own->channel == NULL) {
        free(fv);
        viewer_close(viewer);
        return NULL;
    }
    if (opts->head != NULL) {
        fv->head = malloc(sizeof(*fv->head));
        if (fv->head == NULL) {
            free(fv);
            viewer_close(viewer);
            return NULL;
        }
        *fv->head = *opts->head;
        buf_init(opts->head, opts->head->max);
    }
    fv->channel = own->channel;
    /* A publisher that delays its reads while there are no viewers must read now. */
    if (fv->channel->viewers == 0 && stream->publisher != NULL)
        net_wake_owner(stream->publisher->conn);
    fv->channel->viewers++;
    fanout->viewers++;
    fv->conn = conn;
    fv->viewer = viewer;
    fv->framing = (uint8_t)opts->framing;
    fv->slot = (uint8_t)(fv->channel->next_slot++ % FANOUT_SLOTS);
    fv->is_urgent = opts->is_urgent != 0;
    if (fv->is_urgent) {
        fv->next_urgent = fv->channel->urgent;
        fv->channel->urgent = fv;
    }
    viewer_set_owner(viewer, fv);
    net_tune(conn, FANOUT_NOTSENT_LOWAT, opts->vhost->tcp_nodelay || opts->vhost->min_latency);
    return fv;
}

static void fanout_not_urgent(struct fanout_viewer *fv)
{
    struct fanout_viewer **link = &fv->channel->urgent;

    if (!fv->is_urgent)
        return;
    while (*link != fv)
        link = &(*link)->next_urgent;
    *link = fv->next_urgent;
}

void fanout_viewer_close(struct fanout_viewer *fv)
{
    struct fanout_channel *channel = fv->channel;
    struct fanout_stream *own = observer_state(source_data(channel->source), &fanout_observer);

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
    channel->viewers--;
    if (channel->viewers > 0)
        return;
    /* The channel's coroutine frees it; the next viewer creates another. */
    own->channel = NULL;
    channel->is_stopping = 1;
    co_cond_signal(&channel->cond);
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

enum fanout_wait fanout_viewer_pump(struct fanout_viewer *fv, usec_t timeout)
{
    usec_t deadline = timeout == USEC_NEVER ? USEC_NEVER : clock_now() + timeout;

    for (;;) {
        usec_t pause = fanout_pause(fv);
        usec_t wait = USEC_NEVER;
        int has_begun;
        int events;

        if (!fanout_is_broken(fv) && !fv->is_parked && pause == 0)
            fanout_push_own(fv);
        else if (pause > 0 && fv->is_due)
            wait = pause;
        if (fanout_is_broken(fv))
            return FANOUT_BROKEN;
        if (fv->is_over && !fv->is_blocked)
            return fv->is_ended && !viewer_has_begun(fv->viewer) ? FANOUT_UNFIT : FANOUT_ENDED;
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
    if (fv->inject == NULL) {
        fv->inject = malloc(sizeof(*fv->inject));
        if (fv->inject == NULL)
            return -1;
        buf_init(fv->inject, FANOUT_INJECT_MAX);
    }
    /* Its own coroutine sends it: leave the slot, so that the next pump sends. */
    fanout_unpark(fv);
    return buf_append(fv->inject, data, len);
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
                                         .on_evict = fanout_on_evict};
