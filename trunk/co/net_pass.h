#ifndef CO_NET_PASS_H
#define CO_NET_PASS_H

/*
 * Connections that are handed to another process, with a byte that says what they are. The
 * channel is made before the fork, and what is in it outlives the process that it was for: the
 * one that takes its place takes that.
 */
#include "base/yield.h"
#include "co/net.h"

/* fd[0] is the taker's, and fd[1] everybody's who gives; both are closed on exec. 0, or -1 with
 * errno. */
int net_pass_new(int fd[2]);

/* Gives fd, which stays the caller's to close. Never waits. 0, or -1: it does not fit, keep it. */
int net_pass_give(int channel, int fd, uint8_t what);

/* Accepts one connection from a listening descriptor and gives it. Never waits. 1, or 0: nothing to
 * accept, or the channel did not take it. */
int net_pass_accept(int listener, int channel, uint8_t what);

/*
 * The next connection that was given; channel is net_wrap_fd() of fd[0]. *out is NULL for one whose
 * peer has already disconnected, or that this process has no descriptor for. ERR_INTERRUPTED, or a
 * broken channel.
 */
MAY_YIELD struct err *net_pass_take(struct net_conn *channel, struct net_conn **out, uint8_t *what,
                                    const struct log *log);

#endif
