/*
 * A Redis client over our own connections (hiredis handles the protocol, but no socket): one
 * coroutine keeps the connection, reopens it when it breaks, and logs each outage once; other
 * coroutines may send commands meanwhile, with or without waiting for the reply.
 */
#include "base/secret.h"
#include "base/str.h"
#include "co/redis_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PAUSE_MIN (50 * USEC_PER_MS)
#define PAUSE_MAX USEC_PER_SEC
#define OUT_MAX   ((size_t)1024 * 1024)

/* ---- life ---- */

static void redis_up(struct redis *redis)
{
    redis->is_up = redis->has_tried = 1;
    redis->is_reported = 0;
    redis->pause = PAUSE_MIN;
    if (redis->options.on_up != NULL)
        redis->options.on_up(redis->options.arg);
    co_cond_broadcast(&redis->changed);
}

static void redis_down(struct redis *redis, const struct err *why)
{
    redis->is_up = 0;
    redis->has_tried = 1;
    net_free(redis->conn);
    redis->conn = NULL;
    if (redis->reader != NULL)
        redisReaderFree(redis->reader);
    redis->reader = NULL;
    buf_reset(&redis->out);
    while (redis->first != NULL)
        redis_pending_finish(redis, NULL);
    if (!redis->is_reported && !redis->is_ending && redis->options.on_down != NULL)
        redis->options.on_down(redis->options.arg, why);
    redis->is_reported = 1;
    co_cond_broadcast(&redis->changed);
}

/* With a random part, so that the servers of a cluster do not reconnect at the same moment. */
static usec_t redis_pause(struct redis *redis)
{
    usec_t pause = redis->pause;
    uint16_t dice = 0;

    redis->pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
    if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
        dice = 0;
    return pause / 2 + pause / 2 * dice / UINT16_MAX;
}

static MAY_YIELD void redis_run(void *arg)
{
    struct redis *redis = arg;

    while (!redis->is_ending) {
        struct err *err = redis_open(redis);

        if (err == NULL && !redis->is_ending) {
            redis_up(redis);
            err = redis_serve(redis);
        }
        redis_down(redis, err);
        err_free(err);
        if (!redis->is_ending)
            (void)co_sleep(redis_pause(redis));
    }
}

static const char *copy(const char *text, int *is_bad)
{
    char *out = strdup(text != NULL ? text : "");

    *is_bad |= out == NULL;
    return out;
}

static void redis_destroy(struct redis *redis)
{
    co_cond_fini(&redis->changed);
    buf_fini(&redis->out);
    free((char *)redis->options.host);
    free((char *)redis->options.user);
    free((char *)redis->options.channel);
    free((char *)redis->options.probe);
    secret_free((char *)redis->options.password);
    free(redis);
}

struct redis *redis_new(const struct redis_options *options)
{
    struct redis *redis = calloc(1, sizeof(*redis));
    struct err *err;
    int is_bad = 0;

    if (redis == NULL)
        return NULL;
    err = co_cond_init(&redis->changed);
    if (err != NULL) {
        err_free(err);
        free(redis);
        return NULL;
    }
    buf_init(&redis->out, OUT_MAX);
    redis->last = &redis->first;
    redis->pause = PAUSE_MIN;
    redis->options = *options;
    redis->options.host = copy(options->host, &is_bad);
    redis->options.user = copy(options->user, &is_bad);
    redis->options.password = secret_copy(options->password != NULL ? options->password : "");
    is_bad |= redis->options.password == NULL;
    redis->options.probe = options->probe != NULL ? copy(options->probe, &is_bad) : NULL;
    redis->options.channel = options->channel != NULL ? copy(options->channel, &is_bad) : NULL;
    if (!is_bad)
        redis->co = co_spawn_joinable(redis_run, redis);
    if (redis->co != NULL)
        return redis;
    redis_destroy(redis);
    return NULL;
}

void redis_free(struct redis *redis, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    if (redis == NULL)
        return;
    while (redis->is_up && redis->pending > 0 && co_left(deadline) > 0)
        if (co_cond_wait(&redis->changed, co_left(deadline)) == CO_INTERRUPTED)
            break;
    redis->is_ending = 1;
    co_interrupt(redis->co);
    co_join(redis->co);
    redis_destroy(redis);
}

int redis_is_up(const struct redis *redis)
{
    return redis->is_up;
}

int redis_wait_up(struct redis *redis, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    while (!redis->has_tried && co_left(deadline) > 0)
        if (co_cond_wait(&redis->changed, co_left(deadline)) != CO_OK)
            break;
    return redis->is_up;
}

const char *redis_own_ip(const struct redis *redis)
{
    return redis->own_ip;
}

/* ---- commands ---- */

size_t redis_pending(const struct redis *redis)
{
    return redis->pending;
}

int redis_post(struct redis *redis, const struct redis_command *command, redis_done_fn done,
               void *arg)
{
    size_t before = redis->out.len;

    assert(redis->options.channel == NULL && command->count > 0);
    if (!redis->is_up || redis->is_ending || redis->pending >= REDIS_PENDING_MAX ||
        redis_command_append(redis, command) != 0)
        return -1;
    if (redis_pending_add(redis, done, arg) != 0) {
        redis->out.len = before;
        return -1;
    }
    net_wake_owner(redis->conn);
    return 0;
}

/* A waiting caller; the reply may come after it has given up. */
struct waiting {
    struct redis_reply reply;
    struct co_cond done;
    char *text;
    int is_done, is_broken, is_cut, is_left;
};

static void call_done(void *arg, const struct redis_reply *reply)
{
    struct waiting *w = arg;

    if (w->is_left) {
        free(w);
        return;
    }
    w->is_done = 1;
    w->is_broken = reply == NULL;
    co_cond_signal(&w->done);
    if (reply == NULL)
        return;
    w->reply = *reply;
    w->reply.text = w->text;
    w->is_cut = str_copy_n(w->text, REDIS_TEXT_MAX, reply->text, reply->len) != 0;
}

static struct err *call_wait(struct waiting *w, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    while (!w->is_done) {
        enum co_wait why =
            co_left(deadline) > 0 ? co_cond_wait(&w->done, co_left(deadline)) : CO_TIMEOUT;

        if (w->is_done || why == CO_OK)
            continue;
        w->is_left = 1;
        return why == CO_TIMEOUT ? err_new(ERR_TIMEOUT, "Redis timed out")
                                 : err_new(ERR_INTERRUPTED, "interrupted");
    }
    if (w->is_broken)
        return err_new(ERR_CLOSED, "Redis unreachable");
    return w->is_cut ? err_new(ERR_LIMIT, "the reply is too long") : NULL;
}

struct err *redis_call(struct redis *redis, const struct redis_command *command,
                       struct redis_reply *reply, char text[REDIS_TEXT_MAX], usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct waiting *w;
    struct err *err;

    if (!redis_wait_up(redis, timeout))
        return err_new(ERR_CLOSED, "Redis unreachable");
    w = calloc(1, sizeof(*w));
    if (w == NULL)
        return err_new(ERR_NOMEM, "no memory for a command");
    err = co_cond_init(&w->done);
    if (err != NULL) {
        free(w);
        return err;
    }
    w->text = text;
    if (redis_post(redis, command, call_done, w) != 0) {
        co_cond_fini(&w->done);
        free(w);
        return err_new(ERR_LIMIT, "too many pending commands");
    }
    err = call_wait(w, co_left(deadline));
    co_cond_fini(&w->done);
    *reply = w->reply;
    if (!w->is_left)
        free(w);
    return err;
}
