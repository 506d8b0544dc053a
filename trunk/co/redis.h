#ifndef CO_REDIS_H
#define CO_REDIS_H

/*
 * A persistent connection to a Redis server: commands are pipelined; the connection is reopened as
 * long as it is wanted. It either sends commands, or subscribes to a channel. One coroutine each.
 * Redis is not trusted: the size of its replies is limited.
 */
#include "base/clock.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct redis;
struct tls;

/* Commands without a reply yet; further ones are refused. */
#define REDIS_PENDING_MAX 1024
/* The longest reply, and the longest text that redis_call() keeps. */
#define REDIS_REPLY_MAX ((size_t)64 * 1024)
#define REDIS_TEXT_MAX  2048
#define REDIS_ARGS_MAX  12

struct redis_options {
    const char *host; /* all are copied; "" if absent */
    int port;
    const char *user, *password;
    int db;
    struct tls *tls;     /* borrowed; NULL: without */
    const char *probe;   /* NULL: none. Else a key that is written to test for write access; a
                            read-only server (a replica) counts as unreachable. */
    const char *channel; /* NULL: for commands. Else the channel to subscribe to, and no commands
                            are sent. */
    /* Called from the connection's coroutine; must not yield. on_down: once for each outage. */
    void (*on_up)(void *arg);
    void (*on_down)(void *arg, const struct err *why);
    void (*on_message)(void *arg, const char *data, size_t len);
    void *arg;
};

struct redis_command {
    int count;
    const char *arg[REDIS_ARGS_MAX]; /* borrowed until the command is sent */
    size_t len[REDIS_ARGS_MAX];
};

enum redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_NUMBER, REDIS_REFUSED, REDIS_OTHER };

struct redis_reply {
    enum redis_kind kind;
    const char *text; /* of TEXT and REFUSED; "" else; ends in '\0' */
    size_t len;
    int64_t number;
};

/* reply: valid until it returns; NULL: the connection broke. Must not yield. */
typedef void (*redis_done_fn)(void *arg, const struct redis_reply *reply);

/* Starts to connect. NULL without memory. */
struct redis *redis_new(const struct redis_options *options);
/* Waits up to timeout for pending replies, then ends. NULL is allowed. */
void redis_free(struct redis *redis, usec_t timeout);

/* True while it is connected and logged in. Never yields. */
int redis_is_up(const struct redis *redis);
/* Waits for the first connection attempt. True when it is up. */
int redis_wait_up(struct redis *redis, usec_t timeout);
/* The local address, once it has been up; "" before. */
const char *redis_own_ip(const struct redis *redis);

/* Appends a word to a command; arg is borrowed until the command is sent. */
void redis_command_add(struct redis_command *command, const char *arg);

/* Sends without waiting: 0, and done (may be NULL) is called once; or -1: not connected, or too
 * many commands are pending. */
int redis_post(struct redis *redis, const struct redis_command *command, redis_done_fn done,
               void *arg);
/* The number of commands without a reply. */
size_t redis_pending(const struct redis *redis);

/*
 * As redis_post(), and waits for the reply; reply->text points into text. ERR_CLOSED: unreachable;
 * ERR_LIMIT: too many commands are pending, or the reply is too long; ERR_TIMEOUT.
 */
struct err *redis_call(struct redis *redis, const struct redis_command *command,
                       struct redis_reply *reply, char text[REDIS_TEXT_MAX], usec_t timeout);

#endif
