#ifndef CO_NET_PASS_H
#define CO_NET_PASS_H

/*
 * Hands connections to another process, each with a byte that states its kind. The channel is made
 * before the fork, and its contents survive the receiving process: its replacement receives them.
 */
#include "base/yield.h"
#include "co/net.h"

/* fd[0] is for the receiver, fd[1] for all senders; both are closed on exec. 0, or -1 with errno.
 */
int net_pass_new(int fd[2]);

/* Sends fd, which the caller still has to close. Never waits. 0, or -1: the channel is full, and
 * the caller keeps the connection. */
int net_pass_give(int channel, int fd, uint8_t what);

/* Receives one descriptor of any kind without waiting; the caller owns it. 1, or 0: there is none.
 */
int net_pass_take_fd(int channel, int *fd, uint8_t *what);

/* Accepts one connection from a listening descriptor and sends it. Never waits. 1, or 0: nothing to
 * accept, or the channel is full. */
int net_pass_accept(int listener, int channel, uint8_t what);

/*
 * Receives the next connection; channel is net_wrap_fd() of fd[0]. *out is NULL if the peer has
 * already disconnected, or this process has no free descriptor. ERR_INTERRUPTED, or the error of a
 * broken channel.
 */
MAY_YIELD struct err *net_pass_take(struct net_conn *channel, struct net_conn **out, uint8_t *what,
                                    const struct log *log);

#endif
