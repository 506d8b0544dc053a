#ifndef APP_CORE_QUOTA_H
#define APP_CORE_QUOTA_H

/*
 * How max_connections is divided: each connection has a class, each class a limit, and each address
 * a limit. Pure.
 */
#include "app/config/config.h"
#include "base/ip.h"

#include <stdint.h>

/* How long a connection may take to become a viewer or a publisher: see app/core/admission.h. */
#define ADMISSION_GRACE USEC_PER_SEC

enum quota_class {
    QUOTA_NEW,       /* neither viewer nor publisher: no request yet, part of one, or idle */
    QUOTA_WAITER,    /* waits for a stream that nobody publishes */
    QUOTA_VIEWER,    /* plays a stream */
    QUOTA_PUBLISHER, /* publishes one */
    QUOTA_API,       /* at http_api's own address */
    QUOTA_CLASSES
};

/* The maximum number of connections of this class. Waiters count as viewers, too: they become
 * viewers without another check. */
uint64_t quota_limit(const struct config *config, enum quota_class class);

/* Whether one more of this class is allowed, where count[] has the present number of each.
 * QUOTA_CLASSES: it is. Else the class whose limit is reached. */
enum quota_class quota_check(const struct config *config, const uint64_t count[QUOTA_CLASSES],
                             enum quota_class class);

/* The directive that limits a class (constant); QUOTA_NEW: max_connections. */
const char *quota_limit_name(enum quota_class class);

/* The maximum of connections for one address (max_connections_per_ip); UINT64_MAX: no limit. */
uint64_t quota_of_address(const struct config *config, const char *ip);
/* The name under which an address is counted: an IPv4 address itself, or the /64 of an IPv6
 * address, since one subscriber has a whole /64. Text that is no address is copied unchanged. */
void quota_address(const char *ip, char out[IP_TEXT_MAX]);

#endif
