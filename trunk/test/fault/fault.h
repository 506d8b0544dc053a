#ifndef TEST_FAULT_FAULT_H
#define TEST_FAULT_FAULT_H

/*
 * Faults on request in a running server: calls of the C library that fail where a test wants it.
 * objs/asan/faulty is the sanitized server, linked with this folder: its definitions of malloc(),
 * read() and the like come before those of the C library, for the server and for its libraries.
 *
 * A site is a call together with the server's innermost functions that lead to it. While sites are
 * recorded, each call counts its site; an armed site fails. Both are words in a file that the test
 * and all processes of the server map (FAULT_CONTROL names it): control.py has the same layout.
 */
#include <stddef.h>
#include <stdint.h>

#define FAULT_MAGIC    0x31746c7561466d4dull
#define FAULT_FRAMES   8    /* of the server's functions, the innermost first */
#define FAULT_HASHED   6    /* of them: what tells sites apart */
#define FAULT_SITES    8192 /* a power of two */
#define FAULT_SHORT    1000 /* instead of an errno: one byte is read or written */
#define FAULT_ENV      "FAULT_CONTROL"
#define FAULT_ANY_SITE UINT64_MAX

/* A row for each call that can fail; control.py reads the names from here. */
#define FAULT_CALLS(ROW)   \
    ROW(malloc)            \
    ROW(calloc)            \
    ROW(realloc)           \
    ROW(reallocarray)      \
    ROW(strdup)            \
    ROW(strndup)           \
    ROW(posix_memalign)    \
    ROW(mmap)              \
    ROW(mprotect)          \
    ROW(memfd_create)      \
    ROW(ftruncate)         \
    ROW(socket)            \
    ROW(socketpair)        \
    ROW(accept4)           \
    ROW(bind)              \
    ROW(listen)            \
    ROW(connect)           \
    ROW(setsockopt)        \
    ROW(getsockname)       \
    ROW(shutdown)          \
    ROW(open)              \
    ROW(openat)            \
    ROW(syscall)           \
    ROW(fopen)             \
    ROW(opendir)           \
    ROW(pipe2)             \
    ROW(dup2)              \
    ROW(eventfd)           \
    ROW(signalfd)          \
    ROW(timerfd_create)    \
    ROW(inotify_init1)     \
    ROW(inotify_add_watch) \
    ROW(epoll_create1)     \
    ROW(epoll_ctl)         \
    ROW(epoll_wait)        \
    ROW(poll)              \
    ROW(read)              \
    ROW(readv)             \
    ROW(pread)             \
    ROW(recv)              \
    ROW(recvfrom)          \
    ROW(recvmsg)           \
    ROW(write)             \
    ROW(writev)            \
    ROW(pwrite)            \
    ROW(send)              \
    ROW(sendto)            \
    ROW(sendmsg)           \
    ROW(sendfile)          \
    ROW(fstat)             \
    ROW(stat)              \
    ROW(fsync)             \
    ROW(fdatasync)         \
    ROW(dup)               \
    ROW(link)              \
    ROW(unlink)            \
    ROW(lseek)             \
    ROW(flock)             \
    ROW(mkdir)             \
    ROW(fork)              \
    ROW(execve)            \
    ROW(waitpid)           \
    ROW(getrandom)         \
    ROW(getifaddrs)

#define FAULT_ROW(name) FAULT_##name,
enum fault_call { FAULT_CALLS(FAULT_ROW) FAULT_CALL_COUNT };
#undef FAULT_ROW

struct fault_site {
    uint64_t hash; /* 0: free */
    uint64_t call;
    uint64_t count;
    uint64_t frames[FAULT_FRAMES]; /* return addresses, from the program's start; 0: none */
};

struct fault_control {
    uint64_t magic;
    uint64_t recording; /* not 0: calls count their site */
    uint64_t site;      /* the hash of the armed one; 0: none */
    uint64_t call;      /* with FAULT_ANY_SITE: every site of this call */
    uint64_t effect;    /* an errno, or FAULT_SHORT */
    int64_t skip;       /* calls at the site that come first and succeed */
    int64_t count;      /* calls that then fail */
    uint64_t hits;      /* calls that have failed */
    uint64_t lost;      /* sites without room */
    int64_t wall_shift; /* ns, added to the clocks */
    int64_t monotonic_shift;
    uint64_t leak_wanted;  /* raised by the test: look for leaks */
    uint64_t leak_checked; /* the same value when done */
    uint64_t leaks;        /* of the last check: not 0 when there were some */
    struct fault_site sites[FAULT_SITES];
};

/* The functions of this folder run before AddressSanitizer does, and walk over stacks. They have a
 * section of their own, so that a walk knows them. */
#define FAULT_RAW __attribute__((no_sanitize("address", "undefined"), section("fault_text")))

/* NULL until the test's file is mapped. */
extern struct fault_control *fault_control;

/* Whether this call, at the site from which it is made, fails: an errno or FAULT_SHORT; 0: it does
 * not. */
int fault_at(enum fault_call call);

/* Where a look for leaks is safe: the turn of the event loop. */
void fault_check_leaks(void);

#endif
