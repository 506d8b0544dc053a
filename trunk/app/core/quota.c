/*
 * Limits within max_connections: they keep each class and each address from using all connections.
 * A configured value is used as it is; "auto" is a part of max_connections, large enough for
 * ordinary use and small enough to leave connections for the other classes: for an encoder on a
 * server full of viewers, for a viewer on a server full of encoders, and for an operator's API
 * requests on both.
 */
#include "app/core/quota.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

/* auto: the API gets at least this many connections, as far as max_connections allows. */
#define QUOTA_API_MIN 16

static int64_t quota_auto(int64_t all, enum quota_class class)
{
    switch (class) {
    case QUOTA_WAITER:
    case QUOTA_PUBLISHER:
        return all - all / 4;
    case QUOTA_VIEWER:
        return all - all / 32;
    case QUOTA_API:
        if (all / 8 > QUOTA_API_MIN)
            return all / 8;
        return all < QUOTA_API_MIN ? all : QUOTA_API_MIN;
    default:
        return all;
    }
}

uint64_t quota_limit(const struct config *config, enum quota_class class)
{
    const int64_t given[QUOTA_CLASSES] = {[QUOTA_WAITER] = config->max_waiters,
                                          [QUOTA_VIEWER] = config->max_viewers,
                                          [QUOTA_PUBLISHER] = config->max_publishers,
                                          [QUOTA_API] = config->max_api_connections};

    assert(class < QUOTA_CLASSES);
    return (uint64_t)(given[class] > 0 ? given[class] : quota_auto(config->max_connections, class));
}

enum quota_class quota_check(const struct config *config, const uint64_t count[QUOTA_CLASSES],
                             enum quota_class class)
{
    uint64_t viewers = count[QUOTA_WAITER] + count[QUOTA_VIEWER];

    if (class == QUOTA_WAITER && count[QUOTA_WAITER] >= quota_limit(config, QUOTA_WAITER))
        return QUOTA_WAITER;
    if ((class == QUOTA_WAITER || class == QUOTA_VIEWER) &&
        viewers >= quota_limit(config, QUOTA_VIEWER))
        return QUOTA_VIEWER;
    if (class == QUOTA_PUBLISHER && count[class] >= quota_limit(config, class))
        return QUOTA_PUBLISHER;
    if (class == QUOTA_API && count[class] >= quota_limit(config, class))
        return QUOTA_API;
    return QUOTA_CLASSES;
}

const char *quota_limit_name(enum quota_class class)
{
    static const char *const names[QUOTA_CLASSES] = {[QUOTA_NEW] = "max_connections",
                                                     [QUOTA_WAITER] = "max_waiters",
                                                     [QUOTA_VIEWER] = "max_viewers",
                                                     [QUOTA_PUBLISHER] = "max_publishers",
                                                     [QUOTA_API] = "max_api_connections"};

    assert(class < QUOTA_CLASSES);
    return names[class];
}

uint64_t quota_of_address(const struct config *config, const char *ip)
{
    int64_t limit = config->max_connections_per_ip;

    if (limit > 0)
        return (uint64_t)limit;
    /* A proxy or a tool on this machine may stand for many clients without being configured. */
    if (limit == 0 || strcmp(ip, "127.0.0.1") == 0 || strcmp(ip, "::1") == 0)
        return UINT64_MAX;
    return (uint64_t)(config->max_connections - config->max_connections / 2);
}

void quota_address(const char *ip, char out[IP_TEXT_MAX])
{
    struct ip address;

    (void)str_copy(out, IP_TEXT_MAX, ip);
    if (ip_parse(ip, &address) != 0 || ip_is_v4(&address))
        return;
    memset(address.byte + sizeof(address.byte) / 2, 0, sizeof(address.byte) / 2);
    ip_print(&address, out);
    (void)str_copy(out + strlen(out), IP_TEXT_MAX - strlen(out), "/64");
}
