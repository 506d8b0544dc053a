#ifndef APP_CONFIG_ADDRESS_MASK_H
#define APP_CONFIG_ADDRESS_MASK_H

/* The parts of another server's address that a dump of the configuration or an error may show.
 * Pure.
 */
#include "base/buf.h"

#define ADDRESS_MASK "***"

/*
 * Appends the address ("rtmp://user:password@host/app/key?name=value", "host:port") with *** for
 * user and password, and for values in the query; with has_key also for the path after the app.
 * Variables ("[stream]") and "..." stay. 0 or -1.
 */
int address_mask(const char *address, int has_key, struct buf *out) ERR_MUST_CHECK;

/*
 * For an error: the same, with has_key, for a text that may be malformed. Hides the host too where
 * it may be part of a password. Cut to fit in cap (16 or more) bytes.
 */
void address_mask_text(const char *text, char *out, size_t cap);

/* Whether a text, such as another server's reason, quotes a part of the path or query that
 * address_mask() hides with has_key (of four bytes at least). */
int address_mask_is_quoted(const char *address, const char *text);

/* Whether address_mask() has printed this, so that it is no longer a usable address. */
int address_mask_is_in(const char *address);

#endif
