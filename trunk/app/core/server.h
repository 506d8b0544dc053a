#ifndef APP_CORE_SERVER_H
#define APP_CORE_SERVER_H

/*
 * What every connection and every feature is passed: the configuration, the streams, the state of
 * the process. Made by app/server/service.c, one per process. A feature keeps what it has of its
 * own in `own`, and finds it by its row (app/stream/observer.h). Never yields.
 */
#include "app/config/config.h"
#include "app/core/admission.h"
#include "app/core/tables.h"
#include "base/memory.h"
#include "co/co.h"
#include "live/hub.h"

struct session_entry;
struct http_handler;
struct log_limit;
struct net_conn;
struct serve_mux;
struct ip_limit;
struct service;

enum server_state { SERVER_RUNNING, SERVER_DRAINING, SERVER_STOPPING };

/* Observers at most. */
#define SERVER_OBSERVERS_MAX 16

/*
 * Limits that several processes of one server share. Each function takes one more, or gives it
 * back; a limit is answered with its name (constant), NULL lets it through.
 */
struct server_shared {
    const char *(*enter)(void *arg);
    void (*leave)(void *arg);
    /* Of one address. */
    const char *(*ip_limit_enter)(void *arg, const char *name, uint64_t limit);
    void (*ip_limit_leave)(void *arg, const char *name);
    /* Connections of a class: so many more, or fewer, here; and how many there are of all. */
    void (*quota_add)(void *arg, enum quota_class class, int delta);
    uint64_t (*quota_count)(void *arg, enum quota_class class);
    /* Since when the oldest of a class is here, for whoever looks for one to evict. */
    void (*quota_oldest)(void *arg, enum quota_class class, usec_t since);
    /* This process has so much memory (bytes): answers what the others have together, and how many
     * processes there are. */
    uint64_t (*memory)(void *arg, uint64_t used, int *workers);
    /* A stream ("vhost/app/stream") that this process had nothing of: 0, or -1. */
    int (*stream_enter)(void *arg, const char *key);
    void (*stream_leave)(void *arg, const char *key);
};

struct server {
    const struct log *log;
    struct log_limit *log_limit; /* of lines about peers: log_peer(); NULL: none */
    struct config *config;       /* current snapshot; ref it to keep it over a yield */
    const struct tables *tables;
    struct hub *hub;
    struct serve_mux *mux;             /* live mounts */
    int rtmp_port;                     /* that clients reach; see app/http/http_page.h */
    struct http_handler *chain;        /* of ordinary HTTP connections */
    struct http_handler *api_chain;    /* of http_api's own listeners */
    struct http_handler *worker_chain; /* of the other processes of this server */
    enum server_state state;
    int is_closed;      /* no listener is open any more */
    size_t connections; /* all kinds, against max_connections */
    struct admissions admissions;
    char server_id[32];
    uint8_t via_key[32]; /* what this server seals its marks with: app/config/via_chain.h */
    pid_t pid; /* with started_at: the server's, which is the master's where there are workers */
    usec_t started_at;
    const struct server_shared *shared; /* NULL: there is one process only */
    void *shared_arg;
    struct session_entry *sessions; /* app/stream/session_list.h */
    size_t client_count;
    struct memory memory;                /* against max_memory */
    struct ip_limit *ip_limits;          /* app/core/ip_limit.h */
    void *own[SERVER_OBSERVERS_MAX];     /* of each observer */
    size_t offset[SERVER_OBSERVERS_MAX]; /* where its state is in each stream */
    size_t stream_size;                  /* of a stream with all of them */
    struct service *service;             /* app/server/service.c */
    struct co_cond changed;              /* state or connections changed */
    struct co_cond ticker;               /* there is a source to look after */
};

/* Ends at once. */
void server_stop(struct server *server);
/* A source was made: its timers run from now on. */
void server_wake_ticker(struct server *server);

/* The shared limits; without them everything is let through. */
const char *server_shared_enter(struct server *server);
void server_shared_leave(struct server *server);
const char *server_shared_ip_enter(struct server *server, const char *name, uint64_t limit);
void server_shared_ip_leave(struct server *server, const char *name);
void server_shared_quota_add(struct server *server, enum quota_class class, int delta);
void server_shared_quota_oldest(struct server *server, enum quota_class class, usec_t since);
/* own: what this process has, which is all there is when it is alone. */
uint64_t server_shared_quota_count(const struct server *server, enum quota_class class,
                                   uint64_t own);
uint64_t server_shared_memory(struct server *server, uint64_t used, int *workers);
int server_shared_stream_enter(struct server *server, const char *key);
void server_shared_stream_leave(struct server *server, const char *key);

#endif
