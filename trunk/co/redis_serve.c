/*
 * A connection to Redis while it lasts: opening it, sending queued commands, delivering the replies
 * in order, and detecting that the server is dead.
 */
#include "base/str.h"
#include "co/redis_private.h"
#include "co/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_TIMEOUT (3 * USEC_PER_SEC)
/* If a reply takes longer, the connection counts as dead. */
#define REPLY_TIMEOUT (3 * USEC_PER_SEC)
/* Interval of the probes on an idle connection. */
#define IDLE_MAX (5 * USEC_PER_SEC)

/* ---- replies ---- */

/* The server is read-only or shutting down: another one has replaced it, or will. */
static int is_no_master(const char *text)
{
    return str_starts(text, "READONLY") || str_starts(text, "MASTERDOWN");
}

void redis_pending_finish(struct redis *redis, const struct redis_reply *reply)
{
    struct pending *one = redis->first;

    redis->first = one->next;
    if (redis->first == NULL)
        redis->last = &redis->first;
    redis->pending--;
    if (one->done != NULL)
        one->done(one->arg, reply);
    free(one);
    co_cond_broadcast(&redis->changed);
}

static int reply_is(const redisReply *reply, size_t at, const char *word)
{
    return reply->type == REDIS_REPLY_ARRAY && at < reply->elements &&
           reply->element[at]->type == REDIS_REPLY_STRING &&
           strcmp(reply->element[at]->str, word) == 0;
}

/* Processes one reply, or a message of a channel. */
static struct err *reply_take(struct redis *redis, const redisReply *from)
{
    struct redis_reply reply;

    if (redis->options.channel != NULL && reply_is(from, 0, "message")) {
        if (from->elements == 3 && from->element[2]->type == REDIS_REPLY_STRING)
            redis->options.on_message(redis->options.arg, from->element[2]->str,
                                      from->element[2]->len);
        return NULL;
    }
    if (redis->first == NULL)
        return err_new(ERR_PROTO, "unexpected reply from Redis");
    redis_reply_convert(from, &reply);
    if (reply.kind == REDIS_REFUSED && is_no_master(reply.text))
        return err_new(ERR_DENIED, "Redis is not a master: %.80s", reply.text);
    redis_pending_finish(redis, &reply);
    return NULL;
}

/* ---- opening ---- */

static struct err *ask(struct redis *redis, const struct redis_command *command, usec_t deadline)
{
    redisReply *reply = NULL;
    char data[1024];
    struct err *err;
    size_t got = 0;

    if (redis_command_append(redis, command) != 0)
        return err_new(ERR_NOMEM, "no memory for a command");
    err = io_write(&redis->conn->io, buf_data(&redis->out), redis->out.len, co_left(deadline));
    buf_reset(&redis->out);
    while (err == NULL && reply == NULL) {
        err = redis_reader_next(redis, &reply);
        if (err == NULL && reply == NULL) {
            err = io_read(&redis->conn->io, data, sizeof(data), &got, co_left(deadline));
            if (err == NULL)
                err = redis_reader_feed(redis, data, got);
        }
    }
    if (err == NULL && reply->type == REDIS_REPLY_ERROR)
        err = err_new(ERR_DENIED, "%.120s", reply->str);
    if (reply != NULL)
        freeReplyObject(reply);
    return err;
}

static struct err *open_auth(struct redis *redis, usec_t deadline)
{
    struct redis_command command = {0};
    struct err *err;

    if (redis->options.password[0] == '\0')
        return NULL;
    redis_command_add(&command, "AUTH");
    if (redis->options.user[0] != '\0')
        redis_command_add(&command, redis->options.user);
    redis_command_add(&command, redis->options.password);
    err = ask(redis, &command, deadline);
    /* Nothing else is queued before the connection is open. */
    if (redis->out.data != NULL && redis->out.len == 0)
        explicit_bzero(redis->out.data, redis->out.cap);
    return err;
}

static struct err *open_mode(struct redis *redis, usec_t deadline)
{
    struct redis_command command = {0};
    char db[16];

    if (redis->options.channel != NULL) {
        redis_command_add(&command, "SUBSCRIBE");
        redis_command_add(&command, redis->options.channel);
        return ask(redis, &command, deadline);
    }
    if (redis->options.db == 0)
        return NULL;
    (void)str_format(db, sizeof(db), "%d", redis->options.db);
    redis_command_add(&command, "SELECT");
    redis_command_add(&command, db);
    return ask(redis, &command, deadline);
}

/* Before it has answered, any program may be listening there. */
static struct err *open_ping(struct redis *redis, usec_t deadline)
{
    struct redis_command command = {0};

    if (redis->options.channel != NULL)
        return NULL;
    redis_command_add(&command, "PING");
    return ask(redis, &command, deadline);
}

/* Without this, a replica would be disconnected and retried at each write. */
static struct err *open_probe(struct redis *redis, usec_t deadline)
{
    struct redis_command command = {0};
    struct err *err;

    if (redis->options.probe == NULL)
        return NULL;
    redis_command_add(&command, "SET");
    redis_command_add(&command, redis->options.probe);
    redis_command_add(&command, "1");
    redis_command_add(&command, "PX");
    redis_command_add(&command, "1");
    err = ask(redis, &command, deadline);
    /* Another refusal may only be a missing right that a subscriber does not need. */
    if (err == NULL || err_code(err) != ERR_DENIED || is_no_master(err_text(err)))
        return err;
    err_free(err);
    return NULL;
}

struct err *redis_open(struct redis *redis)
{
    const struct redis_options *options = &redis->options;
    usec_t deadline = co_deadline(OPEN_TIMEOUT);
    struct err *err = redis_reader_open(redis);

    if (err == NULL)
        err = net_connect(options->host, options->port, &redis->conn, co_left(deadline));
    if (err != NULL)
        return err;
    net_tune(redis->conn, 0, 1);
    net_local_ip(redis->conn, redis->own_ip, sizeof(redis->own_ip));
    if (options->tls != NULL)
        err = tls_connect(options->tls, redis->conn, options->host, co_left(deadline));
    if (err == NULL)
        err = open_auth(redis, deadline);
    if (err == NULL)
        err = open_mode(redis, deadline);
    if (err == NULL)
        err = open_ping(redis, deadline);
    return err != NULL ? err : open_probe(redis, deadline);
}

/* ---- while it is up ---- */

static struct err *serve_write(struct redis *redis)
{
    while (redis->out.len > 0) {
        struct iovec iov = {buf_data(&redis->out), redis->out.len};
        ssize_t sent = net_try_writev(redis->conn, &iov, 1);

        if (sent < 0)
            return errno == EAGAIN ? NULL : err_sys(errno, "write");
        buf_consume(&redis->out, (size_t)sent);
    }
    return NULL;
}

static struct err *serve_replies(struct redis *redis)
{
    redisReply *reply;
    struct err *err = redis_reader_next(redis, &reply);

    while (err == NULL && reply != NULL) {
        err = reply_take(redis, reply);
        freeReplyObject(reply);
        if (err == NULL)
            err = redis_reader_next(redis, &reply);
    }
    return err;
}

static MAY_YIELD struct err *serve_read(struct redis *redis)
{
    char data[4096];

    for (;;) {
        ssize_t got = net_try_read(redis->conn, data, sizeof(data));
        struct err *err;

        if (got == 0)
            return err_new(ERR_CLOSED, "Redis closed the connection");
        if (got < 0)
            return errno == EAGAIN ? NULL : err_sys(errno, "read");
        redis->heard_at = co_now();
        err = redis_reader_feed(redis, data, (size_t)got);
        if (err == NULL)
            err = serve_replies(redis);
        if (err != NULL)
            return err;
        co_fair();
    }
}

int redis_pending_add(struct redis *redis, redis_done_fn done, void *arg)
{
    struct pending *one = calloc(1, sizeof(*one));

    if (one == NULL)
        return -1;
    one->done = done;
    one->arg = arg;
    one->since = co_now();
    *redis->last = one;
    redis->last = &one->next;
    redis->pending++;
    return 0;
}

/* Checks the timers: an overdue reply, and a silence that needs a probe. */
static struct err *serve_clock(struct redis *redis, usec_t *wait)
{
    struct redis_command ping = {0};
    usec_t now = co_now();

    if (redis->first == NULL && now - redis->heard_at >= IDLE_MAX) {
        redis_command_add(&ping, "PING");
        if (redis_command_append(redis, &ping) != 0 || redis_pending_add(redis, NULL, NULL) != 0)
            return err_new(ERR_NOMEM, "no memory for a command");
    }
    if (redis->first == NULL) {
        *wait = redis->heard_at + IDLE_MAX - now;
        return NULL;
    }
    *wait = redis->first->since + REPLY_TIMEOUT - now;
    return *wait > 0 ? NULL : err_new(ERR_TIMEOUT, "Redis does not respond");
}

struct err *redis_serve(struct redis *redis)
{
    /* Data that arrived with the last reply of the opening has already been read. */
    struct err *err = serve_replies(redis);
    usec_t wait = 0;
    int events;

    redis->heard_at = co_now();
    for (;;) {
        if (err == NULL)
            err = serve_read(redis);
        if (err == NULL)
            err = serve_clock(redis, &wait);
        if (err == NULL)
            err = serve_write(redis);
        if (err != NULL)
            return err;
        events = net_wait(redis->conn, NET_IN | (redis->out.len > 0 ? NET_OUT : 0), wait);
        if (events < 0)
            return err_new(ERR_INTERRUPTED, "stopped");
    }
}
