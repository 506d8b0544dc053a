/*
 * Starts the runtime, from the bottom up: the library with our clock, the first coroutine, the
 * reactor. This file is above those, so that none of them calls back another.
 */
#include "co/co.h"
#include "co/co_private.h"
#include "co/reactor.h"

#include <signal.h>
#include <sys/prctl.h>

struct err *co_init(const struct log *log)
{
    struct err *err;

    signal(SIGPIPE, SIG_IGN);
    /* Stacks are adjacent: one huge page would make thirty of them resident at once. */
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    err = co_runtime_start(log);
    if (err == NULL)
        err = co_spawn_first();
    if (err == NULL)
        err = reactor_start();
    return err;
}
