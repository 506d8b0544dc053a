#ifndef TEST_FUZZ_SIM_KERNEL_H
#define TEST_FUZZ_SIM_KERNEL_H

/*
 * A kernel in memory for the fuzz targets of whole conversations: the system calls of co/ are
 * replaced by the linker (sim_wrap.h), so that the server itself runs
 * unchanged down to recv() and send(), without a socket and without waiting. Time is simulated: it
 * advances only when every coroutine waits, at once to the next deadline.
 *
 * A sim_socket is the peer of one of the server's sockets. It belongs to the kernel, and stays
 * valid until sim_release().
 */
#include "base/buf.h"
#include "co/net.h"

#define SIM_SOCKETS 64
/* What the server may have sent and the peer has not taken. */
#define SIM_OUT_MAX ((size_t)64 * 1024 * 1024)

struct sim_socket {
    struct net_conn *conn;   /* the server's side, once it is registered; NULL: none */
    struct sim_socket *pair; /* the other one of socketpair(); NULL: none */
    struct buf in;           /* on its way to the server */
    struct buf out;          /* from the server, if is_kept */
    size_t room;             /* what the server may still send; then it has to wait */
    uint64_t sent;           /* by the server so far */
    uint8_t is_open;         /* the server has it open */
    uint8_t is_held;         /* by the target */
    uint8_t is_kept;         /* what the server sends is kept in out, else it is only counted */
    uint8_t is_ended;        /* the peer has closed */
    uint8_t is_reset;
    uint8_t is_shut; /* by the server */
};

/*
 * Called when the server connects: 0 to accept, the socket is then held by the target; or an errno,
 * ECONNREFUSED or so; EINPROGRESS: nobody ever answers. path: of a UNIX socket, or NULL. Must not
 * yield. Without it every connection is refused.
 */
typedef int (*sim_connect_fn)(struct sim_socket *socket, int port, const char *path);
void sim_on_connect(sim_connect_fn fn);
/* At the beginning of each input: the same "random" numbers again. */
void sim_again(void);

/*
 * An input that ends with "\xfdM" and a number of two bytes, the lower first: so many allocations
 * of the server from now on, the last of them fails. Returns the size of the input without that.
 */
size_t sim_memory_arm(const uint8_t *data, size_t size);
/* What is allocated between these two does not count. */
void sim_memory_hold(void);
void sim_memory_go_on(void);

/* Starts the runtime of co/, once; later calls do nothing. */
void sim_start(void);

/* A socket as accept() returns it, held by the target. The server's side is *conn. */
struct sim_socket *sim_accept(const char *ip, struct net_conn **conn);

/* Bytes from the peer. Beyond a closed socket they are lost. */
void sim_send(struct sim_socket *socket, const void *data, size_t len);
/* The peer closes, or resets the connection. */
void sim_end(struct sim_socket *socket);
void sim_reset(struct sim_socket *socket);
/* The peer takes up to this many more bytes. */
void sim_room(struct sim_socket *socket, size_t room);
/* The target does not use it any more; the peer has closed by then. */
void sim_release(struct sim_socket *socket);

/* Runs all other coroutines for this long (us) of simulated time. */
void sim_run(usec_t us);
/* Until they all wait. */
void sim_settle(void);

#endif
