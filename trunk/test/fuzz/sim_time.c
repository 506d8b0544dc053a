/*
 * The clock of sim_kernel.h, and all else that would differ from run to run: random numbers, names,
 * the memory in use. State Threads sleeps in poll(): ours moves the clock by its time-out and
 * returns.
 */
#include "sim_kernel.h"
#include "sim_wrap.h"

#include "base/str.h"
#include "co/co.h"
#include "co/co_private.h"
#include "co/resolve.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SIM_BEGIN ((usec_t)1000 * USEC_PER_SEC)
#define SIM_WALL  ((usec_t)1700000000 * USEC_PER_SEC)
#define SIM_TURN  USEC_PER_MS

static usec_t now = SIM_BEGIN;
static uint64_t dice;

/* Defaults of the sanitizers, for a target that is started by hand (see run.sh), and for speed. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=0:quarantine_size_mb=32:malloc_context_size=8";
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:_st_stack_new\nleak:_st_netfd_new\nleak:st_init\nleak:_st_poll_init\n";
}

/* ---- time ---- */

usec_t __wrap_clock_now(void);
usec_t __wrap_clock_now(void)
{
    return now;
}

usec_t __wrap_clock_wall(void);
usec_t __wrap_clock_wall(void)
{
    return SIM_WALL + now;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    assert(timeout >= 0); /* else the target itself waits for ever */
    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
    now += timeout * USEC_PER_MS;
    return 0;
}

/* The fine timers are on a timerfd, which knows nothing of our time. */
enum co_wait __wrap_reactor_park_until(usec_t deadline);
enum co_wait __wrap_reactor_park_until(usec_t deadline)
{
    return co_park(deadline);
}

void sim_run(usec_t us)
{
    (void)co_sleep(us);
}

void sim_settle(void)
{
    sim_run(SIM_TURN);
}

/* ---- what else differs from run to run ---- */

uint64_t __wrap_memory_used(void);
uint64_t __wrap_memory_used(void)
{
    return 1 << 20;
}

/* Numbers for keys and challenges; not the same twice, but the same in every process. */
static void random_fill(uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        to[i] = (uint8_t)(dice >> 56);
    }
}

int __wrap_RAND_bytes(unsigned char *to, int len);
int __wrap_RAND_bytes(unsigned char *to, int len)
{
    random_fill(to, (size_t)len);
    return 1;
}

ssize_t __wrap_getrandom(void *to, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t len, unsigned flags)
{
    (void)flags;
    random_fill(to, len);
    return (ssize_t)len;
}

void sim_again(void)
{
    dice = 1;
}

/* Names: what ends in .invalid does not exist (RFC 6761), all others are one address. */
WRAP(struct err *, resolve_name, const char *host, int port, struct resolve_list *out,
     usec_t timeout)
{
    size_t len = strlen(host);

    if (len >= 8 && strcmp(host + len - 8, ".invalid") == 0)
        return err_new(ERR_NOT_FOUND, "resolve %s: no such name", host);
    if (host[0] == '\0' || len > 255)
        return __real_resolve_name(host, port, out, timeout);
    return __real_resolve_name("192.0.2.1", port, out, timeout);
}

/* ---- start ---- */

static void log_nothing(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    (void)line;
    (void)len;
}

void sim_start(void)
{
    static struct log_sink sink = {log_nothing};
    static struct log log = {.level = LOG_ERROR, .sink = &sink, .context = co_log_context};
    struct err *err;

    if (co_self() != NULL)
        return;
    err = co_init(&log);
    if (err != NULL)
        abort();
}
