/*
 * on_demand and on_idle: how many viewers each stream has at all workers, counted where one of the
 * two is configured. An entry exists while there are viewers, or while a stream waits for its
 * on_idle. All decisions are made under the lock of the table, so that each event is reported once,
 * by one worker.
 */
#include "app/control/api_json.h"
#include "app/control/hooks_private.h"
#include "app/stream/observer.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "base/shared_map.h"
#include "base/str.h"

#include <string.h>

#define WATCH_INTERVAL USEC_PER_SEC

/* The value of an entry. */
struct watched {
    usec_t idle_since; /* 0: it has viewers */
    uint8_t is_demanded;
    uint32_t viewers[]; /* of each worker */
};

static uint64_t sum_of(const struct watched *watched, int slots)
{
    uint64_t sum = 0;

    for (int i = 0; i < slots; i++)
        sum += watched->viewers[i];
    return sum;
}

/* The vhost, if its viewers are counted. */
static const struct config_vhost *vhost_of(const struct hooks *hooks, const char *name)
{
    const struct config_vhost *vhost = hooks_event_vhost(hooks->server->config, name);

    return hooks_event_urls(vhost, CONFIG_ON_DEMAND) != NULL ||
                   hooks_event_urls(vhost, CONFIG_ON_IDLE) != NULL
               ? vhost
               : NULL;
}

/* Whether the stream is published anywhere in this server. */
static int is_live(const struct hooks *hooks, const char *key)
{
    const struct source *source = hub_find(hooks->server->hub, key);

    return (source != NULL && source_state(source) != SOURCE_IDLE) ||
           observers_are_elsewhere(hooks->server, key);
}

static void report(struct hooks *hooks, enum config_hook hook, const struct hooks_client *client,
                   int64_t duration_ms)
{
    struct hooks_event event = {.hook = hook,
                                .server_id = hooks->server->server_id,
                                .service_id = hooks->server->service_id,
                                .client = *client,
                                .duration_ms = duration_ms};
    char stream_id[API_ID_SIZE];
    char key[SOURCE_KEY_MAX];

    (void)str_format(key, sizeof(key), "%s/%s/%s", client->vhost, client->app, client->stream);
    api_json_id(hooks->server, key, stream_id);
    event.stream_id = stream_id;
    hooks_notify(hooks, &event);
}

/* Counts a viewer; 1 if it is the first that waits for the stream, which nobody publishes. */
static int count_viewer(const struct hooks *hooks, const char *key, int is_wanted)
{
    struct shared_map *map = hooks->share->watched;
    struct watched *watched;
    int is_first = 0;

    shared_map_lock(map);
    watched = shared_map_find(map, key);
    if (watched == NULL)
        watched = shared_map_add(map, key);
    if (watched != NULL) {
        watched->viewers[hooks_slot(hooks)]++;
        watched->idle_since = 0;
        is_first = is_wanted && !watched->is_demanded;
        watched->is_demanded |= is_first != 0;
    }
    shared_map_unlock(map);
    return is_first;
}

void hooks_watch_enter(struct server *server, void *own, const struct session_entry *session)
{
    struct hooks *hooks = own;
    const struct stream *stream = source_data(session->source);
    const struct config_vhost *vhost;
    struct hooks_client client;
    int is_wanted;

    if (session->is_publisher || session->is_worker || stream == NULL)
        return;
    vhost = vhost_of(hooks, stream->vhost);
    if (vhost == NULL)
        return;
    /* An edge fetches the stream; its origin reports whether somebody must publish it. */
    is_wanted = !is_live(hooks, source_key(session->source)) &&
                !observers_fetch(server->tables, vhost) && !stream_is_coming(stream, NULL);
    if (!count_viewer(hooks, source_key(session->source), is_wanted))
        return;
    client = (struct hooks_client){.id = session->id,
                                   .ip = session->conn->ip,
                                   .vhost = stream->vhost,
                                   .app = stream->app,
                                   .stream = stream->name,
                                   .tc_url = session->facts.tc_url,
                                   .page_url = session->facts.page_url,
                                   .param = session->facts.param,
                                   .type = session->is_websocket ? "ws" : session->format};
    report(hooks, CONFIG_ON_DEMAND, &client, 0);
}

void hooks_watch_leave(struct server *server, void *own, const struct session_entry *session)
{
    struct hooks *hooks = own;
    const struct stream *stream = source_data(session->source);
    struct shared_map *map = hooks->share->watched;
    struct watched *watched;
    int slot = hooks_slot(hooks);

    (void)server;
    if (session->is_publisher || session->is_worker || stream == NULL ||
        vhost_of(hooks, stream->vhost) == NULL)
        return;
    shared_map_lock(map);
    watched = shared_map_find(map, source_key(session->source));
    if (watched != NULL && watched->viewers[slot] > 0 && --watched->viewers[slot] == 0 &&
        sum_of(watched, hooks->share->slots) == 0) {
        watched->is_demanded = 0;
        watched->idle_since = clock_now();
    }
    shared_map_unlock(map);
}

void hooks_watch_publish(struct hooks *hooks, const char *key)
{
    struct shared_map *map = hooks->share->watched;
    struct watched *watched;

    shared_map_lock(map);
    watched = shared_map_find(map, key);
    if (watched != NULL)
        watched->is_demanded = 0;
    shared_map_unlock(map);
}

/* Takes out a stream that has been idle for as long as its vhost says: 0 with its key, or -1. */
static int take_idle(struct hooks *hooks, usec_t now, char key[SHARED_MAP_KEY_MAX],
                     usec_t *idle_since)
{
    struct shared_map *map = hooks->share->watched;
    struct watched *watched = NULL;
    int rc = -1;

    shared_map_lock(map);
    while (rc != 0 && (watched = shared_map_next(map, watched)) != NULL) {
        const struct config_vhost *vhost;
        char name[256];

        if (watched->idle_since == 0)
            continue;
        (void)str_copy(key, SHARED_MAP_KEY_MAX, shared_map_key(map, watched));
        (void)str_copy_n(name, sizeof(name), key, strcspn(key, "/"));
        vhost = hooks_event_vhost(hooks->server->config, name);
        if (hooks_event_urls(vhost, CONFIG_ON_IDLE) != NULL &&
            now - watched->idle_since < vhost->http_hooks.idle_time)
            continue;
        *idle_since = watched->idle_since;
        shared_map_remove(map, watched);
        rc = 0;
    }
    shared_map_unlock(map);
    return rc;
}

/* The names of a key "vhost/app/stream", which is cut apart. */
static struct hooks_client client_of(char *key)
{
    struct hooks_client client = {
        .id = "", .ip = "", .tc_url = "", .page_url = "", .param = "", .type = ""};
    char *app = strchr(key, '/');
    char *stream = strrchr(key, '/');

    client.vhost = key;
    client.app = app != NULL ? app + 1 : "";
    client.stream = stream != NULL ? stream + 1 : "";
    if (app != NULL)
        *app = '\0';
    if (stream != NULL)
        *stream = '\0';
    return client;
}

void hooks_watch_tick(struct hooks *hooks, usec_t now)
{
    char key[SHARED_MAP_KEY_MAX];
    usec_t idle_since;

    if (now - hooks->watched_at < WATCH_INTERVAL)
        return;
    hooks->watched_at = now;
    while (take_idle(hooks, now, key, &idle_since) == 0) {
        struct hooks_client client;

        if (!is_live(hooks, key))
            continue;
        client = client_of(key);
        report(hooks, CONFIG_ON_IDLE, &client, (now - idle_since) / USEC_PER_MS);
    }
}

void hooks_watch_reap(struct hooks_share *share, int slot)
{
    struct watched *watched = NULL;

    shared_map_lock(share->watched);
    while ((watched = shared_map_next(share->watched, watched)) != NULL) {
        if (watched->viewers[slot] == 0)
            continue;
        watched->viewers[slot] = 0;
        if (sum_of(watched, share->slots) > 0)
            continue;
        watched->is_demanded = 0;
        watched->idle_since = clock_now();
    }
    shared_map_unlock(share->watched);
}
