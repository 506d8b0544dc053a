/*
 * Plays a server process that was taken over: loaded with LD_PRELOAD, it waits for a signal and
 * then tries, in the middle of the server, what the sandbox shall forbid. Each attempt is a line
 * "name result" in a file that was opened before the sandbox: 0, or errno. The attempts are
 * chosen so that they do no harm where nothing forbids them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result = -1;
/* The files that the test names, separated by colons. */
static char paths[4096];

static void report(const char *name, long rc)
{
    int error = rc < 0 ? errno : 0;
    char line[4200];
    int len = snprintf(line, sizeof(line), "%s %d\n", name, error);

    if (write(result, line, (size_t)len) != len)
        _exit(99);
}

static long opened(int fd)
{
    if (fd >= 0)
        close(fd);
    return fd;
}

static void try_files(void)
{
    char copy[sizeof(paths)];
    char name[4100];
    char *rest = copy;
    const char *path;

    memcpy(copy, paths, sizeof(copy));
    while ((path = strsep(&rest, ":")) != NULL) {
        snprintf(name, sizeof(name), "read:%s", path);
        report(name, opened(open(path, O_RDONLY | O_CLOEXEC)));
        snprintf(name, sizeof(name), "write:%s", path);
        report(name, opened(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)));
    }
}

static void try_listen(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    report("bind", bind(fd, (struct sockaddr *)&any, sizeof(any)));
    close(fd);
}

static void on_signal(int number)
{
    char *const argv[] = {"nothing", NULL};
    char memory[48];
    void *code;
    long rc;

    (void)number;
    report("execve", syscall(SYS_execve, "/nonexistent", argv, argv));
    report("execveat", syscall(SYS_execveat, AT_FDCWD, "/nonexistent", argv, argv, 0));
    rc = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (rc == 0)
        syscall(SYS_exit, 0);
    report("fork", rc);
    report("ptrace", ptrace(PTRACE_PEEKDATA, getpid(), NULL, NULL));
    report("algorithm-socket", opened(socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)));
    report("packet-socket", opened(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)));
    code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    report("code", code == MAP_FAILED ? -1 : 0);
    report("unshare", syscall(SYS_unshare, 0x1));
    report("mount", syscall(SYS_mount, "/nonexistent", "/nonexistent", "none", 0, NULL));
    report("bpf", syscall(SYS_bpf, -1, NULL, 0));
    report("io_uring", syscall(SYS_io_uring_setup, 0, NULL));
    report("signal", syscall(SYS_kill, getppid(), SIGWINCH));
    snprintf(memory, sizeof(memory), "/proc/%d/mem", (int)getppid());
    report("memory", opened(open(memory, O_RDONLY | O_CLOEXEC)));
    try_files();
    try_listen();
    report("end", 0);
}

__attribute__((constructor)) static void inject_open(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    const char *file = getenv("INJECT_RESULT");
    const char *names = getenv("INJECT_PATHS");

    if (file == NULL || names == NULL || strlen(names) >= sizeof(paths))
        return;
    result = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    memcpy(paths, names, strlen(names) + 1);
    sigaction(SIGRTMIN + 5, &action, NULL);
}
