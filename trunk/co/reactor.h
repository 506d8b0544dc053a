#ifndef CO_REACTOR_H
#define CO_REACTOR_H

/*
 * The one place that waits for descriptors. A net_conn is registered once, edge-triggered for all
 * events; the reactor keeps its ready bits up to date and wakes its waiter when a wanted bit is
 * set. It also has the fine timers.
 */
#include "co/co_private.h"
#include "co/net.h"

/* Once, by co_init(): makes the epoll descriptor and the coroutine that waits in it. ERR_SYS. */
struct err *reactor_start(void);

/* 0, or -1 with errno. The connection's address must stay until reactor_remove(). */
int reactor_add(struct net_conn *conn);
/* Before the descriptor is closed: a copy of it in another process would keep it registered. */
void reactor_remove(struct net_conn *conn);

/* Adds the running coroutine with self->deadline to the fine timers; 0, or -1 without memory. */
int reactor_timer_add(struct co *self);
/* Removes it; no effect if it has fired. */
void reactor_timer_remove(struct co *self);
/* As co_park(), but with the fine timers: frequent timers that end at the same time share one
 * wake-up. */
enum co_wait reactor_park_until(usec_t deadline);

#endif
