"""Kinds of faults: which calls fail, and how."""

import errno

from control import SHORT

ALLOCATIONS = ("malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup",
               "posix_memalign", "mmap")
DESCRIPTORS = ("socket", "socketpair", "accept4", "open", "openat", "syscall", "fopen", "opendir",
               "pipe2", "dup", "eventfd", "signalfd", "timerfd_create", "inotify_init1",
               "epoll_create1", "memfd_create")
READS = ("read", "readv", "recv", "recvfrom", "recvmsg")
WRITES = ("write", "writev", "send", "sendto", "sendmsg")
FILES = ("pread", "sendfile", "fstat", "stat", "fsync", "fdatasync", "flock",
         "unlink", "lseek")
SPACE = ("pwrite", "link", "mkdir")


def each(calls, *effects):
    return {call: effects for call in calls}


KINDS = {
    "memory": each(ALLOCATIONS, errno.ENOMEM),
    "emfile": each(DESCRIPTORS, errno.EMFILE),
    "enfile": each(("socket", "accept4", "open", "openat", "syscall"), errno.ENFILE),
    "short": each(READS + WRITES + ("sendfile",), SHORT),
    "eintr": each(READS + WRITES + ("accept4", "connect", "poll", "epoll_wait", "waitpid",
                                    "pread", "pwrite", "sendfile", "open", "openat", "flock",
                                    "getrandom"), errno.EINTR),
    "busy": each(WRITES + ("sendfile", "accept4"), errno.EAGAIN),
    "reset": {**each(READS, errno.ECONNRESET), **each(WRITES + ("sendfile",), errno.EPIPE),
              "connect": (errno.ECONNREFUSED,), "accept4": (errno.ECONNABORTED,)},
    "disk": {**each(FILES, errno.EIO), **each(SPACE, errno.EIO, errno.ENOSPC),
             "read": (errno.EIO,), **each(("write", "writev", "ftruncate"), errno.ENOSPC)},
    "process": {"fork": (errno.EAGAIN,), "execve": (errno.ENOENT,), "waitpid": (errno.ECHILD,)},
    "kernel": {**each(("mprotect", "setsockopt", "epoll_ctl"), errno.ENOMEM),
               **each(("bind",), errno.EADDRINUSE), **each(("listen", "dup2"), errno.EBADF),
               **each(("getsockname", "shutdown"), errno.ENOBUFS),
               **each(("inotify_add_watch",), errno.ENOSPC),
               **each(("getrandom",), errno.EAGAIN), **each(("getifaddrs",), errno.ENOMEM)},
}


def kind_of(call, effect):
    for kind, calls in KINDS.items():
        if effect in calls.get(call, ()):
            return kind
    raise KeyError((call, effect))
