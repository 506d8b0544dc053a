#ifndef APP_SERVER_H
#define APP_SERVER_H

/*
 * The server: what every connection is passed. Made by main, one per process.
 */
#include "app/admission.h"
#include "app/config.h"
#include "app/http_exchange.h"
#include "app/serve_mux.h"
#include "base/memory.h"
#include "co/co.h"
#include "live/hub.h"

struct fanout;
struct log_limit;
struct server_connection;
struct server_peer;
struct net_listener;
struct client;
struct edge;
struct tls;
struct worker;

enum server_state { SERVER_RUNNING, SERVER_DRAINING, SERVER_STOPPING };

/* RTMP, RTMPS, HTTP, HTTPS and API listeners together, for IPv4 and IPv6, and a worker's own. */
#define SERVER_LISTENERS_MAX (2 * 5 * CONFIG_LISTEN_MAX + 1)

struct server {
    const struct log *log;
    struct log_limit *log_limit; /* of lines about peers: log_peer(); NULL: none */
    struct config *config;       /* current snapshot; ref it to keep it over a yield */
    struct hub *hub;
    struct serve_mux *mux;             /* live mounts */
    struct fanout *fanout;             /* sends to viewers in batches */
    struct http_handler *chain;        /* cors -> page -> api -> auth -> live -> static */
    struct http_handler *api_chain;    /* cors -> api: http_api's own listeners */
    struct http_handler *worker_chain; /* what other workers ask */
    struct worker *worker;             /* app/worker.h; NULL: there is one process only */
    enum server_state state;
    size_t connections; /* all kinds, against max_connections */
    struct admissions admissions;
    char server_id[32];
    uint8_t via_key[32]; /* what this server seals its marks with: app/via_chain.h */
    pid_t pid; /* with started_at: the server's, which is the master's where there are workers */
    usec_t started_at;
    struct tls *https, *rtmps;   /* NULL: not served */
    struct edge *edge;           /* what is fetched from elsewhere */
    struct directory *directory; /* who has which stream */
    size_t forward_count;        /* see app/forward.h */
    int rtmp_port;               /* that clients reach; see app/http_page.h */
    struct client *clients;      /* see app/client.h */
    size_t client_count;
    struct memory memory; /* against max_memory */
    /* private to shed.c */
    usec_t shed_measured_at, shed_at;
    int shed_steps; /* taken since memory became short */
    /* private to server.c and server_connection.c */
    struct http_handler *link[10]; /* the chains' links, to be freed */
    int rtmp_port_rank;
    usec_t sampled_at; /* the streams' rates */
    struct server_connection *list;
    size_t refusals;           /* in list, to be told that there are too many */
    size_t evicted;            /* in list, closed for others */
    struct server_peer *peers; /* connections per address */
    struct net_listener *listener[SERVER_LISTENERS_MAX];
    struct co *acceptor[SERVER_LISTENERS_MAX];
    int listener_count;
    struct co_cond changed; /* state or connections changed */
    struct co_cond ticker;  /* there is a source to look after */
};

/* config is taken over (one reference); log is borrowed. */
struct err *server_new(struct server **out, const struct log *log, struct config *config);
void server_free(struct server *server);

/* Opens the listeners, runs until told to stop, closes all. */
struct err *server_run(struct server *server, usec_t timeout_never);

/* Called by the signal coroutine: end at once; or take no more and end with the last connection. */
void server_stop(struct server *server);
void server_drain(struct server *server);

/* A source was made: its timers run from now on. */
void server_wake_ticker(struct server *server);

#endif
