#ifndef CO_REDIS_H
#define CO_REDIS_H

/*
 * A kept connection to a Redis server: commands go out one after the other without
 * waiting for each other's replies; it is opened again for as long as it is wanted. Either it sends
 * commands, or it listens to a channel. One coroutine each. Redis is not trusted: what
 * it sends is bounded.
 */
#include "base/clock.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct redis;
struct tls;

/* Commands whose replies are still to come; one more is refused. */
#define REDIS_PENDING_MAX 1024
/* The longest reply, and the most that is kept of one by redis_call(). */
#define REDIS_REPLY_MAX ((size_t)64 * 1024)
#define REDIS_TEXT_MAX  2048
#define REDIS_ARGS_MAX  12

struct redis_options {
    const char *host; /* all are copied; "" for what is not there */
    int port;
    const char *user, *password;
    int db;
    struct tls *tls;   /* borrowed; NULL: without */
    const char *probe; /* NULL: none. Else a key that is written to see whether it may be; one that
                          only reads (a replica) counts as away. */
    const char *channel; /* NULL: for commands. Else this is listened to, and nothing is sent. */
    /* Called from the connection's coroutine; must not yield. on_down: once for each outage. */
    void (*on_up)(void *arg);
    void (*on_down)(void *arg, const struct err *why);
    void (*on_message)(void *arg, const char *data, size_t len);
    void *arg;
};

struct redis_command {
    int count;
    const char *arg[REDIS_ARGS_MAX]; /* borrowed until it was sent off */
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

/* Starts connecting. NULL without memory. */
struct redis *redis_new(const struct redis_options *options);
/* Waits for what was sent to be answered, as long as that is, then ends. NULL is allowed. */
void redis_free(struct redis *redis, usec_t timeout);

/* True while it is connected and logged in. Never yields. */
int redis_is_up(const struct redis *redis);
/* Waits while the very first attempt is under way. True when it is up. */
int redis_wait_up(struct redis *redis, usec_t timeout);
/* This end's address, once it has been up; "" before. */
const char *redis_own_ip(const struct redis *redis);

/* One more word of a command; arg is borrowed until it was posted. */
void redis_command_add(struct redis_command *command, const char *arg);

/* Sends without waiting: 0, and done (which may be NULL) is called once; or -1: it is not up, or
 * too much is under way. */
int redis_post(struct redis *redis, const struct redis_command *command, redis_done_fn done,
               void *arg);
/* How many have not been answered. */
size_t redis_pending(const struct redis *redis);

/*
 * The same, and waits for the reply; reply->text is in text. ERR_CLOSED: unreachable; ERR_LIMIT:
 * too much is under way, or the reply is too long; ERR_TIMEOUT.
 */
struct err *redis_call(struct redis *redis, const struct redis_command *command,
                       struct redis_reply *reply, char text[REDIS_TEXT_MAX], usec_t timeout);

#endif
