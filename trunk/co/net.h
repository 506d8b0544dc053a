#ifndef CO_NET_H
#define CO_NET_H

/*
 * TCP and UNIX stream sockets on the reactor: registered once, edge-triggered; every read and write
 * tries first and waits only on EAGAIN. One coroutine at a time may wait on a connection; any
 * coroutine may read or write without waiting and may wake the waiting one.
 */
#include "base/io.h"
#include "base/log.h"

#include <netinet/in.h>
#include <sys/types.h>

struct net_listener;

/*
 * "8080", ":8080", "*:8080" and "ip:8080" listen on IPv4, "[::]:8080" and "[ip]:8080" on IPv6 only
 * (so that "8080" and "[::]:8080" can be used together), "unix:/path" on a UNIX socket, replacing a
 * stale file. Port 0 selects a free one. backlog 4096. Errors: ERR_CONFIG for a malformed endpoint,
 * ERR_BUSY for an address in use, ERR_SYS.
 */
struct err *net_listen(const char *endpoint, struct net_listener **out);
/* The same with SO_REUSEPORT: the workers of one server share the port. */
struct err *net_listen_shared(const char *endpoint, struct net_listener **out);
/* Tests whether an endpoint could be listened at exclusively, for servers that will share it. UNIX
 * sockets and port 0 are not tested. Needs no runtime. */
struct err *net_listen_check(const char *endpoint);
/* Whether the kernel allows listening on IPv6. Needs no runtime. */
int net_has_ipv6(void);
/* Takes over an inherited listening socket. fd is closed on error too. */
struct err *net_listen_fd(int fd, struct net_listener **out);
/*
 * A pending net_accept() fails with ERR_CLOSED; the listener is freed. Removes the file of a UNIX
 * socket if it is still ours. NULL is allowed.
 */
void net_listener_close(struct net_listener *listener);
/* The bound port, for port 0; 0 for UNIX. */
int net_listener_port(const struct net_listener *listener);
/* "0.0.0.0:8080", "[::]:8080", "unix:/path". */
const char *net_listener_name(const struct net_listener *listener);
int net_listener_fd(const struct net_listener *listener);

#define NET_ADDR_MAX 64 /* "[ipv6]:port" or "unix", terminator included */

enum net_event {
    NET_IN = 1,   /* a read would not block (data, end or error) */
    NET_OUT = 2,  /* a write would not block */
    NET_KICK = 4, /* net_wake_owner() was called */
    NET_HUP = 8   /* the peer has closed its side or the connection failed; never cleared */
};

struct net_conn {
    struct io io;              /* first: a net_conn is an io */
    int fd;                    /* -1: none (co/net_pipe.h) */
    uint8_t ready;             /* enum net_event bits known to be ready; cleared by EAGAIN */
    uint8_t wanted;            /* events that the waiting coroutine waits for */
    uint8_t closed;            /* io_close() was called: every call fails with ERR_CLOSED */
    uint8_t dull;              /* SO_RCVLOWAT is raised: the first byte does not wake the waiter */
    const struct net_ops *ops; /* plain or TLS */
    void *waiter;              /* private to net.c */
    void *tls;                 /* private to tls.c */
    void *owner;               /* for app/core/admission.h; NULL: none */
    uint64_t bytes_in, bytes_out; /* payload */
    usec_t last_out;              /* clock_now() when a write last made progress */
    /* The client's address, v4-mapped shown as v4; "" for UNIX. It is the peer's, or the client's
     * as a trusted proxy states it: app/server/server_proxy.h, app/http/http_session.h. */
    char ip[INET6_ADDRSTRLEN];
    uint16_t port; /* the peer's, or the client's from a PROXY header */
};

/* Operations that differ between plain sockets, TLS and other descriptors. Never yields. */
struct net_ops {
    /* Up to len bytes; 0 at end of stream; -1 with errno (EAGAIN: wait for NET_IN). */
    ssize_t (*try_read)(struct net_conn *conn, void *buf, size_t len);
    /* Some or all bytes; -1 with errno (EAGAIN: wait for NET_OUT). */
    ssize_t (*try_writev)(struct net_conn *conn, const struct iovec *iov, int n);
    /* Frees the ops' resources, before the descriptor is closed; may be NULL. */
    void (*fini)(struct net_conn *conn);
};

/*
 * The ops of plain sockets, for ops built on them. They clear the ready bit on EAGAIN and then
 * return EAGAIN without a system call until the reactor has seen the edge.
 */
extern const struct net_ops net_socket_ops;

/*
 * For a process without a runtime: opens a listening TCP socket that other processes of this user
 * may share (SO_REUSEPORT). *fd belongs to the caller, -1 on error. net_listen_fd() makes a
 * listener of it.
 */
struct err *net_listen_raw(const char *endpoint, int *fd);
int net_is_listening(int fd);
/* Lets another socket of this user listen at the same port from now on (SO_REUSEPORT). */
int net_listener_share(struct net_listener *listener);
/*
 * Congestion control of TCP connections by its name in the kernel ("cubic", "bbr"); "": the
 * system's default. net_congestion_check(): ERR_CONFIG, with the names that there are, if the
 * kernel does not have it. net_congestion_set(): for connections accepted from now on; 0, or -1 and
 * errno, EPERM where only a privileged process may select it. Sockets that are not TCP are left
 * alone.
 */
struct err *net_congestion_check(const char *name);
int net_congestion_set(struct net_listener *listener, const char *name);
/* The longest pause between two retransmissions, 1 s to 120 s, for connections accepted from now
 * on: a client whose network was gone gets data at most so much later than the network. Without
 * effect before Linux 6.15. 0, or -1 and errno. */
int net_congestion_retransmit(struct net_listener *listener, usec_t max);
/* The highest rate at which a connection accepted from now on sends, bytes per second; 0: no limit.
 * 0, or -1 and errno. */
int net_congestion_pace(struct net_listener *listener, int64_t rate);
/* Before net_listener_close(): another process continues to listen, at a UNIX socket's file, too.
 */
void net_listener_leave(struct net_listener *listener);
/* Ends listening in every process that has the socket open; call it before net_listener_close(). */
void net_listener_shut(struct net_listener *listener);

/*
 * give(arg, fd) is called for each connection before net_accept() returns it: 1 when another
 * process has taken it (fd is then closed here), 0 to keep it. It must not yield.
 */
void net_listener_set_give(struct net_listener *listener, int (*give)(void *arg, int fd),
                           void *arg);

/*
 * Accepts one connection. Retries after ECONNABORTED and similar errors. EMFILE, ENFILE, ENOBUFS,
 * ENOMEM and other persistent errors: waits until a descriptor is free or a pause is over (limited
 * back-off, one log line), then retries. Errors: interrupted, timeout, closed.
 */
struct err *net_accept(struct net_listener *listener, struct net_conn **out, const struct log *log,
                       usec_t timeout);

/* host is a name or an address; each of its addresses is tried in turn within one total timeout. */
struct err *net_connect(const char *host, int port, struct net_conn **out, usec_t timeout);
struct err *net_connect_unix(const char *path, struct net_conn **out, usec_t timeout);

/*
 * Wraps another descriptor that epoll supports (signalfd, pipe, socketpair), with plain read() and
 * writev(). Taken over, also on error.
 */
struct err *net_wrap_fd(int fd, struct net_conn **out);

/* Two connected UNIX sockets, both owned by the caller. */
struct err *net_pair(struct net_conn **one, struct net_conn **other);

/* Closes and frees the connection. No coroutine may wait on it. NULL is allowed. */
void net_free(struct net_conn *conn);

static inline ssize_t net_try_read(struct net_conn *conn, void *buf, size_t len)
{
    return conn->ops->try_read(conn, buf, len);
}

static inline ssize_t net_try_writev(struct net_conn *conn, const struct iovec *iov, int n)
{
    return conn->ops->try_writev(conn, iov, n);
}

/*
 * Copies up to len readable bytes without consuming them. Waits for more than *got, which is 0 or
 * the previous call's result, and less than len. ERR_CLOSED when no more will come. Plain sockets
 * only.
 */
struct err *net_peek(struct net_conn *conn, void *buf, size_t len, size_t *got, usec_t timeout);

/* Asks the kernel whether anything is unread: bytes, the end of the stream, or an error. */
int net_has_more(struct net_conn *conn);

/* Bytes that the peer has not acknowledged yet, whether they were sent or not; 0: none or unknown.
 */
size_t net_unacknowledged(const struct net_conn *conn);

/* What the kernel knows about the way to the peer. */
struct net_path {
    size_t unacknowledged; /* as net_unacknowledged() */
    usec_t min_rtt;        /* the shortest round trip of the last minutes; 0: none yet */
    uint64_t rate;         /* bytes per second that the path has carried lately; 0: unknown. What
                            * was sent may have been less than it could carry. */
};
/* 0, or -1: not TCP. tcp(7), TCP_INFO. */
int net_path(const struct net_conn *conn, struct net_path *out);

/* True if net_sendfile() is supported: a plain socket. */
int net_can_sendfile(const struct net_conn *conn);
/*
 * Sends len bytes of the file fd from offset on, without copying them through the process, in
 * pieces between which other coroutines run. timeout applies to each piece of progress. ERR_CLOSED
 * also when the file has become shorter.
 */
struct err *net_sendfile(struct net_conn *conn, int fd, uint64_t offset, uint64_t len,
                         usec_t timeout);

/*
 * Waits until one of `events` (NET_IN, NET_OUT; NET_KICK and NET_HUP always count) occurs and
 * returns the set that did; 0 = timeout, -1 = interrupted. Returning NET_KICK clears it. After
 * io_close() it returns NET_HUP at once. net_wake_owner() does not end io_read() and io_writev();
 * it is kept for net_wait().
 */
int net_wait(struct net_conn *conn, int events, usec_t timeout);

/*
 * Sleeps until the deadline (clock_now()'s scale; a fine timer: close deadlines share one wake-up),
 * or until `bytes` bytes have arrived, net_wake_owner() is called, the peer hangs up, or an
 * interrupt comes; fewer bytes do not wake it. Bytes that arrived meanwhile are then read without
 * another wait. A later wait for NET_IN ends at the first byte again.
 */
void net_delay_read(struct net_conn *conn, int bytes, usec_t deadline);

/* Wakes the coroutine that waits on conn, or makes its next net_wait() return at once. Never
 * yields. */
void net_wake_owner(struct net_conn *conn);

/* For viewers: TCP_NOTSENT_LOWAT (bytes; 0 = unchanged) and TCP_NODELAY. */
void net_tune(struct net_conn *conn, int notsent_lowat, int nodelay);

/* The local address, as text without brackets; "" if it has none. */
void net_local_ip(const struct net_conn *conn, char *out, size_t cap);

#endif
