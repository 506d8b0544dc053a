/*
 * A list, newest first: the newest connection is the least likely to have been closed by its
 * server. A connection that its server has closed, or sent anything on, is of no use.
 */
#include "app/control/hooks_pool.h"

#include "co/net.h"

#include <stdlib.h>
#include <string.h>

struct idle {
    struct idle *next;
    struct net_conn *conn;
    usec_t since;
    char server[];
};

struct hooks_pool {
    struct idle *first;
    int count;
};

struct hooks_pool *hooks_pool_new(void)
{
    return calloc(1, sizeof(struct hooks_pool));
}

/* Takes the entry out of the list, frees it, and returns its connection. */
static struct net_conn *remove_at(struct hooks_pool *pool, struct idle **at)
{
    struct idle *idle = *at;
    struct net_conn *conn = idle->conn;

    *at = idle->next;
    pool->count--;
    free(idle);
    return conn;
}

void hooks_pool_free(struct hooks_pool *pool)
{
    while (pool != NULL && pool->first != NULL)
        net_free(remove_at(pool, &pool->first));
    free(pool);
}

/* Reads what the server has sent unasked, at most the end or TLS's own messages. */
static int is_usable(struct net_conn *conn)
{
    char byte;

    return net_try_read(conn, &byte, 1) < 0 && !conn->closed && !(conn->ready & NET_HUP);
}

struct net_conn *hooks_pool_take(struct hooks_pool *pool, const char *server)
{
    struct idle **at = &pool->first;

    while (*at != NULL) {
        struct net_conn *conn;

        if (strcmp((*at)->server, server) != 0) {
            at = &(*at)->next;
            continue;
        }
        conn = remove_at(pool, at);
        if (is_usable(conn))
            return conn;
        net_free(conn);
    }
    return NULL;
}

/* Closes the oldest entry, of this server (NULL: of any), if they are more than max. */
static void close_surplus(struct hooks_pool *pool, const char *server, int max)
{
    struct idle **oldest = NULL;
    int count = 0;

    for (struct idle **at = &pool->first; *at != NULL; at = &(*at)->next) {
        if (server != NULL && strcmp((*at)->server, server) != 0)
            continue;
        oldest = at;
        count++;
    }
    if (count > max)
        net_free(remove_at(pool, oldest));
}

void hooks_pool_give(struct hooks_pool *pool, const char *server, struct net_conn *conn, usec_t now)
{
    size_t size = strlen(server) + 1;
    struct idle *idle = malloc(sizeof(*idle) + size);

    if (idle == NULL) {
        net_free(conn);
        return;
    }
    idle->conn = conn;
    idle->since = now;
    memcpy(idle->server, server, size);
    idle->next = pool->first;
    pool->first = idle;
    pool->count++;
    close_surplus(pool, server, HOOKS_POOL_SERVER_MAX);
    if (pool->count > HOOKS_POOL_MAX)
        close_surplus(pool, NULL, HOOKS_POOL_MAX);
}

void hooks_pool_trim(struct hooks_pool *pool, usec_t now)
{
    struct idle **at = &pool->first;

    while (*at != NULL)
        if (now - (*at)->since > HOOKS_POOL_IDLE)
            net_free(remove_at(pool, at));
        else
            at = &(*at)->next;
}
