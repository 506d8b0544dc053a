/*
 * The system calls of a server, by libseccomp(3). A call that is not on the list raises SIGSYS, and
 * its handler makes it return EPERM and notifies the coroutine that logs it: a library that tries
 * something new fails softly, and the operator reads why. A process that was taken over can replace
 * the handler, but not the filter.
 *
 * The kernel keeps the calls that are allowed whatever their arguments in a bitmap, and does not
 * run the filter for them (since Linux 5.11), so their order has no effect; the others are found in
 * a binary tree.
 */
#include "app/core/sandbox_private.h"

#include "co/notify.h"

#include <stdatomic.h>

#ifdef HAVE_SECCOMP

#include "base/str.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#define DENIED_MAX 16
#define STACK_SIZE (64 * 1024)

#define CALL(name) SCMP_SYS(name)

/* The C library's and the server's own. Calls that take a path are left to Landlock. */
static const int allowed[] = {
    /* Sockets and waiting. */
    CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(epoll_ctl), CALL(epoll_create1),
    CALL(read), CALL(readv), CALL(write), CALL(writev), CALL(sendto), CALL(sendmsg), CALL(sendmmsg),
    CALL(recvfrom), CALL(recvmsg), CALL(recvmmsg), CALL(sendfile), CALL(splice), CALL(accept),
    CALL(accept4), CALL(bind), CALL(listen), CALL(connect), CALL(shutdown), CALL(socketpair),
    CALL(getsockname), CALL(getpeername), CALL(setsockopt), CALL(getsockopt), CALL(poll),
    CALL(ppoll), CALL(select), CALL(pselect6), CALL(pipe2), CALL(eventfd2), CALL(timerfd_create),
    CALL(timerfd_settime), CALL(timerfd_gettime), CALL(signalfd4), CALL(close), CALL(close_range),
    CALL(dup), CALL(dup2), CALL(dup3), CALL(fcntl), CALL(flock),
    /* Files. */
    CALL(open), CALL(openat), CALL(openat2), CALL(stat), CALL(fstat), CALL(lstat), CALL(newfstatat),
    CALL(statx), CALL(statfs), CALL(fstatfs), CALL(access), CALL(faccessat), CALL(faccessat2),
    CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(getcwd), CALL(lseek), CALL(pread64),
    CALL(pwrite64), CALL(preadv), CALL(pwritev), CALL(ftruncate), CALL(fallocate), CALL(fadvise64),
    CALL(fsync), CALL(fdatasync), CALL(sync_file_range), CALL(mkdir), CALL(mkdirat), CALL(unlink),
    CALL(unlinkat), CALL(rmdir), CALL(rename), CALL(renameat), CALL(renameat2), CALL(link),
    CALL(linkat), CALL(umask), CALL(inotify_init1), CALL(inotify_add_watch), CALL(inotify_rm_watch),
    CALL(memfd_create),
    /* Memory, threads, time, signals. */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mlock), CALL(mincore), CALL(futex),
    CALL(set_robust_list), CALL(set_tid_address), CALL(rseq), CALL(sched_yield),
    CALL(sched_getaffinity), CALL(sched_getparam), CALL(sched_getscheduler), CALL(membarrier),
    CALL(getcpu), CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep),
    CALL(gettimeofday), CALL(time), CALL(times), CALL(rt_sigaction), CALL(rt_sigprocmask),
    CALL(rt_sigreturn), CALL(rt_sigtimedwait), CALL(sigaltstack), CALL(restart_syscall),
    CALL(getrandom), CALL(getpid), CALL(getppid), CALL(gettid), CALL(getpgrp), CALL(getpgid),
    CALL(getsid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getgroups),
    CALL(getrusage), CALL(sysinfo), CALL(uname), CALL(getrlimit), CALL(setrlimit), CALL(prlimit64),
    CALL(wait4), CALL(waitid), CALL(exit), CALL(exit_group)};

#if SANDBOX_SANITIZED
/* The search for leaks stops this process's threads from another one. */
static const int allowed_sanitizer[] = {CALL(clone),
                                        CALL(ptrace),
                                        CALL(mmap),
                                        CALL(mprotect),
                                        CALL(kill),
                                        CALL(tgkill),
                                        CALL(prctl),
                                        CALL(process_vm_readv),
                                        CALL(rt_sigqueueinfo),
                                        CALL(getdents),
                                        CALL(arch_prctl)};
#endif

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
static const unsigned long controls[] = {FIONREAD,   FIONBIO,     TIOCOUTQ,    TCGETS,
                                         TIOCGWINSZ, SIOCGIFADDR, SIOCGIFCONF, SIOCGIFNAME};
static const int settings[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_PDEATHSIG,
                               PR_SET_VMA};

/* Written by the signal's handler, which can reach no other memory. */
static struct {
    _Atomic int number[DENIED_MAX];
    _Atomic unsigned written;
    unsigned taken;
    int notify_fd;
} denied;

/* ---- denied calls ---- */

static void set_result(ucontext_t *context, long result)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[0] = (unsigned long long)result;
#else
    (void)context;
    (void)result;
#endif
}

static void on_denied(int number, siginfo_t *info, void *context)
{
    (void)number;
    set_result(context, -EPERM);
    denied.number[denied.written % DENIED_MAX] = info->si_syscall;
    denied.written++;
    notify_send(denied.notify_fd);
}

int sandbox_filter_take(int *number)
{
    if (denied.written - denied.taken > DENIED_MAX)
        denied.taken = denied.written - DENIED_MAX;
    if (denied.taken == denied.written)
        return 0;
    *number = denied.number[denied.taken++ % DENIED_MAX];
    return 1;
}

const char *sandbox_filter_name(int number, char *out, size_t cap)
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

    if (name == NULL || str_copy(out, cap, name) != 0)
        (void)str_format(out, cap, "number %d", number);
    free(name);
    return out;
}

/* A coroutine's stack may have no room for the handler's frame. */
static struct err *handler_set(int notify_fd)
{
    struct sigaction action = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack;
    sigset_t one;

    denied.notify_fd = notify_fd;
    if (sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE)) {
        stack = (stack_t){.ss_size = STACK_SIZE};
        stack.ss_sp =
            mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0)
            return err_sys(errno, "sandbox: signal stack");
    }
    sigemptyset(&action.sa_mask);
    sigemptyset(&one);
    sigaddset(&one, SIGSYS);
    if (sigaction(SIGSYS, &action, NULL) != 0 || sigprocmask(SIG_UNBLOCK, &one, NULL) != 0)
        return err_sys(errno, "sandbox: SIGSYS");
    return NULL;
}

/* ---- the filter ---- */

static int allow_all(scmp_filter_ctx filter, const int *list, size_t count)
{
    int rc = 0;

    /* A call that this architecture does not have is ignored by the library. */
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, list[i], 0);
    return rc;
}

static int allow_by_arguments(scmp_filter_ctx filter)
{
    const scmp_datum_t self = (scmp_datum_t)getpid();
    int rc = 0;

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(socket), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1,
                              SCMP_A1_32(SCMP_CMP_EQ, controls[i], 0));
    if (SANDBOX_SANITIZED)
        return rc;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prctl), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, (scmp_datum_t)settings[i], 0));
    /* No memory becomes code. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap), 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mprotect), 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* Threads, but no processes. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(clone), 1,
                              SCMP_A0_32(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    /* abort(3) and assert(3). Workers end one that hangs with a lock. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, self, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(kill), 1,
                              SCMP_A1_32(SCMP_CMP_EQ, SIGKILL, 0));
    return rc;
}

static int filter_make(scmp_filter_ctx filter)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    /* What the library of this machine does not have, it does without. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = allow_all(filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
#if SANDBOX_SANITIZED
    if (rc == 0)
        rc = allow_all(filter, allowed_sanitizer,
                       sizeof(allowed_sanitizer) / sizeof(allowed_sanitizer[0]));
#endif
    if (rc == 0)
        rc = allow_by_arguments(filter);
    /* The arguments of clone3 are in memory, where a filter cannot look: the C library then uses
     * clone. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
    return rc;
}

const char *sandbox_filter_missing(void)
{
    return seccomp_api_get() >= 2 ? NULL : "the kernel has no seccomp filters";
}

struct err *sandbox_filter_enter(int notify_fd)
{
    struct err *err = handler_set(notify_fd);
    scmp_filter_ctx filter;
    int rc;

    if (err != NULL)
        return err;
    filter = seccomp_init(SCMP_ACT_TRAP);
    if (filter == NULL)
        return err_new(ERR_NOMEM, "sandbox: filter");
    rc = filter_make(filter);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? NULL : err_sys(-rc, "sandbox: filter of system calls");
}

#else

const char *sandbox_filter_missing(void)
{
    return "built without libseccomp";
}

struct err *sandbox_filter_enter(int notify_fd)
{
    (void)notify_fd;
    return NULL;
}

int sandbox_filter_take(int *number)
{
    *number = 0;
    return 0;
}

const char *sandbox_filter_name(int number, char *out, size_t cap)
{
    (void)number;
    (void)cap;
    out[0] = '\0';
    return out;
}

#endif
