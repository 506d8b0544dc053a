/*
 * Rungs share a timeline by taking each other's offset (live/jitter.c); this row tells each stream
 * which others are in its ladder, at whichever process they are published. Whether their keyframes
 * line up is the encoder's doing: it is observed, logged, and shown in the API, since players and
 * ?quality=auto can change the rung only at a keyframe that both have.
 */
#include "app/stream/rungs.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct rungs_stream {
    struct stream *stream;
    struct rungs_stream *prev, *next; /* published rungs of this process */
    uint8_t is_listed;
    uint8_t match;          /* enum rung_match */
    int8_t first_at;        /* the rung that `first` is about; -1: none */
    struct rung_keys own;   /* of this rung, */
    struct rung_keys first; /* and of the first published one */
};

struct rungs {
    struct rungs_stream *first;
};

/* ---- looking ---- */

int rungs_ladder(const struct stream *stream, struct ladder *out)
{
    const struct config *config = stream->server->config;
    const struct config_vhost *vhost =
        config != NULL ? config_vhost_find(config, stream->vhost) : NULL;

    if (vhost == NULL || vhost->ladder.count == 0 || stream->vhost[0] == STREAM_PULLED)
        return -1;
    return ladder_find(&vhost->ladder, stream->app, stream->name, out) == 0 && out->at >= 0 ? 0
                                                                                            : -1;
}

int rungs_look(const struct server *server, const char *key, struct source_peer *peer,
               struct source_facts *facts)
{
    struct source *source = hub_find(server->hub, key);

    int is_here = source != NULL && source_state(source) == SOURCE_LIVE &&
                  !stream_is_worker_pull(source_data(source));

    /* What another process knows, and else what is left of the last publication here. */
    if (!is_here && (observers_find(server, key, peer, facts) || source == NULL))
        return peer->is_live;
    if (source_state(source) == SOURCE_LIVE || !peer->time.has_begun)
        source_time(source, &peer->time);
    peer->is_live = source_state(source) == SOURCE_LIVE;
    peer->is_watched |= source_has_timeline(source);
    if (peer->is_live)
        source_facts(source, facts);
    return peer->is_live;
}

static size_t rungs_peers(struct stream *stream, void *state, struct source_peer *out)
{
    struct ladder ladder;
    struct source_facts facts;
    char key[SOURCE_KEY_MAX];
    size_t count = 0;

    (void)state;
    if (rungs_ladder(stream, &ladder) != 0)
        return 0;
    for (int i = 0; i < ladder.count; i++) {
        if (i == ladder.at || str_format(key, sizeof(key), "%s/%s/%s", stream->vhost,
                                         ladder.rung[i].app, ladder.rung[i].name) != 0)
            continue;
        memset(&out[count], 0, sizeof(out[count]));
        (void)rungs_look(stream->server, key, &out[count], &facts);
        out[count++].is_before = i < ladder.at;
    }
    return count;
}

/* ---- keyframes ---- */

enum rung_match rungs_match(const struct stream *stream)
{
    const struct rungs_stream *own = observer_state(stream, &rungs_observer);

    return own != NULL && own->is_listed ? (enum rung_match)own->match : RUNG_UNKNOWN;
}

static void tell(const struct rungs_stream *own, const char *first)
{
    const struct log *log = own->stream->server->log;
    const char *rung = source_key(own->stream->source);

    switch ((enum rung_match)own->match) {
    case RUNG_ALIGNED:
        log_info(log, "ladder: keyframes of %s are aligned with those of %s", rung, first);
        break;
    case RUNG_PARTLY:
        log_warn(log,
                 "ladder: only some keyframes of %s are aligned with those of %s: players can "
                 "switch only there; use one GOP length for all rungs",
                 rung, first);
        break;
    case RUNG_APART:
        log_warn(log,
                 "ladder: no keyframe of %s is aligned with one of %s: players cannot switch "
                 "between them; let one encoder produce all rungs with a fixed GOP",
                 rung, first);
        break;
    case RUNG_UNKNOWN:
        break;
    }
}

static void note_all(struct rung_keys *keys, const struct source_time *time)
{
    for (int i = SOURCE_TIME_KEYS; i-- > 0;)
        if (keys->count == 0 || time->key[i] > keys->at[keys->count - 1] ||
            time->key[0] < keys->at[keys->count - 1])
            rung_keys_note(keys, time->key[i]);
}

/* Notes the newest keyframes of the first published rung before this one. 0 and its key, or -1. */
static int note_first(struct rungs_stream *own, char key[SOURCE_KEY_MAX])
{
    struct ladder ladder;
    struct source_facts facts;

    if (rungs_ladder(own->stream, &ladder) != 0)
        return -1;
    for (int i = 0; i < ladder.at; i++) {
        struct source_peer peer = {.is_live = 0};

        if (str_format(key, SOURCE_KEY_MAX, "%s/%s/%s", own->stream->vhost, ladder.rung[i].app,
                       ladder.rung[i].name) != 0 ||
            !rungs_look(own->stream->server, key, &peer, &facts))
            continue;
        if (own->first_at != i)
            own->first.count = 0;
        own->first_at = (int8_t)i;
        note_all(&own->first, &peer.time);
        return 0;
    }
    return -1;
}

static void rungs_tick(struct server *server, void *own, usec_t now)
{
    struct rungs *rungs = own;
    char first[SOURCE_KEY_MAX];

    (void)server;
    (void)now;
    for (struct rungs_stream *rung = rungs->first; rung != NULL; rung = rung->next) {
        struct source_time time;
        enum rung_match match;

        source_time(rung->stream->source, &time);
        note_all(&rung->own, &time);
        if (note_first(rung, first) != 0)
            continue;
        match = rung_keys_compare(&rung->own, &rung->first);
        if (match == RUNG_UNKNOWN || match == rung->match)
            continue;
        rung->match = (uint8_t)match;
        tell(rung, first);
    }
}

/* ---- the row ---- */

static struct err *rungs_open(struct server *server, void **own)
{
    (void)server;
    *own = calloc(1, sizeof(struct rungs));
    return *own != NULL ? NULL : err_new(ERR_NOMEM, "ladders");
}

static void rungs_close(struct server *server, void *own)
{
    (void)server;
    free(own);
}

static void rungs_enlist(struct rungs *rungs, struct rungs_stream *own)
{
    own->prev = NULL;
    own->next = rungs->first;
    if (own->next != NULL)
        own->next->prev = own;
    rungs->first = own;
    own->is_listed = 1;
}

static void rungs_leave(struct stream *stream, void *state)
{
    struct rungs *rungs = observer_own(stream->server, &rungs_observer);
    struct rungs_stream *own = state;

    if (!own->is_listed)
        return;
    if (own->prev != NULL)
        own->prev->next = own->next;
    else
        rungs->first = own->next;
    if (own->next != NULL)
        own->next->prev = own->prev;
    own->is_listed = 0;
}

static void rungs_on_publish(struct stream *stream, void *state)
{
    struct rungs_stream *own = state;
    struct ladder ladder;

    rungs_leave(stream, state);
    own->stream = stream;
    own->own.count = own->first.count = 0;
    own->first_at = -1;
    own->match = RUNG_UNKNOWN;
    if (rungs_ladder(stream, &ladder) == 0)
        rungs_enlist(observer_own(stream->server, &rungs_observer), own);
}

static void rungs_on_vhost(struct stream *stream, void *state, const struct config_vhost *before,
                           const struct config_vhost *vhost)
{
    (void)before;
    (void)vhost;
    if (source_state(stream->source) == SOURCE_LIVE)
        rungs_on_publish(stream, state);
}

const struct observer rungs_observer = {
    .name = "ladders",
    .state_size = sizeof(struct rungs_stream),
    .open = rungs_open,
    .close = rungs_close,
    .tick = rungs_tick,
    .on_vhost = rungs_on_vhost,
    .on_publish = rungs_on_publish,
    .on_unpublish = rungs_leave,
    .detach = rungs_leave,
    .peers = rungs_peers,
};
