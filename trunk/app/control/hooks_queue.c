/*
 * A list in the order of the events. Only its first HOOKS_QUEUE_WINDOW entries are looked at, so a
 * search has a limit, and an event is never overtaken by more than so many others.
 */
#include "app/control/hooks_queue.h"

#include <assert.h>
#include <string.h>

void hooks_queue_push(struct hooks_queue *queue, struct hooks_queued *item)
{
    item->is_under_way = item->is_tried = 0;
    item->next = NULL;
    item->prev = queue->last;
    if (queue->last != NULL)
        queue->last->next = item;
    else
        queue->first = item;
    queue->last = item;
    queue->count++;
}

static void take_out(struct hooks_queue *queue, struct hooks_queued *item)
{
    if (item->prev != NULL)
        item->prev->next = item->next;
    else
        queue->first = item->next;
    if (item->next != NULL)
        item->next->prev = item->prev;
    else
        queue->last = item->prev;
    item->prev = item->next = NULL;
    queue->count--;
}

/* Whether an earlier event of the same client is still in the queue. */
static int must_wait(const struct hooks_queued *item)
{
    for (const struct hooks_queued *other = item->prev; other != NULL; other = other->prev)
        if (strcmp(other->client, item->client) == 0)
            return 1;
    return 0;
}

struct hooks_queued *hooks_queue_take(struct hooks_queue *queue,
                                      int (*may_go)(const struct hooks_queued *item), usec_t now)
{
    struct hooks_queued *item = queue->first;
    int window = queue->failures > 0 ? 1 : HOOKS_QUEUE_WINDOW;

    if (queue->retry_at > now)
        return NULL;
    for (; item != NULL && window > 0; item = item->next, window--) {
        if (item->is_under_way || must_wait(item) || (may_go != NULL && !may_go(item)))
            continue;
        item->is_under_way = item->is_tried = 1;
        return item;
    }
    return NULL;
}

void hooks_queue_done(struct hooks_queue *queue, struct hooks_queued *item)
{
    assert(item->is_under_way);
    take_out(queue, item);
    queue->failures = 0;
    queue->retry_at = 0;
}

void hooks_queue_failed(struct hooks_queue *queue, struct hooks_queued *item, usec_t now)
{
    usec_t pause = HOOKS_RETRY_MIN;

    assert(item->is_under_way);
    item->is_under_way = 0;
    /* Events that were under way together have failed together. */
    if (queue->retry_at > now)
        return;
    for (unsigned i = 0; i < queue->failures && pause < HOOKS_RETRY_MAX; i++)
        pause *= 2;
    queue->retry_at = now + (pause < HOOKS_RETRY_MAX ? pause : HOOKS_RETRY_MAX);
    queue->failures++;
}

static struct hooks_queued *first_idle(const struct hooks_queue *queue)
{
    struct hooks_queued *item = queue->first;

    while (item != NULL && item->is_under_way)
        item = item->next;
    return item;
}

struct hooks_queued *hooks_queue_expire(struct hooks_queue *queue, usec_t before)
{
    struct hooks_queued *item = first_idle(queue);

    if (item == NULL || item->at >= before || (!item->is_tried && queue->failures == 0))
        return NULL;
    take_out(queue, item);
    return item;
}

struct hooks_queued *hooks_queue_oldest(struct hooks_queue *queue)
{
    struct hooks_queued *item = first_idle(queue);

    if (item != NULL)
        take_out(queue, item);
    return item;
}
