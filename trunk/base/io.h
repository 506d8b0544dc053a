#ifndef BASE_IO_H
#define BASE_IO_H

/*
 * A byte stream without a socket: the conversations of proto use it. co implements it over TCP,
 * UNIX sockets and TLS, the tests over memory. All calls with a timeout may switch coroutine.
 */
#include "base/clock.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/uio.h>

struct io;

struct io_ops {
    /* Reads 1..len bytes into buf; *got is the count. End of stream is ERR_CLOSED. */
    struct err *(*read)(struct io *io, void *buf, size_t len, size_t *got, usec_t timeout);
    /* Writes all of the n spans, or fails. iov may be modified. */
    struct err *(*writev)(struct io *io, struct iovec *iov, int n, usec_t timeout);
    /* Closes both directions at once; a blocked call of another coroutine fails. */
    void (*close)(struct io *io);
};

struct io {
    const struct io_ops *ops;
};

static inline struct err *io_read(struct io *io, void *buf, size_t len, size_t *got, usec_t timeout)
{
    return io->ops->read(io, buf, len, got, timeout);
}

static inline struct err *io_writev(struct io *io, struct iovec *iov, int n, usec_t timeout)
{
    return io->ops->writev(io, iov, n, timeout);
}

static inline struct err *io_write(struct io *io, const void *buf, size_t len, usec_t timeout)
{
    struct iovec iov = {(void *)buf, len};

    return io->ops->writev(io, &iov, 1, timeout);
}

static inline void io_close(struct io *io)
{
    io->ops->close(io);
}

#endif
