#ifndef CO_REDIS_PRIV_H
#define CO_REDIS_PRIV_H

/*
 * What the files of the client of Redis share: redis.c (its life, commands), redis_serve.c (the
 * connection), redis_reader.c (replies and commands as bytes).
 */
#include "base/buf.h"
#include "base/yield.h"
#include "co/co.h"
#include "co/net.h"
#include "co/redis.h"

#include <hiredis/hiredis.h>

/* One whose reply is still to come. */
struct pending {
    struct pending *next;
    redis_done_fn done;
    void *arg;
    usec_t since;
};

struct redis {
    struct redis_options options; /* its texts are ours */
    struct co *co;
    struct net_conn *conn;
    redisReader *reader;
    redisReplyObjectFunctions functions;
    size_t unfinished; /* bytes that came since the last whole reply */
    struct buf out;
    struct pending *first, **last;
    size_t pending;
    usec_t heard_at;
    usec_t pause;
    struct co_cond changed; /* up, down, or a reply came */
    char own_ip[64];
    uint8_t is_up, has_tried, was_told, is_ending;
};

/* For a new connection. */
struct err *redis_reader_open(struct redis *redis);
struct err *redis_reader_feed(struct redis *redis, const char *data, size_t len);
/* *reply is the caller's; NULL: more bytes are needed. */
struct err *redis_reader_next(struct redis *redis, redisReply **reply);
void redis_reply_convert(const redisReply *from, struct redis_reply *to);

/* Appends a command to what is to be sent. 0 or -1. */
int redis_command_append(struct redis *redis, const struct redis_command *command);

/* The end of the queue of waiting requests, and its beginning. */
int redis_pending_add(struct redis *redis, redis_done_fn done, void *arg);
void redis_pending_finish(struct redis *redis, const struct redis_reply *reply);

/* Connects and says who we are. */
MAY_YIELD struct err *redis_open(struct redis *redis);
/* Until the connection is over; never NULL. */
MAY_YIELD struct err *redis_serve(struct redis *redis);

#endif
