#ifndef CO_RESOLVE_H
#define CO_RESOLVE_H

/* Names by c-ares on the reactor: a look-up blocks only its own coroutine. */
#include "base/clock.h"
#include "base/err.h"

#include <sys/socket.h>

#define RESOLVE_ADDRS_MAX 16

struct resolve_list {
    struct sockaddr_storage addr[RESOLVE_ADDRS_MAX]; /* port set */
    int count;
};

/*
 * Asks these name servers, "ip[:port],ip[:port]", instead of those of resolv.conf; NULL goes back
 * to them. Look-ups under way are not touched: ERR_BUSY then.
 */
struct err *resolve_use_servers(const char *servers);

/* Literal addresses answer without a look-up, /etc/hosts is read. Errors: ERR_NOT_FOUND,
 * ERR_TIMEOUT, ERR_INTERRUPTED; ERR_LIMIT beyond 10,000 look-ups at once. */
struct err *resolve_name(const char *host, int port, struct resolve_list *out, usec_t timeout);

#endif
