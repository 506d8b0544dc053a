/*
 * The memory of a reload with several workers. The block is as large as the longest configuration,
 * and takes memory for what was written to it only.
 */
#include "app/workers/worker_reload.h"
#include "app/workers/worker_share.h"

#include <errno.h>
#include <sys/mman.h>

struct err *worker_reload_share_new(struct worker_share *share)
{
    size_t bytes = sizeof(*share->reload);

    share->reload = shared_memory_map(share->memory, shared_memory_kind(bytes, 0), &bytes);
    if (share->reload == NULL)
        return err_sys(errno, "workers: shared memory of reloads");
    /* The configuration has secrets: no core file gets them. */
    (void)madvise(share->reload, bytes, MADV_DONTDUMP);
    return NULL;
}

int worker_reload_take(struct worker_share *share)
{
    uint32_t asked = share->reload->asked;
    int is_asked = asked != share->reload->taken;

    share->reload->taken = asked;
    return is_asked;
}

void worker_reload_share_free(struct worker_share *share)
{
    if (share->reload != NULL)
        (void)munmap(share->reload, sizeof(*share->reload));
}
