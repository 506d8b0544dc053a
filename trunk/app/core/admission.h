#ifndef APP_CORE_ADMISSION_H
#define APP_CORE_ADMISSION_H

/*
 * The connections of the house by class (app/quota.h), each class in the order of arrival: which
 * may come in, and which must leave for them. Every connection that counts against max_connections
 * has one, as its net_conn's owner; for a connection without an owner (another worker's, one to
 * another server) all of this does nothing. Never yields.
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
    uint8_t is_out; /* evicted: it does not count any more, and its connection ends */
};

struct admission_list {
    struct admission *first, *last; /* oldest first */
};

struct admissions {
    struct admission_list list[QUOTA_CLASSES];
    uint64_t count[QUOTA_CLASSES]; /* of this process */
};

/* A connection that has come in, of class QUOTA_NEW or QUOTA_API. NULL, or the limit (constant)
 * that it is beyond; then it was not entered. */
const char *admission_enter(struct server *server, struct admission *admission,
                            struct net_conn *conn, enum quota_class class);
/* It has ended. */
void admission_leave(struct server *server, struct admission *admission);

/*
 * A connection is of this class from now on, as its newest. NULL, or the limit (constant) that is
 * in the way: then it stays what it was. A waiter beyond max_waiters or max_viewers takes the place
 * of the oldest waiter here, whose connection is closed.
 */
const char *admission_become(struct server *server, struct net_conn *conn, enum quota_class class);
/* The same for one who wants to play: QUOTA_VIEWER when the stream is there, else QUOTA_WAITER. */
const char *admission_play(struct server *server, struct net_conn *conn, int is_live);
/* What a waiter waited for has come, or what a viewer watched is gone: never refused. */
void admission_is_live(struct server *server, struct net_conn *conn, int is_live);
/* An idle connection has done something: others are idle for longer. */
void admission_touch(struct server *server, struct net_conn *conn);

/*
 * The house is full: closes the connection that is needed least, and says which that was: the
 * oldest that is neither viewer nor publisher, or, while that one may still be about to become one
 * (ADMISSION_GRACE), the oldest that waits. NULL: there is none. It does not count any more,
 * although its coroutine may still have to notice.
 */
struct admission *admission_evict(struct server *server);

#endif
