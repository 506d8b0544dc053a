/*
 * Connections by address, IPv6 by /64. A trusted proxy stands for many clients and has no limit of
 * its own: each client is counted as soon as it is known, from a PROXY header for the whole
 * connection, from X-Forwarded-For for the duration of one request. So the idle connections of a
 * proxy count for no client, and clients behind a proxy have the same limit as all others.
 */
#include "app/core/ip_limit.h"

#include "app/config/trust.h"
#include "app/core/quota.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ip_limit {
    size_t count;
    int is_lost; /* base/hash.h's */
    UT_hash_handle hh;
    char ip[IP_TEXT_MAX]; /* quota_address() */
};

static struct ip_limit *ip_limit_get(struct server *server, const char *ip)
{
    struct ip_limit *entry;
    size_t len = strlen(ip);

    HASH_FIND(hh, server->ip_limits, ip, len, entry);
    if (entry != NULL)
        return entry;
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    (void)str_copy(entry->ip, sizeof(entry->ip), ip);
    if (HASH_TRY_ADD(server->ip_limits, entry->ip, len, entry) != 0) {
        free(entry);
        return NULL;
    }
    return entry;
}

static void ip_limit_drop(struct server *server, struct ip_limit *entry)
{
    if (entry->count > 0)
        return;
    HASH_DEL(server->ip_limits, entry);
    free(entry);
}

const char *ip_limit_enter(struct server *server, const char *ip, struct ip_limit **out)
{
    uint64_t most = quota_of_address(server->config, ip);
    char name[IP_TEXT_MAX];
    struct ip_limit *entry;
    const char *limit;

    assert(ip != NULL && strlen(ip) < IP_TEXT_MAX);
    *out = NULL;
    if (most == UINT64_MAX || trust_has(&server->config->trusted_proxies, ip))
        return NULL;
    quota_address(ip, name);
    entry = ip_limit_get(server, name);
    if (entry == NULL)
        return "memory";
    limit = entry->count >= most ? "max_connections_per_ip"
                                 : server_shared_ip_enter(server, name, most);
    if (limit == NULL) {
        entry->count++;
        *out = entry;
    }
    ip_limit_drop(server, entry);
    return limit;
}

void ip_limit_leave(struct server *server, struct ip_limit *entry)
{
    if (entry == NULL)
        return;
    assert(entry->count > 0);
    server_shared_ip_leave(server, entry->ip);
    entry->count--;
    ip_limit_drop(server, entry);
}
