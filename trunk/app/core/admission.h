#ifndef APP_CORE_ADMISSION_H
#define APP_CORE_ADMISSION_H

/*
 * All connections by class (app/core/quota.h), each class in the order of arrival: which new ones
 * are admitted, and which old ones are closed for them. Every connection that counts against
 * max_connections has an admission, as its net_conn's owner; for a connection without an owner
 * (from another worker, to another server) these functions do nothing. Never yields.
 */
#include "app/core/quota.h"

#include <stddef.h>

struct net_conn;
struct server;

struct admission {
    struct admission *prev, *next; /* of its class */
    struct net_conn *conn;         /* borrowed */
    usec_t since;                  /* of this class, or when it last did something */
    uint8_t class;                 /* enum quota_class */
    uint8_t is_out; /* evicted: no longer counted, and its connection is about to end */
};

struct admission_list {
    struct admission *first, *last; /* oldest first */
};

struct admissions {
    struct admission_list list[QUOTA_CLASSES];
    uint64_t count[QUOTA_CLASSES]; /* of this process */
};

/* Admits a new connection of class QUOTA_NEW or QUOTA_API. NULL, or the name of the limit that is
 * reached (constant); then the connection was not entered. */
const char *admission_enter(struct server *server, struct admission *admission,
                            struct net_conn *conn, enum quota_class class);
/* The connection has ended. */
void admission_leave(struct server *server, struct admission *admission);

/*
 * Moves a connection to this class, as its newest member. NULL, or the name of the limit that is
 * reached (constant): then it keeps its class. A waiter beyond max_waiters or max_viewers replaces
 * the oldest waiter of this process, whose connection is closed.
 */
const char *admission_become(struct server *server, struct net_conn *conn, enum quota_class class);
/* The same for a player: QUOTA_VIEWER when the stream is live, else QUOTA_WAITER. */
const char *admission_play(struct server *server, struct net_conn *conn, int is_live);
/* The stream of a waiter was published, or the stream of a viewer ended: never refused. */
void admission_is_live(struct server *server, struct net_conn *conn, int is_live);
/*
 * A further publish or play (QUOTA_PUBLISHER, QUOTA_VIEWER) of a connection that has one: it counts
 * as one more of its class and never gives way. NULL, or the limit (constant): then it was not
 * entered.
 */
const char *admission_enter_more(struct server *server, enum quota_class class);
void admission_leave_more(struct server *server, enum quota_class class);
/* A connection was active: it becomes the newest of its class. */
void admission_touch(struct server *server, struct net_conn *conn);

/*
 * The server is full: closes the least useful connection and returns it: the oldest that is neither
 * viewer nor publisher, or, while that one may still become one (ADMISSION_GRACE), the oldest
 * waiter. NULL: there is none. It is no longer counted, although its coroutine may not have noticed
 * yet.
 */
struct admission *admission_evict(struct server *server);

#endif
