/*
 * The memory and the channels of a reload with several workers. The block is as large as the
 * longest configuration, and takes memory for what was written to it only.
 */
#include "app/workers/worker_reload.h"
#include "app/workers/worker_share.h"
#include "co/net_pass.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct err *worker_reload_share_new(struct worker_share *share)
{
    /* Pages that are never written take no memory. */
    void *shared = mmap(NULL, sizeof(*share->reload), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (shared == MAP_FAILED)
        return err_sys(errno, "workers: shared memory");
    share->reload = shared;
    for (int i = 0; i < share->count; i++)
        if (net_pass_new(share->port_socket[i]) != 0)
            return err_sys(errno, "workers: channel of listeners");
    return NULL;
}

void worker_reload_share_free(struct worker_share *share)
{
    for (int i = 0; i < share->count; i++)
        for (int end = 0; end < 2; end++)
            if (share->port_socket[i][end] >= 0)
                close(share->port_socket[i][end]);
    if (share->reload != NULL)
        (void)munmap(share->reload, sizeof(*share->reload));
}
