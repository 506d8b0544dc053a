/*
 * Each URL has a queue of its own, so that a dead server delays no other; a few coroutines send
 * from it and end when it is empty. An event is sent until its server has received it (any answer
 * below 500 but 429), or until it is too old.
 *
 * The events of one client are sent in their order, also to different URLs: each waits until the
 * one before it has been tried.
 */
#include "app/control/hooks_target.h"

#include "app/control/hooks_call.h"
#include "app/control/hooks_queue.h"
#include "app/core/log_limit.h"
#include "base/secret.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct item {
    struct hooks_queued queued; /* first: cast back */
    struct hooks_message *message;
    int url; /* its place among the URLs of the event */
};

/* A URL with undelivered events, as its vhost was configured when the last of them was added. */
struct hooks_target {
    struct hooks_target *next;
    struct hooks *hooks;
    struct hooks_queue queue;
    struct co *sender[HOOKS_QUEUE_WINDOW]; /* NULL: none */
    int senders;
    int is_waiting; /* one of them waits for the next try */
    struct co_cond wake;
    usec_t timeout, retry_time;
    size_t max_queue;
    char *url, *ca;
    char *secret; /* NULL: none */
};

int hooks_target_is_failing(const struct hooks_target *target)
{
    return target->queue.failures > 0;
}

/* Whether the client's event before this one has been tried, or cannot be tried now. */
static int may_go(const struct hooks_queued *queued)
{
    const struct hooks_message *after = ((const struct item *)queued)->message->after;

    return after == NULL || after->is_tried || after->at == NULL ||
           hooks_target_is_failing(after->at);
}

/* Delivered, or given up. */
static void item_end(struct hooks *hooks, struct item *item)
{
    if (item->message->record != 0)
        hooks_ledger_deliver(hooks->ledger, item->message->record, item->url);
    hooks_message_release(hooks, item->message);
    free(item);
    hooks->queued--;
    co_cond_broadcast(&hooks->changed);
}

static __attribute__((noinline)) void item_drop(struct hooks_target *target, struct item *item,
                                                const char *why)
{
    struct hooks *hooks = target->hooks;
    char shown[HOOKS_URL_SHOWN_MAX];

    hooks_event_show_url(target->url, shown);
    log_peer(hooks->server, LOG_WARN, "callback dropped", "",
             "%s of client %s dropped: %s did not receive it (%s)",
             hooks_event_name(item->message->hook), item->message->client, shown, why);
    hooks_stat_drop(hooks, item->message->hook);
    item_end(hooks, item);
}

/* ---- sending ---- */

static void target_wake(struct hooks_target *target);

static __attribute__((noinline)) void log_failure(const struct hooks_target *target,
                                                  const struct item *item, int status,
                                                  const struct err *err)
{
    char shown[HOOKS_URL_SHOWN_MAX];
    char answered[32];

    hooks_event_show_url(target->url, shown);
    (void)str_format(answered, sizeof(answered), "status %d", status);
    log_peer_err(target->hooks->server, target->queue.failures > 1 ? LOG_DEBUG : LOG_WARN,
                 "callback failed", "", err, "%s to %s failed, will be retried: %s",
                 hooks_event_name(item->message->hook), shown,
                 err != NULL ? err_text(err) : answered);
}

/* Sends an event that is under way. */
static MAY_YIELD void item_send(struct hooks_target *target, struct item *item)
{
    struct hooks *hooks = target->hooks;
    struct hooks_call call = {.url = target->url,
                              .body = item->message->body,
                              .secret = target->secret,
                              .ca = target->ca};
    struct hooks_answer *answer = malloc(sizeof(*answer));
    usec_t began_at = clock_now();
    struct err *err = NULL;
    int status = 0;
    int is_failure;

    if (answer != NULL)
        err = hooks_call_run(hooks->server, hooks->pool, &call, &status, answer, target->timeout);
    is_failure = answer == NULL || err != NULL || status >= 500 || status == 429;
    hooks_stat_count(hooks, item->message->hook, is_failure, began_at);
    free(answer);
    item->message->is_tried = 1;
    if (is_failure) {
        hooks_queue_failed(&target->queue, &item->queued, clock_now());
        log_failure(target, item, status, err);
    } else {
        hooks_queue_done(&target->queue, &item->queued);
        item_end(hooks, item);
    }
    err_free(err);
    /* Events of the same client for other URLs may have waited. */
    for (target = hooks->targets; target != NULL; target = target->next)
        target_wake(target);
}

static void target_expire(struct hooks_target *target)
{
    struct hooks_queued *old;

    while ((old = hooks_queue_expire(&target->queue, clock_now() - target->retry_time)) != NULL)
        item_drop(target, (struct item *)old, "retry_time is over");
}

static void target_free(struct hooks_target *target)
{
    struct hooks_target **at = &target->hooks->targets;

    while (*at != target)
        at = &(*at)->next;
    *at = target->next;
    co_cond_fini(&target->wake);
    secret_free(target->url);
    free(target->ca);
    secret_free(target->secret);
    free(target);
}

/* Waits for the next try. -1: there is nothing to wait for, or another sender waits already. */
static MAY_YIELD int sender_wait(struct hooks_target *target)
{
    usec_t wait = target->queue.retry_at - clock_now();

    if (wait <= 0 || target->queue.first == NULL || target->is_waiting)
        return -1;
    target->is_waiting = 1;
    (void)co_cond_wait(&target->wake, wait);
    target->is_waiting = 0;
    return 0;
}

static MAY_YIELD void sender_run(void *arg)
{
    struct hooks_target *target = arg;
    struct hooks *hooks = target->hooks;
    struct hooks_queued *next;

    for (int i = 0; i < HOOKS_QUEUE_WINDOW; i++)
        if (target->sender[i] == NULL) {
            target->sender[i] = co_self();
            break;
        }
    while (!co_is_interrupted() && !hooks->is_over) {
        target_expire(target);
        next = hooks_queue_take(&target->queue, may_go, clock_now());
        if (next != NULL)
            item_send(target, (struct item *)next);
        else if (sender_wait(target) != 0)
            break;
    }
    for (int i = 0; i < HOOKS_QUEUE_WINDOW; i++)
        if (target->sender[i] == co_self())
            target->sender[i] = NULL;
    target->senders--;
    if (target->senders == 0 && target->queue.first == NULL)
        target_free(target);
    hooks->coroutines--;
    co_cond_broadcast(&hooks->changed);
}

static void target_wake(struct hooks_target *target)
{
    co_cond_signal(&target->wake);
    if (target->senders == HOOKS_QUEUE_WINDOW || target->queue.retry_at > clock_now() ||
        (size_t)target->senders >= target->queue.count)
        return;
    if (co_spawn(sender_run, target) == NULL)
        return; /* the next event tries again */
    target->senders++;
    target->hooks->coroutines++;
}

/* ---- queueing ---- */

static int same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The queue of a URL with this secret and CA bundle; NULL without memory. */
static struct hooks_target *target_get(struct hooks *hooks, const struct config_http_hooks *config,
                                       const char *url)
{
    const char *secret = config->secret.count > 0 ? config->secret.item[0] : NULL;
    struct hooks_target *target = hooks->targets;
    struct err *err;

    while (target != NULL && (!same(target->url, url) || !same(target->secret, secret) ||
                              !same(target->ca, config->ca)))
        target = target->next;
    if (target == NULL) {
        target = calloc(1, sizeof(*target));
        if (target == NULL)
            return NULL;
        target->url = secret_copy(url);
        target->ca = strdup(config->ca);
        target->secret = secret != NULL ? secret_copy(secret) : NULL;
        err = co_cond_init(&target->wake);
        if (err != NULL || target->url == NULL || target->ca == NULL ||
            (secret != NULL && target->secret == NULL)) {
            if (err == NULL)
                co_cond_fini(&target->wake);
            err_free(err);
            secret_free(target->url);
            free(target->ca);
            secret_free(target->secret);
            free(target);
            return NULL;
        }
        target->hooks = hooks;
        target->next = hooks->targets;
        hooks->targets = target;
    }
    target->timeout = config->timeout;
    target->retry_time = config->retry_time;
    target->max_queue = (size_t)config->max_queue;
    return target;
}

int hooks_target_push(struct hooks *hooks, const struct config_http_hooks *config,
                      struct hooks_message *message, const char *url, int place)
{
    struct hooks_target *target = target_get(hooks, config, url);
    struct item *item = target != NULL ? calloc(1, sizeof(*item)) : NULL;

    if (item == NULL)
        return -1;
    if (target->queue.count >= target->max_queue) {
        struct hooks_queued *oldest = hooks_queue_oldest(&target->queue);

        if (oldest != NULL)
            item_drop(target, (struct item *)oldest, "max_queue is reached");
    }
    item->queued.client = message->client;
    item->queued.at = clock_now();
    item->message = message;
    item->url = place;
    message->uses++;
    if (message->at == NULL)
        message->at = target;
    hooks->queued++;
    hooks_queue_push(&target->queue, &item->queued);
    target_wake(target);
    return 0;
}

/* ---- the end ---- */

void hooks_target_retry_all(struct hooks *hooks)
{
    for (struct hooks_target *target = hooks->targets; target != NULL; target = target->next) {
        target->queue.failures = 0;
        target->queue.retry_at = 0;
        target_wake(target);
    }
}

void hooks_target_end_all(struct hooks *hooks)
{
    for (struct hooks_target *target = hooks->targets; target != NULL; target = target->next)
        for (int i = 0; i < HOOKS_QUEUE_WINDOW; i++)
            if (target->sender[i] != NULL)
                co_interrupt(target->sender[i]);
}

void hooks_target_free_all(struct hooks *hooks)
{
    struct hooks_target *next;

    for (struct hooks_target *target = hooks->targets; target != NULL; target = next) {
        struct hooks_queued *item;

        assert(target->senders == 0);
        next = target->next;
        while ((item = hooks_queue_oldest(&target->queue)) != NULL) {
            hooks_message_release(hooks, ((struct item *)item)->message);
            free(item);
        }
        target_free(target);
    }
}
