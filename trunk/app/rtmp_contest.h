#ifndef APP_RTMP_CONTEST_H
#define APP_RTMP_CONTEST_H

/*
 * Whether the publisher of a stream is still there, asked by one who would have to be refused
 * because of it: an encoder that lost its connection comes back before the end of the old one was
 * read.
 */
#include "base/clock.h"
#include "co/net.h"

struct stream;

/* A publisher that is there says so within microseconds, and one that is gone goes; longer takes
 * one whose message has come in part, or a worker that hangs. */
#define RTMP_CONTEST_TIMEOUT USEC_PER_SEC

/* 1 when the publisher is gone: the stream may be asked for again. 0: it is there, or does not say.
 */
int rtmp_contest(struct stream *stream, usec_t timeout);

/* A publisher before it waits for more: 0 when it may, for nobody asks, or it has said that it is
 * there; 1: what it has not read yet is to be read first. */
int rtmp_contest_is_pending(struct stream *stream, struct net_conn *conn);
/* And when it has let go of the stream. */
void rtmp_contest_over(struct stream *stream);

/* Another worker asks for the publisher here; the answer is worker_answer()'s. */
void rtmp_contest_heard(struct stream *stream, uint32_t asked);

#endif
