#ifndef CO_RESOLVE_H
#define CO_RESOLVE_H

/* Name resolution with c-ares on the reactor: a look-up blocks only its own coroutine. */
#include "base/clock.h"
#include "base/err.h"

#include <sys/socket.h>

#define RESOLVE_ADDRS_MAX 16

struct resolve_list {
    struct sockaddr_storage addr[RESOLVE_ADDRS_MAX]; /* port set */
    int count;
};

/*
 * Uses these name servers, "ip[:port],ip[:port]", instead of those of resolv.conf; NULL restores
 * those. ERR_BUSY while look-ups are in progress.
 */
struct err *resolve_use_servers(const char *servers);

/* Literal addresses need no look-up; /etc/hosts is read. Errors: ERR_NOT_FOUND, ERR_TIMEOUT,
 * ERR_INTERRUPTED; ERR_LIMIT beyond 10,000 concurrent look-ups. */
struct err *resolve_name(const char *host, int port, struct resolve_list *out, usec_t timeout);

#endif
