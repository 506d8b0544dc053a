/*
 * The fan-out's channels: one coroutine per watched stream sends new bytes straight from the ring
 * to all parked viewers. The cost is the number of sends, so mw_latency batches them. With an
 * interval, viewers are spread over slots, and each slot is served at its own time in the interval,
 * so that no burst blocks the event loop.
 */
#include "app/stream/fanout_private.h"

#include <stdlib.h>

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

void fanout_park(struct fanout_viewer *fv)
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

void fanout_unpark(struct fanout_viewer *fv)
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

/* The shortest interval that is worth its delay. Where audio waits for video, a video frame's time
 * is between two writes anyway. */
static usec_t fanout_shortest(const struct fanout_channel *channel)
{
    const struct fanout_audio *audio = &channel->audio;

    return audio->is_on && audio->frame_time > FANOUT_AUTO_MIN ? audio->frame_time
                                                               : FANOUT_AUTO_MIN;
}

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
    if (us < (double)fanout_shortest(channel))
        us = 0;
    if (us > (double)FANOUT_AUTO_MAX)
        us = (double)FANOUT_AUTO_MAX;
    return (usec_t)us > channel->interval_min ? (usec_t)us : channel->interval_min;
}

static void fanout_measure(struct fanout_channel *channel, usec_t now)
{
    struct source_stat stat;
    struct source_time time;
    usec_t span = now - channel->rate_at;

    if (channel->rate_at != 0 && span < USEC_PER_SEC)
        return;
    source_stat(channel->source, &stat);
    if (channel->rate_at != 0)
        channel->rate_kb =
            (double)(stat.bytes_in - channel->rate_bytes) / 1024.0 * 1e6 / (double)span;
    source_time(channel->source, &time);
    fanout_audio_set(&channel->audio, stat.video != CODEC_NONE ? time.duration[1] : 0);
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
    fanout_audio_sent(&channel->audio);
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

/* Until there is something to send. */
static MAY_YIELD void fanout_channel_wait(struct fanout_channel *channel)
{
    channel->is_idle = 1;
    if (channel->audio.until != 0)
        (void)co_cond_wait_until(&channel->cond, channel->audio.until);
    else
        (void)co_cond_wait(&channel->cond, USEC_NEVER);
    channel->is_idle = 0;
    if (fanout_audio_is_due(&channel->audio, clock_now()))
        channel->is_dirty = 1;
}

static MAY_YIELD void fanout_channel_run(void *arg)
{
    struct fanout_channel *channel = arg;

    while (!channel->is_stopping) {
        usec_t interval;

        if (!channel->is_dirty) {
            fanout_channel_wait(channel);
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

/* Whether the audio frame that has just come waits for video. With an interval, it goes with the
 * interval's bytes. The coroutine learns the time until which it waits. */
static int fanout_holds(struct fanout_channel *channel)
{
    int is_first = channel->audio.until == 0;

    if (channel->interval > 0 || channel->beginners > 0 ||
        !fanout_audio_waits(&channel->audio, clock_now()))
        return 0;
    if (is_first && channel->is_idle)
        co_cond_signal(&channel->cond);
    return 1;
}

/* The stream has new bytes, or has ended. */
void fanout_on_data(struct stream *stream, void *state)
{
    struct fanout_channel *channel = ((struct fanout_stream *)state)->channel;
    enum source_news news;

    (void)stream;
    if (channel == NULL)
        return;
    news = source_news(channel->source);
    fanout_shared_forget(channel);
    for (struct fanout_viewer *fv = channel->urgent; fv != NULL; fv = fv->next_urgent) {
        if (!fv->is_due)
            net_wake_owner(fv->conn);
        fv->is_due = 1;
    }
    if (news == SOURCE_NEWS_VIDEO)
        fanout_audio_note_video(&channel->audio, clock_now());
    /* Apply mw_msgs unless a viewer still waits for its first bytes. */
    if (source_state(channel->source) == SOURCE_LIVE && ++channel->units < channel->units_min &&
        channel->beginners == 0)
        return;
    if (news == SOURCE_NEWS_AUDIO && !channel->is_dirty && fanout_holds(channel))
        return;
    channel->is_dirty = 1;
    if (channel->is_idle)
        co_cond_signal(&channel->cond);
}

void fanout_channel_set(struct fanout_channel *channel, const struct config_vhost *vhost)
{
    channel->units_min = (uint32_t)vhost->play.mw_msgs;
    channel->interval_fixed = vhost->min_latency ? 0 : vhost->play.mw_latency;
    channel->interval_min = vhost->play.send_min_interval;
    channel->audio.is_on = vhost->play.audio_wait != 0;
}

struct fanout_channel *fanout_channel_new(struct fanout *fanout, struct source *source,
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
