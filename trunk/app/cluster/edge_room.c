/*
 * The places of pulls (app/core/places.h), over all workers. A stream that nobody publishes is
 * pulled for as long as a viewer waits for it, and a client can invent any number of names. So when
 * all places are taken, the oldest pull that waits is replaced by the new one and its viewers are
 * closed. A pull that receives media is never replaced.
 */
#include "app/cluster/edge_private.h"

#include "app/core/server.h"
#include "app/stream/fanout.h"
#include "app/stream/stream.h"
#include "live/viewer.h"

int edge_has_room(const struct edge *edge)
{
    const struct server *server = edge->server;

    return !edge->is_ending &&
           places_has_room(server->admissions.pulls, server->config, QUOTA_NEW, clock_now());
}

static void give_up(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL)
        fanout_viewer_give_up(viewer_owner(viewer));
}

void edge_room_settle(struct server *server, void *own)
{
    const struct admissions *all = &server->admissions;
    enum quota_class limit;
    struct edge_pull *ep;

    (void)own;
    while ((ep = places_next_evicted(all->pulls, all->process, &limit)) != NULL) {
        log_info(server->log, "pull %s: given up for another stream after waiting longest",
                 source_key(ep->stream->source));
        ep->is_yielding = 1;
        viewer_each(ep->stream->source, give_up);
        if (ep->pull != NULL)
            pull_stop(ep->pull);
    }
}

int edge_room_enter(struct edge *edge, struct edge_pull *ep)
{
    struct server *server = edge->server;
    const struct admissions *all = &server->admissions;
    struct places_answer answer;

    if (edge->is_ending)
        return -1;
    answer = places_enter(all->pulls, all->process, server->config, QUOTA_NEW, ep, clock_now(),
                          &ep->place);
    if (answer.evicted_at == all->process)
        edge_room_settle(server, edge);
    else if (answer.evicted_at >= 0)
        server_shared_evicted(server, answer.evicted_at);
    return ep->place != 0 ? 0 : -1;
}

void edge_room_leave(struct edge *edge, struct edge_pull *ep)
{
    if (ep->place != 0)
        places_leave(edge->server->admissions.pulls, ep->place);
    ep->place = 0;
}

int edge_room_ended(struct edge *edge, struct edge_pull *ep)
{
    if (!ep->is_yielding)
        return 1;
    /* Its viewers were given up: any that it has now have come since then. */
    ep->is_yielding = 0;
    edge_room_leave(edge, ep);
    return edge_room_enter(edge, ep) == 0;
}

void edge_room_is_live(struct edge *edge, struct edge_pull *ep, int is_live)
{
    if (ep->place != 0 && !ep->is_yielding &&
        places_move(edge->server->admissions.pulls, ep->place, is_live ? QUOTA_VIEWER : QUOTA_NEW,
                    clock_now()) != 0)
        edge_room_settle(edge->server, edge);
}
