/*
 * System calls. Each definition asks fault_at() and else calls the next one, which is the
 * sanitizer's or the C library's.
 *
 * The server reads and writes until a call says that no more is possible, and then waits for an
 * edge of epoll. After a call that was only made to look short or busy no edge would come, as it
 * does in earnest: so the descriptor is registered again, which reports it again.
 */
#include "test/fault/fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The names of parameters are not the C library's, and arguments are pasted as they are.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name,bugprone-macro-parentheses) */

#define DESCRIPTORS 4096

/* How each descriptor is registered with epoll; in 0: not at all. */
static struct {
    int in;
    struct epoll_event event;
} registered[DESCRIPTORS];

/* The definition that would have been called without this one. */
#define NEXT(name) ((__typeof__(&name))next_of((void *volatile *)&next_##name, #name))
#define REAL(name) static void *volatile next_##name

static FAULT_RAW void *next_of(void *volatile *place, const char *name)
{
    if (*place == NULL)
        *place = dlsym(RTLD_NEXT, name);
    return *place;
}

static FAULT_RAW int fails(enum fault_call call)
{
    int error = fault_at(call);

    if (error != 0)
        errno = error;
    return error;
}

/* A call that answers -1 or something. */
#define PLAIN(type, name, params, args)                          \
    REAL(name);                                                  \
    FAULT_RAW type name params                                   \
    {                                                            \
        return fails(FAULT_##name) ? (type)-1 : NEXT(name) args; \
    }

/* One that answers a pointer or NULL. */
#define POINTER(type, name, params, args)                    \
    REAL(name);                                              \
    FAULT_RAW type name params                               \
    {                                                        \
        return fails(FAULT_##name) ? NULL : NEXT(name) args; \
    }

PLAIN(int, mprotect, (void *at, size_t len, int prot), (at, len, prot))
PLAIN(int, memfd_create, (const char *name, unsigned flags), (name, flags))
PLAIN(int, ftruncate, (int fd, off_t size), (fd, size))
PLAIN(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
PLAIN(int, socketpair, (int domain, int type, int protocol, int fds[2]),
      (domain, type, protocol, fds))
PLAIN(int, bind, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))
PLAIN(int, listen, (int fd, int backlog), (fd, backlog))
PLAIN(int, connect, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))
PLAIN(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len))
PLAIN(int, shutdown, (int fd, int how), (fd, how))
PLAIN(int, pipe2, (int fds[2], int flags), (fds, flags))
PLAIN(int, dup2, (int fd, int as), (fd, as))
PLAIN(int, eventfd, (unsigned value, int flags), (value, flags))
PLAIN(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
PLAIN(int, timerfd_create, (clockid_t clock, int flags), (clock, flags))
PLAIN(int, inotify_init1, (int flags), (flags))
PLAIN(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
PLAIN(int, epoll_create1, (int flags), (flags))
PLAIN(int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
PLAIN(int, fstat, (int fd, struct stat *out), (fd, out))
PLAIN(int, stat, (const char *path, struct stat *out), (path, out))
PLAIN(int, fsync, (int fd), (fd))
PLAIN(int, fdatasync, (int fd), (fd))
PLAIN(int, dup, (int fd), (fd))
PLAIN(int, link, (const char *path, const char *name), (path, name))
PLAIN(int, unlink, (const char *path), (path))
PLAIN(off_t, lseek, (int fd, off_t at, int from), (fd, at, from))
PLAIN(int, flock, (int fd, int what), (fd, what))
PLAIN(int, mkdir, (const char *path, mode_t mode), (path, mode))
PLAIN(pid_t, fork, (void), ())
PLAIN(int, execve, (const char *path, char *const argv[], char *const envp[]), (path, argv, envp))
PLAIN(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
PLAIN(ssize_t, getrandom, (void *out, size_t len, unsigned flags), (out, len, flags))
PLAIN(int, getifaddrs, (struct ifaddrs * *out), (out))
POINTER(FILE *, fopen, (const char *path, const char *mode), (path, mode))
POINTER(DIR *, opendir, (const char *path), (path))

REAL(mmap);
FAULT_RAW void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return fails(FAULT_mmap) ? MAP_FAILED : NEXT(mmap)(at, len, prot, flags, fd, offset);
}

static FAULT_RAW mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

REAL(open);
FAULT_RAW int open(const char *path, int flags, ...)
{
    mode_t mode;
    va_list args;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return fails(FAULT_open) ? -1 : NEXT(open)(path, flags, mode);
}

REAL(openat);
FAULT_RAW int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode;
    va_list args;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return fails(FAULT_openat) ? -1 : NEXT(openat)(dir, path, flags, mode);
}

REAL(syscall);
FAULT_RAW long syscall(long number, ...)
{
    long arg[6];
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++)
        arg[i] = va_arg(args, long);
    va_end(args);
    if (fails(FAULT_syscall))
        return -1;
    return NEXT(syscall)(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

REAL(setsockopt);
FAULT_RAW int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    /* Its value is only stored: it cannot fail. */
    int is_safe = level == SOL_SOCKET && name == SO_RCVLOWAT;

    return !is_safe && fails(FAULT_setsockopt) ? -1 : NEXT(setsockopt)(fd, level, name, value, len);
}

/* ---- epoll ---- */

REAL(epoll_ctl);
FAULT_RAW int epoll_ctl(int in, int op, int fd, struct epoll_event *event)
{
    /* The removal of a descriptor that is registered cannot fail. */
    if (op != EPOLL_CTL_DEL && fails(FAULT_epoll_ctl))
        return -1;
    if (fault_control != NULL && fd >= 0 && fd < DESCRIPTORS) {
        registered[fd].in = op == EPOLL_CTL_DEL ? 0 : in;
        if (event != NULL)
            registered[fd].event = *event;
    }
    return NEXT(epoll_ctl)(in, op, fd, event);
}

REAL(epoll_wait);
FAULT_RAW int epoll_wait(int in, struct epoll_event *events, int max, int timeout)
{
    fault_check_leaks();
    return fails(FAULT_epoll_wait) ? -1 : NEXT(epoll_wait)(in, events, max, timeout);
}

/* ---- reading and writing ---- */

static FAULT_RAW void report_again(int fd)
{
    int saved = errno;

    if (fd >= 0 && fd < DESCRIPTORS && registered[fd].in != 0)
        (void)NEXT(epoll_ctl)(registered[fd].in, EPOLL_CTL_MOD, fd, &registered[fd].event);
    errno = saved;
}

/* Whether the call fails; len: what it may transfer, which is little when it is short. */
static FAULT_RAW int transfer_fails(enum fault_call call, int fd, size_t *len)
{
    int error = fault_at(call);

    if (error == FAULT_SHORT || error == EAGAIN)
        report_again(fd);
    if (error == FAULT_SHORT) {
        *len = *len > 0 ? 1 : 0;
        return 0;
    }
    if (error != 0)
        errno = error;
    return error;
}

#define TRANSFER(name, params, args)                                          \
    REAL(name);                                                               \
    FAULT_RAW ssize_t name params                                             \
    {                                                                         \
        return transfer_fails(FAULT_##name, fd, &len) ? -1 : NEXT(name) args; \
    }

TRANSFER(read, (int fd, void *out, size_t len), (fd, out, len))
TRANSFER(pread, (int fd, void *out, size_t len, off_t at), (fd, out, len, at))
TRANSFER(recv, (int fd, void *out, size_t len, int flags), (fd, out, len, flags))
TRANSFER(recvfrom,
         (int fd, void *out, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len),
         (fd, out, len, flags, addr, addr_len))
TRANSFER(write, (int fd, const void *data, size_t len), (fd, data, len))
TRANSFER(pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
TRANSFER(send, (int fd, const void *data, size_t len, int flags), (fd, data, len, flags))
TRANSFER(sendto,
         (int fd, const void *data, size_t len, int flags, const struct sockaddr *addr,
          socklen_t addr_len),
         (fd, data, len, flags, addr, addr_len))

REAL(sendfile);
FAULT_RAW ssize_t sendfile(int fd, int from, off_t *at, size_t len)
{
    return transfer_fails(FAULT_sendfile, fd, &len) ? -1 : NEXT(sendfile)(fd, from, at, len);
}

REAL(accept4);
FAULT_RAW int accept4(int fd, struct sockaddr *addr, socklen_t *addr_len, int flags)
{
    size_t len = 0;

    return transfer_fails(FAULT_accept4, fd, &len) ? -1 : NEXT(accept4)(fd, addr, addr_len, flags);
}

/* The first byte alone, of a list of pieces. */
static FAULT_RAW int first_byte(const struct iovec *iov, int count, struct iovec *out)
{
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > 0) {
            *out = (struct iovec){iov[i].iov_base, 1};
            return 1;
        }
    }
    return 0;
}

#define VECTOR(name)                                                   \
    REAL(name);                                                        \
    FAULT_RAW ssize_t name(int fd, const struct iovec *iov, int count) \
    {                                                                  \
        size_t len = 2;                                                \
        struct iovec one;                                              \
                                                                       \
        if (transfer_fails(FAULT_##name, fd, &len))                    \
            return -1;                                                 \
        if (len == 1 && first_byte(iov, count, &one))                  \
            return NEXT(name)(fd, &one, 1);                            \
        return NEXT(name)(fd, iov, count);                             \
    }

VECTOR(readv)
VECTOR(writev)

REAL(sendmsg);
FAULT_RAW ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    size_t len = 2;
    struct iovec one;
    struct msghdr piece = *message;

    if (transfer_fails(FAULT_sendmsg, fd, &len))
        return -1;
    /* A datagram, which has an address, is sent whole. */
    if (len == 1 && message->msg_name == NULL &&
        first_byte(message->msg_iov, (int)message->msg_iovlen, &one)) {
        piece.msg_iov = &one;
        piece.msg_iovlen = 1;
    }
    return NEXT(sendmsg)(fd, &piece, flags);
}

REAL(recvmsg);
FAULT_RAW ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    size_t len = 2;

    return transfer_fails(FAULT_recvmsg, fd, &len) ? -1 : NEXT(recvmsg)(fd, message, flags);
}

/* ---- clocks ---- */

static FAULT_RAW void shift(struct timespec *time, int64_t by)
{
    int64_t ns = time->tv_sec * 1000000000ll + time->tv_nsec + by;

    ns = ns > 0 ? ns : 0;
    time->tv_sec = ns / 1000000000;
    time->tv_nsec = ns % 1000000000;
}

REAL(clock_gettime);
FAULT_RAW int clock_gettime(clockid_t clock, struct timespec *out)
{
    int status = NEXT(clock_gettime)(clock, out);

    if (fault_control == NULL || status != 0)
        return status;
    if (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_MONOTONIC_COARSE)
        shift(out, fault_control->monotonic_shift);
    else if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        shift(out, fault_control->wall_shift);
    return status;
}

/* The kernel's own clock has not been shifted. */
REAL(timerfd_settime);
FAULT_RAW int timerfd_settime(int fd, int flags, const struct itimerspec *new,
                              struct itimerspec *old)
{
    struct itimerspec real = *new;

    if (fault_control != NULL && (flags & TFD_TIMER_ABSTIME) &&
        (new->it_value.tv_sec != 0 || new->it_value.tv_nsec != 0)) {
        shift(&real.it_value, -fault_control->monotonic_shift);
        if (real.it_value.tv_sec == 0 && real.it_value.tv_nsec == 0)
            real.it_value.tv_nsec = 1;
    }
    return NEXT(timerfd_settime)(fd, flags, &real, old);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name,bugprone-macro-parentheses) */
