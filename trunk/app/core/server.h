#ifndef APP_CORE_SERVER_H
#define APP_CORE_SERVER_H

/*
 * The context of every connection and every feature: the configuration, the streams, the state of
 * the process. app/server/service.c makes one per process. A feature keeps its own state in `own`
 * and finds it by its row (app/stream/observer.h). Never yields.
 */
#include "app/config/config.h"
#include "app/core/admission.h"
#include "app/core/tables.h"
#include "base/memory.h"
#include "base/yield.h"
#include "co/co.h"
#include "live/hub.h"

struct session_entry;
struct http_handler;
struct listener_type;
struct log_limit;
struct net_conn;
struct serve_mux;
struct ip_limit;
struct keeper;
struct metrics;
struct privileges;
struct sandbox;
struct server;
struct service;

enum server_state { SERVER_RUNNING, SERVER_DRAINING, SERVER_STOPPING };

/* Observers at most. */
#define SERVER_OBSERVERS_MAX 20

#define SERVER_SERVICE_ID_SIZE 9 /* 8 letters and digits */

typedef MAY_YIELD void (*server_take_fn)(struct server *server, struct net_conn *conn, int type);

/*
 * Access to the state that several processes of one server share; the places of connections are
 * separate (app/core/places.h).
 */
struct server_shared {
    /* Connections of a process have lost their places: makes it call admission_settle(). */
    void (*evicted)(void *arg, int process);
    /* Counts one connection of an address more, or one less; NULL, or the name of the limit that is
     * reached (constant). */
    const char *(*ip_limit_enter)(void *arg, const char *name, uint64_t limit);
    void (*ip_limit_leave)(void *arg, const char *name);
    /* Reports that this process uses `used` bytes of memory; returns the bytes that the others use
     * together, and the number of processes. */
    uint64_t (*memory)(void *arg, uint64_t used, int *workers);
    /* Counts a stream ("vhost/app/stream") that is new in this process: 0, or -1. */
    int (*stream_enter)(void *arg, const char *key);
    void (*stream_leave)(void *arg, const char *key);
    /* A listening socket that was opened for this process, for this address and listener type; the
     * caller then owns it. -1: none. */
    int (*port)(void *arg, const char *endpoint, int type);
    /* The address of the listener at which other processes reach this one ("unix:/…"): 0 or -1. */
    int (*endpoint)(void *arg, char *out, size_t cap);
    /* Offers a connection that was just accepted, of this listener type, to a process with fewer
     * connections: 1 if that one has taken it, 0 to keep it. */
    int (*hand_over)(void *arg, int type, int fd);
    /* Sets what happens with connections that others hand over. */
    void (*take_with)(void *arg, server_take_fn take);
    /* For struct tls_options. */
    int (*tls_secret)(void *arg, uint8_t *out, usec_t *made_at);
};

struct stream;

struct server_data_row {
    void (*on_data)(struct stream *stream, void *state);
    size_t offset;
};

/* The number of clients so far, and the bytes that they have sent and received. Only grows. */
struct session_totals {
    uint64_t clients;
    uint64_t bytes_in, bytes_out;
};

struct server {
    const struct log *log;
    struct log_limit *log_limit; /* of lines about peers: log_peer(); NULL: none */
    struct config *config;       /* current snapshot; ref it to keep it over a yield */
    const struct tables *tables;
    struct hub *hub;
    struct serve_mux *mux;             /* live mounts */
    int rtmp_port;                     /* for players; see app/http/http_page.h */
    struct http_handler *chain;        /* of ordinary HTTP connections */
    struct http_handler *api_chain;    /* of http_api's own listeners */
    struct http_handler *worker_chain; /* of the other processes of this server */
    enum server_state state;
    int is_closed; /* all listeners are closed */
    /* Newer processes of this server accept connections; this one serves those that it has until
     * they end. The state is SERVER_DRAINING. */
    int is_retiring;
    size_t connections; /* of this process, that count against max_connections */
    struct admissions admissions;
    char server_id[32];
    char service_id[SERVER_SERVICE_ID_SIZE]; /* random, of this run of the whole server */
    uint8_t via_key[32];                     /* the key of its marks: app/config/via_chain.h */
    pid_t pid; /* pid and started_at are the server's: with workers, the master's */
    usec_t started_at;
    const struct server_shared *shared; /* NULL: there is only one process */
    void *shared_arg;
    struct metrics *metrics;        /* app/core/metrics.h; NULL: nothing is counted */
    struct session_entry *sessions; /* app/stream/session_list.h */
    struct session_entry *sampled;  /* the next one for session_list_sample(); NULL: the first */
    size_t client_count;
    struct session_totals sessions_gone;    /* bytes of former sessions; see session_list.h */
    struct memory memory;                   /* against max_memory */
    struct ip_limit *ip_limits;             /* app/core/ip_limit.h */
    struct sandbox *sandbox;                /* app/core/sandbox.h; NULL: none */
    struct keeper *keeper;                  /* app/core/keeper.h; NULL: none */
    const struct privileges *privileges;    /* app/core/privileges.h; NULL: they stay */
    int slot;                               /* of what the processes share, from 0 */
    int rank;                               /* among the workers of one generation, from 0 */
    int workers;                            /* of this generation; 1: there is only one process */
    void *row_shared[SERVER_OBSERVERS_MAX]; /* observer_shared() of each observer */
    int owns_row_shared;                    /* else they belong to struct worker_share */
    void *own[SERVER_OBSERVERS_MAX];        /* the state of each observer */
    size_t offset[SERVER_OBSERVERS_MAX];    /* where its state is in each stream */
    size_t stream_size;                     /* of a stream with all of them */
    /* The observers that receive frames: the only rows that are visited for each frame. */
    struct server_data_row data_row[SERVER_OBSERVERS_MAX];
    int data_row_count;
    struct service *service; /* app/server/service.c */
    /* Serves a connection that another connection carries, as one of this listener type:
     * connection_carry(). */
    MAY_YIELD void (*carry)(struct server *server, struct net_conn *conn,
                            const struct listener_type *type);
    struct co_cond changed; /* state or connections changed */
    struct co_cond ticker;  /* a source or a connection was made */
};

/* Writes a random service_id. */
void server_make_service_id(char out[SERVER_SERVICE_ID_SIZE]);

/* Leaves new connections to newer processes: is_retiring. */
void server_retire(struct server *server);
/* Stops the server without a drain. */
void server_stop(struct server *server);
/* A source was made: its timers need ticks from now on. */
void server_wake_ticker(struct server *server);

/* The functions of struct server_shared; with a single process every limit allows everything. */
void server_shared_evicted(struct server *server, int process);
const char *server_shared_ip_enter(struct server *server, const char *name, uint64_t limit);
void server_shared_ip_leave(struct server *server, const char *name);
uint64_t server_shared_memory(struct server *server, uint64_t used, int *workers);
int server_shared_stream_enter(struct server *server, const char *key);
void server_shared_stream_leave(struct server *server, const char *key);
void server_shared_take_with(struct server *server, server_take_fn take);

#endif
