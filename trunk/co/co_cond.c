/*
 * Conditions: a ring of parked coroutines in the order of arrival.
 *
 * A signal removes the first coroutine from the ring before it wakes it, so that a second signal
 * reaches the next one, and the condition may be freed before the woken coroutine runs. Nothing is
 * allocated: the links belong to the coroutine.
 */
#include "co/co.h"
#include "co/co_private.h"
#include "co/reactor.h"

#include <assert.h>

struct err *co_cond_init(struct co_cond *cond)
{
    cond->waiters = NULL;
    return NULL;
}

void co_cond_fini(struct co_cond *cond)
{
    assert(cond->waiters == NULL);
    cond->waiters = NULL;
}

static void co_cond_link(struct co_cond *cond, struct co *self)
{
    struct co *first = cond->waiters;

    assert(self->cond == NULL);
    self->cond = cond;
    if (first == NULL) {
        self->next = self;
        self->prev = self;
        cond->waiters = self;
        return;
    }
    self->next = first;
    self->prev = first->prev;
    first->prev->next = self;
    first->prev = self;
}

static void co_cond_unlink(struct co *co)
{
    struct co_cond *cond = co->cond;

    assert(cond != NULL);
    if (co->next == co) {
        cond->waiters = NULL;
    } else {
        co->prev->next = co->next;
        co->next->prev = co->prev;
        if (cond->waiters == co)
            cond->waiters = co->next;
    }
    co->cond = NULL;
}

/*
 * A signalled coroutine is no longer in the ring, and the condition may be freed before it runs: it
 * returns CO_OK without reading the condition, even if its deadline or an interrupt came as well.
 */
static enum co_wait co_cond_leave(struct co *self, enum co_wait why)
{
    if (self->cond == NULL)
        return CO_OK;
    co_cond_unlink(self);
    return why;
}

enum co_wait co_cond_wait(struct co_cond *cond, usec_t timeout)
{
    struct co *self = co_self();

    assert(self != NULL);
    if (self->interrupted)
        return CO_INTERRUPTED;
    if (timeout == 0) {
        co_fair();
        return CO_TIMEOUT;
    }
    co_cond_link(cond, self);
    return co_cond_leave(self, co_park(co_deadline(timeout)));
}

enum co_wait co_cond_wait_until(struct co_cond *cond, usec_t deadline)
{
    struct co *self = co_self();

    assert(self != NULL);
    if (self->interrupted)
        return CO_INTERRUPTED;
    if (deadline != USEC_NEVER && deadline <= co_now()) {
        co_fair();
        return CO_TIMEOUT;
    }
    co_cond_link(cond, self);
    return co_cond_leave(self, reactor_park_until(deadline));
}

void co_cond_signal(struct co_cond *cond)
{
    struct co *co = cond->waiters;

    if (co == NULL)
        return;
    co_cond_unlink(co);
    co_wake(co);
}

void co_cond_broadcast(struct co_cond *cond)
{
    while (cond->waiters != NULL)
        co_cond_signal(cond);
}
