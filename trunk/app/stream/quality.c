/*
 * Changes the rung of viewers of ?quality=auto. A viewer whose queue stands gets the best rung that
 * its connection has carried lately; one that has been clear for long enough tries the next better
 * one. While it is on its way the other rung counts it, so that an edge pulls that.
 */
#include "app/stream/quality.h"

#include "app/core/metrics.h"
#include "app/core/server.h"
#include "app/stream/quality_judge.h"
#include "app/stream/rungs.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "live/viewer_measure.h"

#include <assert.h>
#include <stdlib.h>

/* A switch that takes longer is given up: the rung does not come, or has no keyframe in common. */
#define QUALITY_SWITCH ((usec_t)15 * USEC_PER_SEC)
/* After the stream has had no publisher for so long, the viewer looks for another rung. */
#define QUALITY_ABSENT ((usec_t)USEC_PER_SEC)
/* A path carries a rung if it has carried this much more than the rung's mean, in percent. */
#define QUALITY_ROOM        115
#define QUALITY_ROOM_BETTER 130
/* Without that knowledge a better rung is tried after so many times the clear time. */
#define QUALITY_BLIND 3

struct quality {
    struct quality *prev, *next;
    struct fanout_viewer *fv;
    struct session_entry *entry;
    struct quality_judge judge;
    quality_rungs rungs;
    uint64_t names;   /* of the ladder's rungs: their numbers change with the configuration */
    usec_t switch_at; /* when the switch that is under way began; 0: none */
    usec_t absent_at; /* since when its stream has no publisher; 0: it has one */
    int8_t from;      /* the index of its rung before the switch */
};

struct quality_row {
    struct quality *first;
};

/* ---- rungs ---- */

static uint64_t names_of(const struct ladder *ladder)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (int i = 0; i < ladder->count; i++)
        for (int k = 0; k < 2; k++)
            for (const char *p = k == 0 ? ladder->rung[i].app : ladder->rung[i].name;; p++) {
                hash = (hash ^ (uint8_t)*p) * 1099511628211u;
                if (*p == '\0')
                    break;
            }
    return hash;
}

/* What is known about a rung of this vhost: 1 if it is published. */
static int look(const struct server *server, const char *vhost, const struct ladder *ladder, int at,
                struct source_facts *facts)
{
    struct source_peer peer = {.is_live = 0};
    char key[SOURCE_KEY_MAX];

    *facts = (struct source_facts){.is_decided = 0};
    return str_format(key, sizeof(key), "%s/%s/%s", vhost, ladder->rung[at].app,
                      ladder->rung[at].name) == 0 &&
           rungs_look(server, key, &peer, facts);
}

int quality_first(const struct server *server, const char *vhost, const struct ladder *ladder)
{
    int wanted = ladder->at >= 0 ? ladder->at : ladder->count / 2;
    struct source_facts facts;

    for (int step = 0; step < ladder->count; step++) {
        int worse = wanted + step, better = wanted - step;

        if (worse < ladder->count && look(server, vhost, ladder, worse, &facts))
            return worse;
        if (better >= 0 && look(server, vhost, ladder, better, &facts))
            return better;
    }
    return wanted;
}

/* The viewer's ladder as it is configured now. 0, or -1: it is another one, or none. */
static int ladder_of(const struct quality *quality, struct ladder *out)
{
    const struct stream *stream = source_data(quality->entry->source);

    return rungs_ladder(stream, out) == 0 && names_of(out) == quality->names ? 0 : -1;
}

/* Whether the viewer may get this rung, and it is published or can be pulled. */
static int is_open(const struct quality *quality, const struct ladder *ladder, int at,
                   struct source_facts *facts)
{
    const struct stream *stream = source_data(quality->entry->source);
    const struct server *server = stream->server;
    const struct config_vhost *vhost = config_vhost_find(server->config, stream->vhost);

    if (at == ladder->at || !(quality->rungs & (quality_rungs)1 << at))
        return 0;
    return look(server, stream->vhost, ladder, at, facts) ||
           (vhost != NULL && observers_fetch(server->tables, vhost));
}

static uint64_t rate_of(const struct source_facts *facts, int percent)
{
    return (uint64_t)facts->kbps * 125 * (uint64_t)percent / 100;
}

/* The best worse rung that a path of this rate (bytes per second) carries, else the worst; -1:
 * there is none. */
static int pick_worse(const struct quality *quality, const struct ladder *ladder, uint64_t rate)
{
    struct source_facts facts;
    int picked = -1;

    for (int i = ladder->at + 1; i < ladder->count; i++) {
        if (!is_open(quality, ladder, i, &facts))
            continue;
        picked = i;
        /* Of a rung that is not here yet nothing is known: one step after the other. */
        if (facts.kbps == 0 || rate_of(&facts, QUALITY_ROOM) <= rate)
            break;
    }
    return picked;
}

/* The next better rung if the path may carry it; -1: there is none. */
static int pick_better(const struct quality *quality, const struct ladder *ladder, usec_t now)
{
    const struct quality_judge *judge = &quality->judge;
    struct source_facts facts;
    struct net_path path;
    int i = ladder->at - 1;

    while (i >= 0 && !is_open(quality, ladder, i, &facts))
        i--;
    if (i < 0)
        return -1;
    if (net_path(quality->entry->conn, &path) == 0 && path.rate > 0 &&
        path.rate < rate_of(&facts, QUALITY_ROOM_BETTER) &&
        now - judge->clear_since < QUALITY_BLIND * judge->clear_needed)
        return -1;
    return i;
}

/* Any other rung, the nearest worse one first, but rather one that is here; -1: there is none. */
static int pick_present(const struct quality *quality, const struct ladder *ladder)
{
    int absent = -1;

    for (int step = 1; step < ladder->count; step++) {
        /* From the present one down, then from it up. */
        int i = ladder->at + step < ladder->count ? ladder->at + step : ladder->count - 1 - step;
        struct source_facts facts;

        if (!is_open(quality, ladder, i, &facts))
            continue;
        if (facts.is_decided)
            return i;
        if (absent < 0)
            absent = i;
    }
    return absent;
}

/* ---- switches ---- */

/* Begins to move the viewer to this rung; -1: there is none for it. */
static void try_rung(struct quality *quality, const struct ladder *ladder, int to,
                     enum viewer_switch_way way, usec_t now)
{
    const struct stream *stream = source_data(quality->entry->source);
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);
    struct source *source = NULL;
    struct err *err = NULL;

    if (vhost != NULL && to >= 0)
        source =
            stream_get(stream->server, vhost, ladder->rung[to].app, ladder->rung[to].name, &err);
    err_free(err);
    if (source == NULL || fanout_viewer_switch(quality->fv, source, way) != 0) {
        quality_judge_refused(&quality->judge, now);
        return;
    }
    quality->switch_at = now;
    quality->from = (int8_t)ladder->at;
}

/* A switch is under way: it may take too long. */
static void follow_switch(struct quality *quality, usec_t now)
{
    if (!fanout_viewer_is_switching(quality->fv)) {
        quality->switch_at = 0;
        return;
    }
    fanout_viewer_look(quality->fv);
    if (now - quality->switch_at < QUALITY_SWITCH)
        return;
    fanout_viewer_stay(quality->fv);
    quality->switch_at = 0;
    quality_judge_refused(&quality->judge, now);
}

/* The stream of the viewer has lost its publisher: another rung may have one. */
static int is_absent(struct quality *quality, usec_t now)
{
    if (source_state(quality->entry->source) == SOURCE_LIVE) {
        quality->absent_at = 0;
        return 0;
    }
    if (quality->absent_at == 0)
        quality->absent_at = now;
    return now - quality->absent_at >= QUALITY_ABSENT;
}

/* How much of its stream waits for the viewer, and what it has taken. A long round trip is looked
 * at only if it matters. */
static void take_sample(const struct quality *quality, usec_t now, struct quality_sample *sample)
{
    const struct session_entry *entry = quality->entry;
    uint64_t unacknowledged = net_unacknowledged(entry->conn);
    usec_t lag = entry->viewer != NULL ? viewer_measure_lag(entry->viewer) : 0;
    struct source_facts facts;
    struct net_path path;

    sample->now = now;
    sample->waiting = fanout_viewer_is_blocked(quality->fv) && lag > 0 ? lag : 0;
    sample->acked = entry->conn->bytes_out - unacknowledged;
    source_facts(entry->source, &facts);
    if (facts.kbps == 0)
        return;
    sample->waiting += (usec_t)unacknowledged * 8 * USEC_PER_MS / facts.kbps;
    if (sample->waiting >= QUALITY_JUDGE_LATE && net_path(entry->conn, &path) == 0)
        sample->waiting -= 2 * path.min_rtt < sample->waiting ? 2 * path.min_rtt : sample->waiting;
}

static void judge_one(struct quality *quality, usec_t now)
{
    struct quality_sample sample;
    struct ladder ladder;
    uint64_t rate = 0;
    int to = -1;

    if (!quality_judge_wants(&quality->judge, now))
        return;
    take_sample(quality, now, &sample);
    switch (quality_judge_take(&quality->judge, &sample, &rate)) {
    case QUALITY_STAY:
        break;
    case QUALITY_WORSE:
        if (ladder_of(quality, &ladder) == 0)
            to = pick_worse(quality, &ladder, rate);
        try_rung(quality, &ladder, to, VIEWER_SWITCH_HASTE, now);
        break;
    case QUALITY_BETTER:
        if (ladder_of(quality, &ladder) == 0)
            to = pick_better(quality, &ladder, now);
        try_rung(quality, &ladder, to, VIEWER_SWITCH_SMOOTH, now);
        break;
    }
}

static void quality_tick(struct server *server, void *own, usec_t now)
{
    struct quality_row *row = own;

    (void)server;
    for (struct quality *quality = row->first; quality != NULL; quality = quality->next) {
        struct ladder ladder;

        if (!fanout_viewer_has_begun(quality->fv))
            continue;
        if (quality->switch_at != 0)
            follow_switch(quality, now);
        else if (!is_absent(quality, now))
            judge_one(quality, now);
        else if (now >= quality->judge.retry_at && ladder_of(quality, &ladder) == 0)
            try_rung(quality, &ladder, pick_present(quality, &ladder), VIEWER_SWITCH_HASTE, now);
    }
}

void quality_moved(struct server *server, struct quality *quality)
{
    struct ladder ladder;
    int is_better = 0;

    if (ladder_of(quality, &ladder) == 0)
        is_better = ladder.at < quality->from;
    quality->entry->switches++;
    quality->absent_at = 0;
    quality_judge_arrived(&quality->judge, is_better, clock_now());
    metrics_add_label(server->metrics, METRICS_QUALITY_SWITCHES, is_better ? "up" : "down", 1);
    log_info(server->log, "play %s: quality=auto continues here, %s than before",
             source_key(quality->entry->source), is_better ? "better" : "worse");
}

/* ---- viewers ---- */

/* Players that ignore a second sequence header need parameter sets in-band wherever they may go. */
static void prepare_rungs(const struct server *server, const char *vhost,
                          const struct ladder *ladder)
{
    char key[SOURCE_KEY_MAX];

    for (int i = 0; i < ladder->count; i++) {
        struct source *source = NULL;

        if (str_format(key, sizeof(key), "%s/%s/%s", vhost, ladder->rung[i].app,
                       ladder->rung[i].name) == 0)
            source = hub_find(server->hub, key);
        if (source != NULL)
            source_repeat_sets(source);
    }
}

struct quality *quality_open(struct server *server, struct fanout_viewer *fv,
                             struct session_entry *entry, quality_rungs rungs)
{
    struct quality_row *row = observer_own(server, &quality_observer);
    const struct stream *stream = source_data(entry->source);
    struct quality *quality;
    struct ladder ladder;

    if (row == NULL || rungs_ladder(stream, &ladder) != 0)
        return NULL;
    quality = calloc(1, sizeof(*quality));
    if (quality == NULL)
        return NULL;
    quality->fv = fv;
    quality->entry = entry;
    quality->rungs = rungs;
    quality->names = names_of(&ladder);
    quality_judge_begin(&quality->judge, clock_now());
    quality->next = row->first;
    if (quality->next != NULL)
        quality->next->prev = quality;
    row->first = quality;
    entry->is_auto = 1;
    prepare_rungs(server, stream->vhost, &ladder);
    return quality;
}

void quality_close(struct server *server, struct quality *quality)
{
    struct quality_row *row = observer_own(server, &quality_observer);

    if (quality == NULL)
        return;
    if (quality->prev != NULL)
        quality->prev->next = quality->next;
    else
        row->first = quality->next;
    if (quality->next != NULL)
        quality->next->prev = quality->prev;
    free(quality);
}

/* ---- the row ---- */

static struct err *quality_row_open(struct server *server, void **own)
{
    (void)server;
    *own = calloc(1, sizeof(struct quality_row));
    return *own != NULL ? NULL : err_new(ERR_NOMEM, "qualities");
}

static void quality_row_close(struct server *server, void *own)
{
    (void)server;
    free(own);
}

/* Viewers may be moved to this stream while it is published. */
static void quality_on_publish(struct stream *stream, void *state)
{
    const struct quality_row *row = observer_own(stream->server, &quality_observer);
    struct ladder ladder;

    (void)state;
    if (row->first != NULL && rungs_ladder(stream, &ladder) == 0)
        source_repeat_sets(stream->source);
}

const struct observer quality_observer = {.name = "qualities",
                                          .open = quality_row_open,
                                          .close = quality_row_close,
                                          .tick = quality_tick,
                                          .on_publish = quality_on_publish};
