#ifndef APP_CORE_QUOTA_H
#define APP_CORE_QUOTA_H

/*
 * How the places of max_connections are divided: a class for each connection, a limit for each
 * class, and a limit for each address. Pure.
 */
#include "app/config/config.h"
#include "base/ip.h"

#include <stdint.h>

/* So long a connection may need to ask for something: see app/admission.h. */
#define ADMISSION_GRACE USEC_PER_SEC

enum quota_class {
    QUOTA_NEW,       /* neither viewer nor publisher: no request yet, half a one, an idle one */
    QUOTA_WAITER,    /* waits for a stream that nobody publishes */
    QUOTA_VIEWER,    /* plays a stream */
    QUOTA_PUBLISHER, /* publishes one */
    QUOTA_API,       /* at http_api's own address */
    QUOTA_CLASSES
};

/* How many connections of this class there may be at once. Those that wait count as viewers, too:
 * they become viewers without being asked again. */
uint64_t quota_limit(const struct config *config, enum quota_class class);

/* One more of this class, where count[] says how many there are of each. NULL: it fits. Else the
 * directive that is in the way (constant). */
const char *quota_check(const struct config *config, const uint64_t count[QUOTA_CLASSES],
                        enum quota_class class);

/* What one address may have at once (max_connections_per_ip); UINT64_MAX: no limit. */
uint64_t quota_of_address(const struct config *config, const char *ip);
/* The name that an address is counted by: an IPv4 address itself, and the /64 of an IPv6 one, of
 * which one subscriber has all addresses. What is no address stays as it is. */
void quota_address(const char *ip, char out[IP_TEXT_MAX]);

#endif
