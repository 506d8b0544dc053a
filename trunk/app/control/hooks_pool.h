#ifndef APP_CONTROL_HOOKS_POOL_H
#define APP_CONTROL_HOOKS_POOL_H

/* Idle connections to callback servers, kept for the next call. Never yields. */
#include "base/clock.h"

struct net_conn;
struct hooks_pool;

/* To one server, and to all. */
#define HOOKS_POOL_SERVER_MAX 16
#define HOOKS_POOL_MAX        256
/* Servers close idle connections, too; many do after 60 s, some after 5. */
#define HOOKS_POOL_IDLE (15 * USEC_PER_SEC)

struct hooks_pool *hooks_pool_new(void);
/* Closes all of them. NULL is allowed. */
void hooks_pool_free(struct hooks_pool *pool);

/* The latest idle connection to this server; NULL: none. The caller then owns it. server: whatever
 * tells two servers apart. */
struct net_conn *hooks_pool_take(struct hooks_pool *pool, const char *server);
/* Takes over a connection; closes it, or another one, if there are too many. */
void hooks_pool_give(struct hooks_pool *pool, const char *server, struct net_conn *conn,
                     usec_t now);
/* Closes those that have been idle for too long. */
void hooks_pool_trim(struct hooks_pool *pool, usec_t now);

#endif
