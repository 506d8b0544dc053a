/*
 * A reload, stream by stream. A stream belongs to its vhost by the name in its key: when that vhost
 * is removed or disabled, its publisher and viewers are told, and clients that come later are
 * served by __defaultVhost__ under another key. A vhost that is added takes no streams over.
 */
#include "app/stream/stream_reload.h"

#include "app/config/config_diff.h"
#include "app/stream/fanout.h"
#include "app/stream/publication.h"
#include "app/stream/session_list.h"
#include "live/viewer.h"

#include <assert.h>

/* A viewer that has begun is told by the end of the source. */
static void end_waiting(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL && !viewer_has_begun(viewer))
        fanout_viewer_give_up(viewer_owner(viewer));
}

/* An encoder whose stream is relayed to an origin has no publication that could be evicted. */
static void end_relayed(const struct stream *stream)
{
    struct session_entry *entry = stream->server->sessions;

    for (; entry != NULL; entry = entry->next)
        if (entry->source == stream->source && entry->is_publisher && entry->conn != NULL)
            io_close(&entry->conn->io);
}

void stream_reload_end(struct stream *stream, const char *why)
{
    int has_encoder = publication_kind(stream) == PUBLISHER_ENCODER;

    if (stream->is_ended)
        return;
    log_info(stream->server->log, "%s ends: %s", source_key(stream->source), why);
    stream->is_ended = 1;
    publication_evict_all(stream, EVICT_NOT_SERVED);
    source_end_wait(stream->source);
    viewer_each(stream->source, end_waiting);
    if (!has_encoder)
        end_relayed(stream);
}

static void reload_one(struct source *source, void *arg)
{
    const struct config *before = arg;
    struct stream *stream = source_data(source);
    struct config *config;
    const struct config_vhost *old, *vhost;
    struct source_config settings;

    if (stream == NULL)
        return;
    config = stream->server->config;
    if (!stream_is_served(stream, config)) {
        stream_reload_end(stream, "its vhost is no longer configured");
        return;
    }
    old = config_vhost_find(before, stream->vhost);
    vhost = config_vhost_find(config, stream->vhost);
    if (vhost == NULL)
        return;
    if (stream->vhost[0] != STREAM_PULLED)
        stream->is_ended = 0;
    stream_source_config(vhost, &settings);
    source_reconfigure(source, &settings);
    publication_reconfigure(stream, config, vhost);
    stream_on_vhost(stream, old != NULL ? old : vhost, vhost);
}

void stream_reload(struct server *server, const struct config *before)
{
    assert(server->config != before);
    hub_each(server->hub, reload_one, (void *)(uintptr_t)before);
}
