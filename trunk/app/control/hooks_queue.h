#ifndef APP_CONTROL_HOOKS_QUEUE_H
#define APP_CONTROL_HOOKS_QUEUE_H

/*
 * The events that one URL is still to be notified of, in order. Several may be under way at once,
 * but never two of one client. After a failure only the first one is tried, at growing intervals,
 * until it succeeds. Bounded by its user. Pure.
 */
#include "base/clock.h"

#include <stddef.h>

/* Events under way at once. */
#define HOOKS_QUEUE_WINDOW 16
#define HOOKS_RETRY_MIN    (USEC_PER_SEC / 2)
#define HOOKS_RETRY_MAX    (8 * USEC_PER_SEC)

/* The head of what the user queues. */
struct hooks_queued {
    struct hooks_queued *prev, *next;
    const char *client; /* its id; owned by the user */
    usec_t at;          /* of the event */
    int is_under_way;
    int is_tried;
};

struct hooks_queue {
    struct hooks_queued *first, *last;
    size_t count;
    unsigned failures; /* in a row */
    usec_t retry_at;   /* nothing is tried before; 0: no limit */
};

void hooks_queue_push(struct hooks_queue *queue, struct hooks_queued *item);

/* The next event to send that may go (NULL: all may), which is under way from now on; NULL: none
 * now. */
struct hooks_queued *hooks_queue_take(struct hooks_queue *queue,
                                      int (*may_go)(const struct hooks_queued *item), usec_t now);
/* An event that was under way is delivered: it is out of the queue. */
void hooks_queue_done(struct hooks_queue *queue, struct hooks_queued *item);
/* It was not delivered and stays. */
void hooks_queue_failed(struct hooks_queue *queue, struct hooks_queued *item, usec_t now);

/* Takes out an event that happened before `before`, is not under way and has been tried or waits
 * for one that failed; NULL: none. */
struct hooks_queued *hooks_queue_expire(struct hooks_queue *queue, usec_t before);
/* Takes out the oldest event that is not under way; NULL: none. */
struct hooks_queued *hooks_queue_oldest(struct hooks_queue *queue);

#endif
