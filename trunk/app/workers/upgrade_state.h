#ifndef APP_WORKERS_UPGRADE_STATE_H
#define APP_WORKERS_UPGRADE_STATE_H

/*
 * What a master leaves to the program that takes its place in the same process (execve(2)), in a
 * memory file whose descriptor is inherited: its descriptors, its workers, its listening sockets,
 * and its configuration. The names of structs and numbers may differ in the other program; the
 * version and the size say whether the two agree. Never yields.
 */
#include "app/config/config_source.h"
#include "app/core/endpoint.h"
#include "app/core/server.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>

/* Raise it whenever the meaning of anything changes that the size of a struct does not show: here,
 * in the shared tables, or in what workers say to each other. */
#define UPGRADE_VERSION 1

#define UPGRADE_WHY_MAX 512

struct upgrade_port {
    char endpoint[160];
    int32_t count;
    int32_t fd[CONFIG_WORKERS_MAX]; /* in the order of ranks; -1: none */
};

struct upgrade_child {
    int32_t pid; /* 0: none */
    int64_t ready_at;
};

struct upgrade_state {
    uint64_t magic;
    uint32_t version, size;
    _Atomic int32_t is_accepted; /* by the trial */
    /* Of the process; -1: none. */
    int32_t program_fd; /* the program that runs now */
    int32_t pid_fd, server_id_fd;
    char program[PATH_MAX]; /* that will run: the path by which the server was started */
    char folder[PATH_MAX];  /* in which it was started */
    char pid_path[PATH_MAX];
    char server_id[32];
    char why[UPGRADE_WHY_MAX]; /* the other program has failed */
    /* Of the shared tables (struct worker_share). */
    int32_t memory_fd;
    int32_t slots, workers;
    uint32_t generation;
    int64_t started_at;
    char sockets[128]; /* the folder of the workers' sockets */
    uint8_t via_key[32];
    char service_id[SERVER_SERVICE_ID_SIZE];
    int32_t wake[2]; /* the signals stay this process's */
    int32_t notify_fd[CONFIG_PROCESSES_MAX];
    int32_t handoff_socket[CONFIG_PROCESSES_MAX][2];
    int32_t port_socket[CONFIG_PROCESSES_MAX][2];
    struct upgrade_child child[CONFIG_PROCESSES_MAX];
    int32_t port_count;
    struct upgrade_port port[2 * ENDPOINTS_MAX];
    /* The configuration in effect, as config_source_write() writes it. */
    uint64_t source_len;
    uint8_t source[CONFIG_SOURCE_BYTES_MAX + 65536];
};

/* An empty state in a new memory file, *fd; all descriptors in it are -1. NULL, with errno. */
struct upgrade_state *upgrade_state_new(int *fd);
/* The state in this file, which stays the caller's. ERR_CLOSED: it is none; ERR_LIMIT: it is
 * another version's. */
struct err *upgrade_state_open(int fd, struct upgrade_state **out);
/* Unmaps it; NULL is allowed. */
void upgrade_state_free(struct upgrade_state *state);

/* Whether a program that is executed inherits the descriptors of the state. */
void upgrade_state_inherit(const struct upgrade_state *state, int is_inherited);

/* Writes a configuration to it, and reads it back. ERR_LIMIT, ERR_CONFIG, ERR_NOMEM. */
struct err *upgrade_state_put_config(struct upgrade_state *state, const struct config *config);
struct err *upgrade_state_config(const struct upgrade_state *state, struct config **out);

#endif
