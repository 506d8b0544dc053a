#ifndef CO_NET_PIPE_H
#define CO_NET_PIPE_H

/*
 * A connection in memory, without a descriptor: one coroutine reads, writes and waits for it as for
 * any other (struct net_conn), and the owner of the other end carries its bytes. HTTP/2 serves each
 * request on one. Neither end waits for the other except through net_conn.
 *
 *   handler:  io_read()  <-- input  (in_max bytes at most)  <-- net_pipe_put()
 *             io_write() --> output (out_max bytes at most) --> net_pipe_peek(), net_pipe_consume()
 */
#include "co/net.h"

struct net_pipe;

/*
 * changed(arg) is called when the connection has read or written, or was freed; it must not yield
 * and must not call functions of this pipe. Two results: *conn, to be freed by net_free(), and
 * *pipe, by net_pipe_free(), in any order. ERR_NOMEM.
 */
struct net_pipe_options {
    size_t in_max, out_max;
    void (*changed)(void *arg);
    void *arg;
};
struct err *net_pipe_new(const struct net_pipe_options *options, struct net_conn **conn,
                         struct net_pipe **pipe);

/* Appends input for the connection: 0, or -1 beyond in_max or without memory. After the connection
 * was freed the bytes are dropped. */
int net_pipe_put(struct net_pipe *pipe, const void *data, size_t len);
/* The input that the connection has not read yet, in bytes. */
size_t net_pipe_unread(const struct net_pipe *pipe);
/* After the input that is still unread, the connection reads the end of the stream. */
void net_pipe_end(struct net_pipe *pipe);

/* The bytes that the connection has written; *data is valid until the next call or yield. */
size_t net_pipe_peek(const struct net_pipe *pipe, const uint8_t **data);
/* Removes n of them, which makes room for further writes. */
void net_pipe_consume(struct net_pipe *pipe, size_t n);
/* The connection was closed or freed: nothing follows what net_pipe_peek() returns. */
int net_pipe_is_over(const struct net_pipe *pipe);

/* Closes this end: the connection reads the end of the stream, and its writes fail. NULL is
 * allowed. */
void net_pipe_free(struct net_pipe *pipe);

#endif
