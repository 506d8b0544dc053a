#ifndef CO_REDIS_PRIVATE_H
#define CO_REDIS_PRIVATE_H

/*
 * Shared by the files of the Redis client: redis.c (life, commands), redis_serve.c (the
 * connection), redis_reader.c (replies and commands as bytes).
 */
#include "base/buf.h"
#include "base/yield.h"
#include "co/co.h"
#include "co/net.h"
#include "co/redis.h"

#include <hiredis/hiredis.h>

/* A command without a reply yet. */
struct pending {
    struct pending *next;
    redis_done_fn done;
    void *arg;
    usec_t since;
};

struct redis {
    struct redis_options options; /* with our own copies of the texts */
    struct co *co;
    struct net_conn *conn;
    redisReader *reader;
    redisReplyObjectFunctions functions;
    size_t unfinished; /* bytes received since the last complete reply */
    struct buf out;
    struct pending *first, **last;
    size_t pending;
    usec_t heard_at;
    usec_t pause;
    struct co_cond changed; /* up, down, or a reply came */
    char own_ip[64];
    uint8_t is_up, has_tried, is_reported, is_ending;
};

/* Prepares for a new connection. */
struct err *redis_reader_open(struct redis *redis);
struct err *redis_reader_feed(struct redis *redis, const char *data, size_t len);
/* *reply is the caller's; NULL: more bytes are needed. */
struct err *redis_reader_next(struct redis *redis, redisReply **reply);
void redis_reply_convert(const redisReply *from, struct redis_reply *to);

/* Appends a command to the output. 0 or -1. */
int redis_command_append(struct redis *redis, const struct redis_command *command);

/* Append to the queue of pending commands, and complete its first. */
int redis_pending_add(struct redis *redis, redis_done_fn done, void *arg);
void redis_pending_finish(struct redis *redis, const struct redis_reply *reply);

/* Connects and logs in. */
MAY_YIELD struct err *redis_open(struct redis *redis);
/* Serves the connection until its end; never NULL. */
MAY_YIELD struct err *redis_serve(struct redis *redis);

#endif
