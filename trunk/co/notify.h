#ifndef CO_NOTIFY_H
#define CO_NOTIFY_H

/*
 * A notification between processes: any process sends it, a coroutine of one process waits for it.
 * Created before the fork. It carries no data; several notifications before a wait count as one.
 */
#include "base/yield.h"
#include "co/net.h"

/* A descriptor that is closed on exec; -1 with errno. */
int notify_new(void);
/* Never waits. */
void notify_send(int fd);
/* Discards earlier notifications; for a process that replaces one that has ended. */
void notify_clear(int fd);
/* Waits for a notification; conn is net_wrap_fd() of the descriptor. ERR_INTERRUPTED, or the error
 * of a descriptor that cannot be read for a second. */
MAY_YIELD struct err *notify_wait(struct net_conn *conn);

#endif
