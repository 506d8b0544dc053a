/*
 * Whatever a worker counts is kept apart from what the others count, so that the master can reset
 * it after a worker was killed: each worker writes only its own slot, and each IP address and each
 * stream has one number per worker.
 */
#include "app/workers/worker_share.h"

#include "app/core/metrics.h"
#include "app/stream/observer.h"
#include "app/workers/worker_ports.h"
#include "app/workers/worker_reload.h"
#include "base/clock.h"
#include "base/proc_stat.h"
#include "base/shared_lock.h"
#include "base/shared_map.h"
#include "base/str.h"
#include "co/net_pass.h"
#include "co/notify.h"

#include <assert.h>
#include <errno.h>
#include <openssl/rand.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* How much the limits of tables may be raised by reloads, and the most entries that this gives. */
#define TABLE_FACTOR    8
#define TABLE_MAX       (1 << 23)
#define FOLDER_TEMPLATE "millrace-XXXXXX"

/* The secret of all workers' session tickets. */
struct secret {
    usec_t made_at;
    uint8_t bytes[TLS_SECRET_SIZE];
};

static const char secret_name[] = "tickets";

/* The number of processors that this process may use: a container may have few of many. */
static long processors(void)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
        return CPU_COUNT(&allowed);
    /* The machine has more processors than fit into the set. */
    return sysconf(_SC_NPROCESSORS_ONLN);
}

int worker_share_count(const struct config *config)
{
    long count;

    if (config->workers > 0)
        return (int)config->workers;
    count = processors();
    if (count < 1)
        return 1;
    return count < CONFIG_WORKERS_MAX ? (int)count : CONFIG_WORKERS_MAX;
}

/* A worker that is stopped (SIGSTOP) while it holds a lock would block all other workers, and the
 * master when the next worker dies. The master itself is never killed. */
static void holder_stuck(pid_t holder)
{
    struct proc_stat stat;

    if (holder <= 0 || holder == getppid())
        return;
    proc_stat_read(holder, &stat);
    if (stat.state == 'T')
        (void)kill(holder, SIGKILL);
}

/* Creates a directory that no other user can enter: connections to the sockets in it need no
 * permission. */
static struct err *folder_make(struct worker_share *share)
{
    const char *top = "/tmp";
    const char *own = getenv("XDG_RUNTIME_DIR");
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) - 16];

    /* The user's runtime directory is the second choice: it is removed at logout, and a server may
     * outlive that. */
    if (access(top, W_OK | X_OK) != 0 && own != NULL && *own != '\0')
        top = own;
    if (str_format(path, sizeof(path), "%s/" FOLDER_TEMPLATE, top) != 0)
        (void)str_copy(path, sizeof(path), "/tmp/" FOLDER_TEMPLATE);
    if (mkdtemp(path) == NULL)
        return err_sys(errno, "workers: folder %s", path);
    share->folder = strdup(path);
    return share->folder != NULL ? NULL : err_new(ERR_NOMEM, "workers");
}

/* Entries of a table. It cannot grow once there are workers, and a reload may raise the limits;
 * entries that are not used take no memory. */
static size_t room_for(int64_t entries)
{
    int64_t room = entries * TABLE_FACTOR;

    return (size_t)(room < TABLE_MAX ? room : entries > TABLE_MAX ? entries : TABLE_MAX);
}

static struct err *tables_make(struct worker_share *share, const struct config *config)
{
    void *slots = mmap(NULL, (size_t)share->count * sizeof(*share->slot), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (slots == MAP_FAILED)
        return err_sys(errno, "workers: shared memory");
    share->slot = slots;
    /* Pulls claim the streams that they wait for, so they need entries besides the publishers'. */
    share->registry =
        registry_new(room_for(config->max_streams + config->max_pulls * (int64_t)share->count));
    share->streams =
        shared_map_new(room_for(config->max_streams), (size_t)share->count * sizeof(uint32_t));
    share->ip_counts = shared_map_new(
        room_for(config->max_connections + (int64_t)share->count * (PLACES_EVICTED_MAX + 1)),
        (size_t)share->count * sizeof(uint32_t));
    share->secrets = shared_map_new(1, sizeof(struct secret));
    share->places = places_new(share->count, PLACES_CONNECTIONS);
    share->pulls = places_new(share->count, PLACES_PULLS);
    share->metrics = metrics_new(share->count, (size_t)config->exporter.streams);
    /* Also holds streams that viewers wait for. */
    share->times =
        stream_clock_new(room_for(config->max_streams + config->max_connections), share->count);
    if (share->registry == NULL || share->times == NULL || share->streams == NULL ||
        share->secrets == NULL || share->metrics == NULL || share->places == NULL ||
        share->pulls == NULL || share->ip_counts == NULL)
        return err_new(ERR_NOMEM, "workers: shared memory");
    for (int i = 0; i < share->count; i++) {
        share->notify_fd[i] = notify_new();
        if (share->notify_fd[i] < 0 || net_pass_new(share->handoff_socket[i]) != 0)
            return err_sys(errno, "workers: eventfd");
    }
    return NULL;
}

struct err *worker_share_new(struct worker_share **out, const struct config *config,
                             const struct tables *tables)
{
    struct worker_share *share = calloc(1, sizeof(*share));
    struct err *err;

    assert(out != NULL && config != NULL);
    *out = NULL;
    if (share == NULL)
        return err_new(ERR_NOMEM, "workers");
    shared_lock_on_stuck(holder_stuck);
    share->count = worker_share_count(config);
    share->master = getpid();
    share->started_at = clock_now();
    for (int i = 0; i < CONFIG_WORKERS_MAX; i++)
        share->notify_fd[i] = share->handoff_socket[i][0] = share->handoff_socket[i][1] =
            share->port_socket[i][0] = share->port_socket[i][1] = -1;
    if (RAND_bytes(share->via_key, sizeof(share->via_key)) != 1) {
        worker_share_free(share);
        return err_new(ERR_NOMEM, "workers: no random bytes");
    }
    server_make_service_id(share->service_id);
    share->tables = tables;
    err = tables_make(share, config);
    if (err == NULL && tables != NULL)
        err = observers_share_new(tables, config, share->count, share->row_shared);
    if (err == NULL)
        err = worker_reload_share_new(share);
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

static void descriptor_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

/*
 * The master ends last and removes the directory. If the master was killed, each worker tries: it
 * succeeds for the last one, when the directory is empty. While the master lives no worker tries,
 * since new workers that are still starting will need the directory.
 */
static void folder_leave(const struct worker_share *share)
{
    if (share->folder != NULL && (getpid() == share->master || getppid() != share->master))
        (void)rmdir(share->folder);
}

void worker_share_free(struct worker_share *share)
{
    if (share == NULL)
        return;
    folder_leave(share);
    free(share->folder);
    for (int i = 0; i < CONFIG_WORKERS_MAX; i++) {
        descriptor_close(share->notify_fd[i]);
        descriptor_close(share->handoff_socket[i][0]);
        descriptor_close(share->handoff_socket[i][1]);
    }
    worker_reload_share_free(share);
    worker_ports_free(share->ports);
    places_free(share->places);
    places_free(share->pulls);
    shared_map_free(share->ip_counts);
    shared_map_free(share->streams);
    shared_map_free(share->secrets);
    metrics_free(share->metrics);
    stream_clock_free(share->times);
    registry_free(share->registry);
    observers_share_free(share->tables, share->row_shared);
    if (share->slot != NULL)
        (void)munmap(share->slot, (size_t)share->count * sizeof(*share->slot));
    free(share);
}

void worker_share_ring(const struct worker_share *share)
{
    for (int i = 0; i < share->count; i++) {
        share->slot[i].has_changed = 1;
        notify_send(share->notify_fd[i]);
    }
}

void worker_share_ring_one(const struct worker_share *share, int slot)
{
    notify_send(share->notify_fd[slot]);
}

/* ---- limits ---- */

/* Drops an entry that no worker counts any more. */
static void counts_drop(struct shared_map *map, uint32_t *counts, int workers)
{
    uint64_t sum = 0;

    for (int i = 0; i < workers; i++)
        sum += counts[i];
    if (sum == 0)
        shared_map_remove(map, counts);
}

/* Limits of a table: of one name's counts together, and of the number of names. */
struct counts_limits {
    uint64_t sum, names;
};

/* Adds one to this name's count at a worker; 0, or -1 if all workers together have reached a
 * limit. */
static int counts_enter(const struct worker_share *share, struct shared_map *map, int slot,
                        const char *name, const struct counts_limits *limits)
{
    uint32_t *counts;
    uint64_t sum = 0;
    int fits;

    shared_map_lock(map);
    counts = shared_map_find(map, name);
    if (counts == NULL && shared_map_count(map) < limits->names)
        counts = shared_map_add(map, name);
    for (int i = 0; counts != NULL && i < share->count; i++)
        sum += counts[i];
    fits = counts != NULL && sum < limits->sum;
    if (fits)
        counts[slot]++;
    shared_map_unlock(map);
    return fits ? 0 : -1;
}

static void counts_leave(const struct worker_share *share, struct shared_map *map, int slot,
                         const char *name)
{
    uint32_t *counts;

    shared_map_lock(map);
    counts = shared_map_find(map, name);
    if (counts != NULL && counts[slot] > 0) {
        counts[slot]--;
        counts_drop(map, counts, share->count);
    }
    shared_map_unlock(map);
}

static void counts_reap(const struct worker_share *share, struct shared_map *map, int slot)
{
    uint32_t *counts = NULL;

    shared_map_lock(map);
    while ((counts = shared_map_next(map, counts)) != NULL) {
        counts[slot] = 0;
        counts_drop(map, counts, share->count);
    }
    shared_map_unlock(map);
}

uint64_t worker_share_memory(struct worker_share *share, int slot, uint64_t used)
{
    uint64_t others = 0;

    share->slot[slot].memory = used;
    for (int i = 0; i < share->count; i++)
        if (i != slot && share->slot[i].state != WORKER_GONE)
            others += share->slot[i].memory;
    return others;
}

const char *worker_share_ip_enter(struct worker_share *share, int slot, const char *name,
                                  uint64_t limit)
{
    const struct counts_limits limits = {limit, UINT64_MAX};

    return counts_enter(share, share->ip_counts, slot, name, &limits) == 0
               ? NULL
               : "max_connections_per_ip";
}

void worker_share_ip_leave(struct worker_share *share, int slot, const char *name)
{
    counts_leave(share, share->ip_counts, slot, name);
}

int worker_share_stream_enter(struct worker_share *share, int slot, const char *key,
                              uint64_t streams_max)
{
    const struct counts_limits limits = {UINT64_MAX, streams_max};

    return counts_enter(share, share->streams, slot, key, &limits);
}

void worker_share_stream_leave(struct worker_share *share, int slot, const char *key)
{
    counts_leave(share, share->streams, slot, key);
}

/* A worker that is killed in this function leaves an entry without a time, which is then created
 * again. */
static int secret_make(struct secret *secret)
{
    secret->made_at = 0;
    if (getrandom(secret->bytes, sizeof(secret->bytes), GRND_NONBLOCK) != TLS_SECRET_SIZE)
        return -1;
    secret->made_at = clock_now();
    return 0;
}

int worker_share_secret(struct worker_share *share, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at)
{
    struct secret *secret;
    int rc = -1;

    shared_map_lock(share->secrets);
    secret = shared_map_find(share->secrets, secret_name);
    if (secret == NULL)
        secret = shared_map_add(share->secrets, secret_name);
    if (secret != NULL &&
        (secret->made_at == 0 || clock_now() - secret->made_at >= TLS_TICKETS_MAX_AGE))
        rc = secret_make(secret);
    else if (secret != NULL)
        rc = 0;
    if (rc == 0) {
        memcpy(out, secret->bytes, TLS_SECRET_SIZE);
        *made_at = secret->made_at;
    }
    shared_map_unlock(share->secrets);
    return rc;
}

void worker_share_reap(struct worker_share *share, int slot)
{
    share->slot[slot].is_leaving = 0;
    share->slot[slot].is_late = 0;
    places_reap(share->places, slot);
    places_reap(share->pulls, slot);
    /* Free its streams for the next publisher. */
    (void)registry_reap(share->registry, slot);
    (void)stream_clock_reap(share->times, slot);
    counts_reap(share, share->ip_counts, slot);
    counts_reap(share, share->streams, slot);
    metrics_reap(share->metrics, slot);
    observers_share_reap(share->tables, share->row_shared, slot);
    socket_remove(share, slot);
    notify_clear(share->notify_fd[slot]);
    /* Always: it may have died between a change and the notification of it. */
    worker_share_ring(share);
}
