#ifndef CO_NOTIFY_H
#define CO_NOTIFY_H

/*
 * A bell between processes: rung by any, heard by the coroutine of one. Made before the
 * fork. What it is about stands elsewhere; rings that nobody has heard yet are one.
 */
#include "base/yield.h"
#include "co/net.h"

/* A descriptor that is closed on exec; -1 with errno. */
int notify_new(void);
/* Never waits. */
void notify_ring(int fd);
/* Forgets what was rung before; for who takes the place of one that is gone. */
void notify_clear(int fd);
/* Waits for it to ring; conn is net_wrap_fd() of it. ERR_INTERRUPTED, or a broken descriptor. */
MAY_YIELD struct err *notify_wait(struct net_conn *conn);

#endif
