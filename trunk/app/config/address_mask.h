#ifndef APP_CONFIG_ADDRESS_MASK_H
#define APP_CONFIG_ADDRESS_MASK_H

/* What a dump of the configuration may show of an address of another server. Pure. */
#include "base/buf.h"

#define ADDRESS_MASK "***"

/*
 * Appends the address ("rtmp://user:password@host/app/key?name=value", "host:port") with *** for
 * user and password, and for values in the query; has_key: also for what follows the app in the
 * path. Variables ("[stream]") and "..." stay. 0 or -1.
 */
int address_mask(const char *address, int has_key, struct buf *out) ERR_MUST_CHECK;

/* Whether this was printed by address_mask(), and is not the address any more. */
int address_mask_is_in(const char *address);

#endif
