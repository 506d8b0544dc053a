#ifndef APP_CORE_ADMISSION_H
#define APP_CORE_ADMISSION_H

/*
 * Admits new connections, and closes the old ones that give way to them: the connections of this
 * process in the table of all places (app/core/places.h). Every connection that counts against
 * max_connections has an admission, as its net_conn's owner; for a connection without an owner
 * (from another worker, to another server) these functions do nothing. Never yields.
 */
#include "app/core/places.h"

struct net_conn;
struct server;

struct admission {
    struct net_conn *conn; /* borrowed */
    uint32_t place;        /* 0: none */
    uint8_t class;         /* enum quota_class */
    uint8_t is_out;        /* evicted: no longer counted, and its connection is about to end */
    uint8_t is_fresh;      /* the server is full: admission_seen() is due */
};

/* Of this process. */
struct admissions {
    struct places *places; /* borrowed; of the connections of all processes */
    struct places *pulls;  /* the same of streams from other servers: app/cluster/edge_room.c */
    int is_shared; /* both are shared with other processes; else both belong to this process */
    int process;   /* the number of this process */
    /* A connection was evicted, because this limit was reached; it is already closed. NULL: no
     * callback. */
    void (*on_evict)(struct server *server, struct admission *admission, const char *limit);
};

/* For a process that is alone. 0, or -1 if out of memory. */
int admission_open(struct server *server);
/* This process is one of several that share these places; before its first connection. */
void admission_share(struct server *server, struct places *places, struct places *pulls,
                     int process);
void admission_close(struct server *server);

/* How long a new connection of this class should wait before admission_enter(); mostly 0
 * (places_wait()). */
usec_t admission_wait(const struct server *server, enum quota_class class);
/* Admits a new connection of class QUOTA_NEW or QUOTA_API, if need be in place of another one.
 * NULL, or the name of the limit that is reached (constant); then the connection was not entered.
 */
const char *admission_enter(struct server *server, struct admission *admission,
                            struct net_conn *conn, enum quota_class class);
/* Call it when the bytes that the connection sent first have been read: from now on it may be
 * evicted for others. It was admitted with this place, and may have ended meanwhile. */
void admission_seen(struct server *server, const struct admission *admission, uint32_t place);
/* The connection has ended. */
void admission_leave(struct server *server, struct admission *admission);

/*
 * Moves a connection to this class, as its newest member. NULL, or the name of the limit that is
 * reached (constant): then it keeps its class. A waiter or a viewer beyond max_waiters or
 * max_viewers replaces the oldest waiter.
 */
const char *admission_become(struct server *server, struct net_conn *conn, enum quota_class class);
/* The same for a player: QUOTA_VIEWER when the stream is live, else QUOTA_WAITER. */
const char *admission_play(struct server *server, struct net_conn *conn, int is_live);
/* The stream of a waiter was published, or the stream of a viewer ended: changes the class; never
 * refused. */
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

/* Closes the connections of this process whose places were given to others. Another process that
 * has done so wakes this one (server_shared_evicted()). */
void admission_settle(struct server *server);

#endif
