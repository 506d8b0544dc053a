/*
 * Whatever a worker counts is kept apart from what the others count, so that the master can reset
 * it after a worker was killed: each worker writes only its own slot, and each IP address and each
 * stream has one number per worker.
 */
#include "app/workers/worker_share.h"

#include "app/core/metrics.h"
#include "app/stream/observer.h"
#include "app/workers/upgrade_state.h"
#include "app/workers/worker_generation.h"
#include "app/workers/worker_ports.h"
#include "app/workers/worker_reload.h"
#include "base/clock.h"
#include "base/proc_stat.h"
#include "base/shared_lock.h"
#include "base/shared_map.h"
#include "base/str.h"
#include "co/notify.h"
#include "co/notify_signal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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
    struct shared_memory *memory = share->memory;
    size_t bytes = (size_t)share->count * sizeof(*share->slot);

    share->slot =
        shared_memory_map(memory, shared_memory_kind(sizeof(*share->slot), bytes), &bytes);
    /* Pulls claim the streams that they wait for, so they need entries besides the publishers'. */
    share->registry = registry_new(
        memory, room_for(config->max_streams + config->max_pulls * (int64_t)share->count));
    share->streams = shared_map_new(memory, room_for(config->max_streams),
                                    (size_t)share->count * sizeof(uint32_t));
    share->ip_counts = shared_map_new(
        memory,
        room_for(config->max_connections + (int64_t)share->count * (PLACES_EVICTED_MAX + 1)),
        (size_t)share->count * sizeof(uint32_t));
    share->secrets = shared_map_new(memory, 1, sizeof(struct secret));
    share->places = places_new(memory, share->count, PLACES_CONNECTIONS);
    share->pulls = places_new(memory, share->count, PLACES_PULLS);
    share->metrics = metrics_new(memory, share->count, (size_t)config->exporter.streams);
    /* Also holds streams that viewers wait for. */
    share->times = stream_clock_new(memory, room_for(config->max_streams + config->max_connections),
                                    share->count);
    if (share->slot == NULL || share->registry == NULL || share->times == NULL ||
        share->streams == NULL || share->secrets == NULL || share->metrics == NULL ||
        share->places == NULL || share->pulls == NULL || share->ip_counts == NULL)
        return err_new(ERR_NOMEM, "workers: shared memory");
    shared_map_hide(share->secrets);
    return NULL;
}

/* Also of the slots of later generations: every worker notifies every other one. */
static struct err *notifiers_make(struct worker_share *share)
{
    for (int i = 0; i < share->count; i++) {
        share->notify_fd[i] = notify_new();
        if (share->notify_fd[i] < 0)
            return err_sys(errno, "workers: eventfd");
    }
    return NULL;
}

/* Without descriptors. NULL without memory. */
static struct worker_share *share_make(int count, const struct tables *tables)
{
    struct worker_share *share = calloc(1, sizeof(*share));

    if (share == NULL)
        return NULL;
    shared_lock_on_stuck(holder_stuck);
    share->count = count;
    share->tables = tables;
    share->wake[0] = share->wake[1] = -1;
    for (int i = 0; i < CONFIG_PROCESSES_MAX; i++)
        share->notify_fd[i] = share->handoff_socket[i][0] = share->handoff_socket[i][1] =
            share->port_socket[i][0] = share->port_socket[i][1] = -1;
    return share;
}

/* The tables of the workers and of the features. */
static struct err *share_open(struct worker_share *share, const struct config *config)
{
    struct err *err = tables_make(share, config);

    if (err == NULL && share->tables != NULL)
        err = observers_share_new(share->tables, share->memory, config, share->count,
                                  share->row_shared);
    return err == NULL ? worker_reload_share_new(share) : err;
}

struct err *worker_share_new(struct worker_share **out, const struct config *config,
                             const struct tables *tables)
{
    struct worker_share *share;
    struct err *err;

    assert(out != NULL && config != NULL);
    *out = NULL;
    share = share_make(worker_generation_slots(worker_share_count(config)), tables);
    if (share == NULL)
        return err_new(ERR_NOMEM, "workers");
    share->master = getpid();
    share->started_at = clock_now();
    if (RAND_bytes(share->via_key, sizeof(share->via_key)) != 1) {
        worker_share_free(share);
        return err_new(ERR_NOMEM, "workers: no random bytes");
    }
    server_make_service_id(share->service_id);
    share->memory = shared_memory_new();
    err = share->memory != NULL ? share_open(share, config)
                                : err_sys(errno, "workers: shared memory");
    if (err == NULL)
        err = notifiers_make(share);
    if (err == NULL)
        err = notify_signal_new(share->wake, SIGCHLD);
    if (err == NULL)
        err = worker_generation_begin(share, worker_share_count(config));
    if (err == NULL)
        err = folder_make(share);
    if (err != NULL) {
        worker_share_free(share);
        return err;
    }
    *out = share;
    return NULL;
}

void worker_share_save(const struct worker_share *share, struct upgrade_state *state)
{
    state->memory_fd = shared_memory_fd(share->memory);
    state->slots = share->count;
    state->workers = share->workers;
    state->generation = share->generation;
    state->started_at = share->started_at;
    (void)str_copy(state->sockets, sizeof(state->sockets), share->folder);
    memcpy(state->via_key, share->via_key, sizeof(state->via_key));
    (void)str_copy(state->service_id, sizeof(state->service_id), share->service_id);
    (void)str_copy(state->server_id, sizeof(state->server_id), share->server_id);
    memcpy(state->wake, share->wake, sizeof(state->wake));
    memcpy(state->notify_fd, share->notify_fd, sizeof(state->notify_fd));
    memcpy(state->handoff_socket, share->handoff_socket, sizeof(state->handoff_socket));
    memcpy(state->port_socket, share->port_socket, sizeof(state->port_socket));
}

static struct err *share_adopt(struct worker_share *share, const struct upgrade_state *state,
                               const struct config *config)
{
    struct err *err;

    share->memory = shared_memory_open(fcntl(state->memory_fd, F_DUPFD_CLOEXEC, 0));
    if (share->memory == NULL)
        return err_new(ERR_LIMIT, "upgrade: no shared tables");
    err = share_open(share, config);
    if (err == NULL && !shared_memory_is_complete(share->memory))
        err = err_new(ERR_LIMIT, "upgrade: more tables than this program has");
    if (err != NULL)
        return err_wrap(err, "upgrade: the shared tables of the running server have another layout "
                             "than this program's; restart instead");
    share->folder = strdup(state->sockets);
    return share->folder != NULL ? NULL : err_new(ERR_NOMEM, "workers");
}

struct err *worker_share_adopt(struct worker_share **out, const struct upgrade_state *state,
                               const struct config *config, const struct tables *tables)
{
    struct worker_share *share = NULL;
    struct err *err;

    *out = NULL;
    if (state->slots > 0 && state->slots <= CONFIG_PROCESSES_MAX)
        share = share_make(state->slots, tables);
    if (share == NULL)
        return err_new(ERR_NOMEM, "workers");
    share->workers = state->workers;
    share->generation = state->generation;
    share->master = getpid();
    share->started_at = state->started_at;
    memcpy(share->via_key, state->via_key, sizeof(share->via_key));
    (void)str_copy(share->service_id, sizeof(share->service_id), state->service_id);
    (void)str_copy(share->server_id, sizeof(share->server_id), state->server_id);
    err = share_adopt(share, state, config);
    if (err != NULL) {
        share->count = 0; /* the descriptors stay the state's */
        worker_share_free(share);
        return err;
    }
    memcpy(share->wake, state->wake, sizeof(share->wake));
    memcpy(share->notify_fd, state->notify_fd, sizeof(share->notify_fd));
    memcpy(share->handoff_socket, state->handoff_socket, sizeof(share->handoff_socket));
    memcpy(share->port_socket, state->port_socket, sizeof(share->port_socket));
    *out = share;
    return NULL;
}

struct err *worker_share_try(const struct upgrade_state *state, const struct config *config,
                             const struct tables *tables)
{
    struct worker_share *share;
    struct err *err = worker_share_adopt(&share, state, config, tables);

    if (err != NULL)
        return err;
    err = worker_generation_check(share, worker_share_count(config));
    /* The folder and the descriptors stay the running program's. */
    free(share->folder);
    share->folder = NULL;
    share->count = 0;
    share->wake[0] = share->wake[1] = -1;
    worker_share_free(share);
    return err;
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
    for (int i = 0; i < share->count; i++) {
        descriptor_close(share->notify_fd[i]);
        worker_generation_close(share, i);
    }
    descriptor_close(share->wake[0]);
    descriptor_close(share->wake[1]);
    shared_memory_free(share->memory);
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
        (void)munmap(share->slot, share->slot_bytes);
    free(share);
}

void worker_share_ring(const struct worker_share *share)
{
    for (int i = 0; i < share->count; i++) {
        if (share->slot[i].state == WORKER_GONE)
            continue;
        share->slot[i].has_changed = 1;
        notify_send(share->notify_fd[i]);
    }
}

void worker_share_ring_one(const struct worker_share *share, int slot)
{
    notify_send(share->notify_fd[slot]);
}

/* ---- all of them ---- */

int worker_share_processes(const struct worker_share *share)
{
    int count = 0;

    for (int i = 0; i < share->count; i++)
        count += share->slot[i].state != WORKER_GONE;
    return count > 0 ? count : 1;
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
    share->slot[slot].is_retired = 0;
    share->slot[slot].is_late = 0;
    places_reap(share->places, slot);
    places_reap(share->pulls, slot);
    /* Free its streams for the next publisher. */
    (void)registry_reap(share->registry, slot);
    (void)stream_clock_reap(share->times, slot);
    worker_share_limits_reap(share, slot);
    metrics_reap(share->metrics, slot);
    observers_share_reap(share->tables, share->row_shared, slot);
    socket_remove(share, slot);
    notify_clear(share->notify_fd[slot]);
    /* Always: it may have died between a change and the notification of it. */
    worker_share_ring(share);
}
