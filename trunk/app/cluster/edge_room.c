/*
 * Room in the table of pulls. A stream that nobody publishes is pulled for as long as a viewer
 * waits for it, and a client can invent any number of names. So when the table is full, the oldest
 * pull that waits is replaced by the new one and its viewers are closed. A pull that receives media
 * is never replaced.
 */
#include "app/cluster/edge_private.h"

#include "app/core/server.h"
#include "app/stream/fanout.h"
#include "app/stream/stream.h"
#include "live/viewer.h"

static int is_free(const struct edge *edge)
{
    return edge->count - edge->yielding < (size_t)edge->server->config->max_pulls;
}

/* The oldest pull that waits for its stream. */
static struct edge_pull *oldest_waiting(const struct edge *edge)
{
    struct edge_pull *found = NULL;

    for (struct edge_pull *ep = edge->list; ep != NULL; ep = ep->next)
        if (!ep->is_yielding && ep->pull != NULL && !pull_is_live(ep->pull) &&
            source_state(ep->stream->source) == SOURCE_IDLE)
            found = ep;
    return found;
}

int edge_has_room(const struct edge *edge)
{
    return !edge->is_ending && (is_free(edge) || oldest_waiting(edge) != NULL);
}

static void give_up(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL)
        fanout_viewer_give_up(viewer_owner(viewer));
}

int edge_make_room(struct edge *edge)
{
    struct edge_pull *ep;

    if (edge->is_ending)
        return -1;
    if (is_free(edge))
        return 0;
    ep = oldest_waiting(edge);
    if (ep == NULL)
        return -1;
    log_info(edge->server->log,
             "pull %s: evicted for another stream: max_pulls reached, and this pull waited longest",
             source_key(ep->stream->source));
    ep->is_yielding = 1;
    edge->yielding++;
    viewer_each(ep->stream->source, give_up);
    pull_stop(ep->pull);
    return 0;
}

int edge_room_ended(struct edge *edge, struct edge_pull *ep)
{
    if (ep->is_yielding)
        edge->yielding--;
    else
        return 1;
    ep->is_yielding = 0;
    return is_free(edge);
}
