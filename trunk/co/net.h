#ifndef CO_NET_H
#define CO_NET_H

/*
 * TCP and UNIX stream sockets on the reactor: registered once, edge-triggered;
 * every read and write tries first and waits only on EAGAIN. One coroutine at a
 * time may wait on a connection; any coroutine may try without waiting and may
 * kick the one that waits.
 */
#include "base/io.h"
#include "base/log.h"

#include <netinet/in.h>
#include <sys/types.h>

struct net_listener;

/*
 * "8080", ":8080", "*:8080" and "ip:8080" listen on IPv4, "[::]:8080" and "[ip]:8080" on IPv6 only
 * (so that "8080" and "[::]:8080" may stand side by side), "unix:/path" on a UNIX socket, whose
 * stale file is replaced. Port 0 takes a free one. backlog 4096. Errors: ERR_CONFIG for what is no
 * endpoint, ERR_BUSY for an address in use, ERR_SYS.
 */
struct err *net_listen(const char *endpoint, struct net_listener **out);
/* The same with SO_REUSEPORT: the workers of one server share the port. */
struct err *net_listen_shared(const char *endpoint, struct net_listener **out);
/* Whether it could be listened at alone, by trying: for those who are about to share it. A UNIX
 * socket is not looked at; port 0 would be another one for each. Needs no runtime. */
struct err *net_listen_check(const char *endpoint);
/* Whether this machine's kernel lets anybody listen on IPv6. Needs no runtime. */
int net_has_ipv6(void);
/* Takes over a listening socket that was inherited. fd is closed on error too. */
struct err *net_listen_fd(int fd, struct net_listener **out);
/*
 * A net_accept() under way fails with ERR_CLOSED; after it the listener is gone. Removes the file
 * of a UNIX socket if it is still ours. NULL is allowed.
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
    NET_HUP = 8   /* the peer has closed its side or the connection broke; stays set */
};

struct net_conn {
    struct io io; /* first: a net_conn is an io */
    int fd;
    uint8_t ready;                /* enum net_event bits known to be ready; cleared by EAGAIN */
    uint8_t wanted;               /* what the waiting coroutine waits for */
    uint8_t closed;               /* io_close() was called: every call fails with ERR_CLOSED */
    uint8_t dull;                 /* SO_RCVLOWAT is raised: the first byte wakes nobody */
    const struct net_ops *ops;    /* plain or TLS */
    void *waiter;                 /* private to net.c */
    void *tls;                    /* private to tls.c */
    void *owner;                  /* app/admission.h's; NULL: nobody's */
    uint64_t bytes_in, bytes_out; /* payload */
    usec_t last_out;              /* clock_now() when a write last made progress */
    /* The client's address, v4-mapped shown as v4; "" for UNIX. It is the peer's, or what a proxy
     * that is trusted says of its client: app/server/server_proxy.h, app/http/http_session.h. */
    char ip[INET6_ADDRSTRLEN];
    uint16_t port; /* the peer's, or by a PROXY header the client's */
};

/* What differs between plain sockets, TLS and other descriptors. Never yields. */
struct net_ops {
    /* Up to len bytes; 0 at end of stream; -1 with errno (EAGAIN: wait for NET_IN). */
    ssize_t (*try_read)(struct net_conn *conn, void *buf, size_t len);
    /* Some or all bytes; -1 with errno (EAGAIN: wait for NET_OUT). */
    ssize_t (*try_writev)(struct net_conn *conn, const struct iovec *iov, int n);
    /* Frees what the ops own, before the descriptor is closed; may be NULL. */
    void (*fini)(struct net_conn *conn);
};

/*
 * The ops of plain sockets, for ops that stand on them. They clear the ready bit on EAGAIN and then
 * answer EAGAIN without a system call until the reactor has seen the edge.
 */
extern const struct net_ops net_socket_ops;

/*
 * For a process that has no runtime yet: opens a listening TCP socket that others of this user may
 * share (SO_REUSEPORT). *fd is the caller's, -1 on error. net_listen_fd() makes a listener of it.
 */
struct err *net_listen_raw(const char *endpoint, int *fd);
int net_is_listening(int fd);
/* Ends listening in every process that has the socket open; to be called before
 * net_listener_close(). */
void net_listener_shut(struct net_listener *listener);

/*
 * give(arg, fd) is asked of each connection before net_accept() has it: 1 when somebody else has
 * taken it (fd is then closed here), 0 to keep it. It must not yield.
 */
void net_listener_set_give(struct net_listener *listener, int (*give)(void *arg, int fd),
                           void *arg);

/*
 * Accepts one connection. Survives ECONNABORTED and the like by trying again;
 * EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever else does not go away, wait until a descriptor is
 * free or a while is over (bounded back-off, one log line), then serve again. Errors: interrupted,
 * timeout, closed.
 */
struct err *net_accept(struct net_listener *listener, struct net_conn **out, const struct log *log,
                       usec_t timeout);

/* host is a name or an address; each address is tried in turn within timeout in total. */
struct err *net_connect(const char *host, int port, struct net_conn **out, usec_t timeout);
struct err *net_connect_unix(const char *path, struct net_conn **out, usec_t timeout);

/*
 * Any other descriptor that epoll takes (signalfd, pipe, socketpair), with plain read() and
 * writev(). Taken over, also on error.
 */
struct err *net_wrap_fd(int fd, struct net_conn **out);

/* Two connected UNIX sockets, both the caller's. */
struct err *net_pair(struct net_conn **one, struct net_conn **other);

/* Closes and frees. Nobody may wait on it. NULL is allowed. */
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
 * Copies up to len bytes that could be read, and leaves them to be read. Waits for more than *got,
 * which is 0 or what the call before answered, and less than len. ERR_CLOSED when no more will
 * come. Plain sockets only.
 */
struct err *net_peek(struct net_conn *conn, void *buf, size_t len, size_t *got, usec_t timeout);

/* Whether there is anything that was not read yet: bytes, the end, or an error. Asks the kernel. */
int net_has_more(struct net_conn *conn);

/* True when net_sendfile() works: a plain socket. */
int net_can_sendfile(const struct net_conn *conn);
/*
 * Sends len bytes of the file fd from offset on, without copying them through the process, in
 * pieces between which others run. timeout is for each step forward. ERR_CLOSED also when the
 * file has become shorter.
 */
struct err *net_sendfile(struct net_conn *conn, int fd, uint64_t offset, uint64_t len,
                         usec_t timeout);

/*
 * Waits until one of `events` (NET_IN, NET_OUT; NET_KICK and NET_HUP always count) is there and
 * answers the set that is; 0 = timeout, -1 = interrupted. A kick is consumed. After io_close() it
 * answers NET_HUP at once. A kick does not end io_read() and io_writev() and is kept for
 * net_wait().
 */
int net_wait(struct net_conn *conn, int events, usec_t timeout);

/*
 * Rests until the deadline (clock_now()'s scale; fine: ends that fall together share one wake), or
 * until `bytes` have come, a kick, a hangup or an interrupt; fewer bytes wake nobody. What came
 * meanwhile is then read without another wait. A later wait for NET_IN ends with the first byte
 * again.
 */
void net_delay_read(struct net_conn *conn, int bytes, usec_t deadline);

/* Wakes the coroutine that waits on conn, or lets its next net_wait() return at once. Never yields.
 */
void net_wake_owner(struct net_conn *conn);

/* For viewers: TCP_NOTSENT_LOWAT (bytes; 0 = leave alone) and TCP_NODELAY. */
void net_tune(struct net_conn *conn, int notsent_lowat, int nodelay);

/* The address of this end, as text without brackets; "" for what has none. */
void net_local_ip(const struct net_conn *conn, char *out, size_t cap);

#endif
