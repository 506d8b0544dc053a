/*
 * A drain waits for the connected clients, and each new client would make it longer: new clients
 * are redirected to another server. Each protocol does that in its own way: http/http_drain.c,
 * rtmp/rtmp_drain.c.
 */
#include "app/core/drain.h"

#include "base/str.h"
#include "proto/url.h"

#include <string.h>

const char *drain_pick(const struct server *server, const struct config_strings *list)
{
    if (server->state != SERVER_DRAINING || server->is_retiring || list->count == 0)
        return NULL;
    return list->item[(co_now() / USEC_PER_MS) % list->count];
}

int drain_split(const char *place, char host[DRAIN_HOST_SIZE], int *port)
{
    char bare[DRAIN_HOST_SIZE - 2];
    int is_v6;

    if (url_authority_parse(place, strlen(place), bare, sizeof(bare), port) != 0)
        return -1;
    is_v6 = strchr(bare, ':') != NULL;
    return str_format(host, DRAIN_HOST_SIZE, "%s%s%s", is_v6 ? "[" : "", bare, is_v6 ? "]" : "");
}
