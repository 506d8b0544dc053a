#ifndef CO_NOTIFY_SIGNAL_H
#define CO_NOTIFY_SIGNAL_H

/*
 * A notification for a process that waits for signals: what others write into a pipe makes the
 * kernel send it a signal in the receiver's own name (F_SETSIG, fcntl(2)). So a sender needs no
 * right to signal the receiver, which a process that has given up its privileges has not. Never
 * yields.
 */
#include "base/err.h"

/* For the receiver, before it forks: the signal is sent to this process. ends[0] is its own end;
 * both are closed on exec. */
struct err *notify_signal_new(int ends[2], int number);
/* For the receiver, at the signal. */
void notify_signal_clear(const int ends[2]);
/* Never waits. */
void notify_signal_send(const int ends[2]);

#endif
