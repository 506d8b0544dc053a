/*
 * Counters need no lock: each worker writes its own, and a limit is compared with
 * the sum. So a worker that is killed leaves nothing to be repaired, its numbers
 * are set to nothing. An address has one number a worker for the same reason.
 */
#include "app/worker_share.h"

#include "base/clock.h"
#include "base/shared_map.h"
#include "base/str.h"
#include "co/notify.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FOLDER_TEMPLATE "millrace-XXXXXX"

int worker_share_count(const struct config *config)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    if (config->workers > 0)
        return (int)config->workers;
    if (online < 1)
        return 1;
    return online < CONFIG_WORKERS_MAX ? (int)online : CONFIG_WORKERS_MAX;
}

/* One that nobody else may enter: who can connect to the sockets in it is not asked anything. */
static struct err *folder_make(struct worker_share *share)
{
    const char *top = getenv("XDG_RUNTIME_DIR");
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) - 16];

    if (top == NULL || *top == '\0' || access(top, W_OK | X_OK) != 0)
        top = "/tmp";
    if (str_format(path, sizeof(path), "%s/" FOLDER_TEMPLATE, top) != 0)
        (void)str_copy(path, sizeof(path), "/tmp/" FOLDER_TEMPLATE);
    if (mkdtemp(path) == NULL)
        return err_sys(errno, "workers: folder %s", path);
    share->folder = strdup(path);
    return share->folder != NULL ? NULL : err_new(ERR_NOMEM, "workers");
}

/* The workers are one server: its name is made once. */
static void name_make(struct worker_share *share, const struct config *config)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t random[8] = {0};

    if (config->server_id != NULL && *config->server_id != '\0') {
        (void)str_copy(share->server_id, sizeof(share->server_id), config->server_id);
        return;
    }
    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        memcpy(random, &(usec_t){clock_wall()}, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        share->server_id[i] = letters[random[i] % (sizeof(letters) - 1)];
}

static struct err *tables_make(struct worker_share *share, const struct config *config)
{
    void *slots = mmap(NULL, (size_t)share->count * sizeof(*share->slot), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (slots == MAP_FAILED)
        return err_sys(errno, "workers: shared memory");
    share->slot = slots;
    share->registry = registry_new((size_t)config->max_streams);
    if (config->max_connections_per_ip > 0)
        share->peers = shared_map_new((size_t)config->max_connections + (size_t)share->count,
                                      (size_t)share->count * sizeof(uint32_t));
    if (share->registry == NULL || (config->max_connections_per_ip > 0 && share->peers == NULL))
        return err_new(ERR_NOMEM, "workers: shared memory");
    for (int i = 0; i < share->count; i++) {
        share->bell[i] = notify_new();
        if (share->bell[i] < 0)
            return err_sys(errno, "workers: bell");
    }
    return NULL;
}

struct err *worker_share_new(struct worker_share **out, const struct config *config)
{
    struct worker_share *share = calloc(1, sizeof(*share));
    struct err *err;

    assert(out != NULL && config != NULL);
    *out = NULL;
    if (share == NULL)
        return err_new(ERR_NOMEM, "workers");
    share->count = worker_share_count(config);
    share->master = getpid();
    for (int i = 0; i < CONFIG_WORKERS_MAX; i++)
        share->bell[i] = -1;
    name_make(share, config);
    err = tables_make(share, config);
    if (err == NULL)
        err = folder_make(share);
    if (err != NULL) {
        worker_share_free(share);
        return err;
    }
    *out = share;
    return NULL;
}

int worker_share_path(const struct worker_share *share, int slot, char *out, size_t cap)
{
    return str_format(out, cap, "%s/%d", share->folder, slot);
}

static void socket_remove(const struct worker_share *share, int slot)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

    if (worker_share_path(share, slot, path, sizeof(path)) == 0)
        (void)unlink(path);
}

/*
 * The last process to leave removes the folder: it is empty then, which is all that rmdir needs to
 * know. That is a worker where the master was killed.
 */
void worker_share_free(struct worker_share *share)
{
    if (share == NULL)
        return;
    if (share->folder != NULL)
        (void)rmdir(share->folder);
    free(share->folder);
    for (int i = 0; i < CONFIG_WORKERS_MAX; i++)
        if (share->bell[i] >= 0)
            close(share->bell[i]);
    shared_map_free(share->peers);
    registry_free(share->registry);
    if (share->slot != NULL)
        (void)munmap(share->slot, (size_t)share->count * sizeof(*share->slot));
    free(share);
}

void worker_share_ring(const struct worker_share *share)
{
    for (int i = 0; i < share->count; i++)
        notify_ring(share->bell[i]);
}

/* ---- limits ---- */

/* An address that nobody has a connection from goes. */
static void peer_drop(struct worker_share *share, uint32_t *counts)
{
    uint64_t sum = 0;

    for (int i = 0; i < share->count; i++)
        sum += counts[i];
    if (sum == 0)
        shared_map_remove(share->peers, counts);
}

static int peer_enter(struct worker_share *share, int slot, const char *ip, int64_t limit)
{
    uint32_t *counts;
    uint64_t sum = 0;
    int fits;

    shared_map_lock(share->peers);
    counts = shared_map_find(share->peers, ip);
    if (counts == NULL)
        counts = shared_map_add(share->peers, ip);
    for (int i = 0; counts != NULL && i < share->count; i++)
        sum += counts[i];
    fits = counts != NULL && sum < (uint64_t)limit;
    if (fits)
        counts[slot]++;
    shared_map_unlock(share->peers);
    return fits;
}

static void peer_leave(struct worker_share *share, int slot, const char *ip)
{
    uint32_t *counts;

    shared_map_lock(share->peers);
    counts = shared_map_find(share->peers, ip);
    if (counts != NULL && counts[slot] > 0) {
        counts[slot]--;
        peer_drop(share, counts);
    }
    shared_map_unlock(share->peers);
}

const char *worker_share_enter(struct worker_share *share, int slot, const char *ip,
                               const struct config *config)
{
    uint64_t sum = 0;

    /* First in, then counted: who compares too early would let two into one place. */
    share->slot[slot].connections++;
    for (int i = 0; i < share->count; i++)
        sum += share->slot[i].connections;
    if (sum > (uint64_t)config->max_connections) {
        share->slot[slot].connections--;
        return "max_connections";
    }
    if (share->peers != NULL && !peer_enter(share, slot, ip, config->max_connections_per_ip)) {
        share->slot[slot].connections--;
        return "max_connections_per_ip";
    }
    return NULL;
}

void worker_share_leave(struct worker_share *share, int slot, const char *ip)
{
    assert(share->slot[slot].connections > 0);
    share->slot[slot].connections--;
    if (share->peers != NULL)
        peer_leave(share, slot, ip);
}

void worker_share_reap(struct worker_share *share, int slot)
{
    uint32_t *counts = NULL;

    share->slot[slot].connections = 0;
    if (share->peers != NULL) {
        shared_map_lock(share->peers);
        while ((counts = shared_map_next(share->peers, counts)) != NULL) {
            counts[slot] = 0;
            peer_drop(share, counts);
        }
        shared_map_unlock(share->peers);
    }
    socket_remove(share, slot);
    notify_clear(share->bell[slot]);
    if (registry_reap(share->registry, slot) > 0)
        worker_share_ring(share);
}
