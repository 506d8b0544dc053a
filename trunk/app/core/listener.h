#ifndef APP_CORE_LISTENER_H
#define APP_CORE_LISTENER_H

/*
 * Listener types: what the server listens for, one row each. A row is in the same folder as the
 * code that serves its connections (app/rtmp/rtmp_listener.c, app/http/http_listener.c, …), and
 * app/server/tables.c lists all rows. Everything in which listeners differ is in their rows: a new
 * type is a new row.
 *
 * A type is named by its place in that list where a pointer cannot go: between processes, and in
 * lists of sockets.
 */
#include "app/config/config.h"
#include "app/core/quota.h"
#include "base/buf.h"
#include "base/yield.h"
#include "co/tls.h"

struct server;

#define LISTENER_TYPES_MAX 8
/* Maximum size of an answer to a connection beyond a limit, in bytes. */
#define LISTENER_REFUSAL_MAX 32768

/* A protocol that listeners of several types speak. */
struct listener_protocol {
    /* Serves a connection until it ends. Yields. */
    MAY_YIELD void (*serve)(struct server *server, struct net_conn *conn, int flags);
    /* Answers a connection beyond a limit with a status (429, 503) instead of serving it. Yields.
     * NULL: such connections are closed without an answer. */
    MAY_YIELD void (*turn_away)(struct server *server, struct net_conn *conn, int flags,
                                int status);
    /* Appends such an answer; reason NULL: too many connections. 0 or -1. NULL like turn_away. */
    int (*refusal)(struct server *server, int flags, int status, const char *reason,
                   struct buf *out);
    /* How long a client may take for its first bytes, a PROXY header among them. */
    usec_t (*first_timeout)(const struct config *config);
    /* Connections may be idle between requests: a drain wakes them (net_wake_owner()), and they
     * end. */
    int has_idle;
};

struct listener_tls {
    const char *block; /* the block of its directives, for messages */
    /* Sets cert, key and alpn. */
    void (*identity)(const struct config *config, struct tls_options *options);
    /* The answer to a client that speaks the protocol without TLS; NULL: none. */
    const char *plain_reason;
};

struct listener_type {
    const char *name; /* for messages: "RTMP", "HTTP API" */
    const struct listener_protocol *protocol;
    const struct listener_tls *tls; /* NULL: none */
    /* The configured addresses; answers NULL where the type is off. NULL: is_internal. */
    const struct config_strings *(*addresses)(const struct config *config);
    /* Whether trusted proxies send a PROXY header first. NULL: they do not. */
    int (*has_proxy_header)(const struct config *config);
    int flags;              /* for the protocol's functions */
    enum quota_class quota; /* of its new connections */
    uint8_t is_internal;    /* for other workers of this server: no limit counts its connections,
                               and workers do not hand them over */
    uint8_t is_joined_with_http; /* an address that http_server also has belongs to http_server */
    uint8_t is_admitted_always;  /* its connections are admitted even while memory is short */
    uint8_t is_player_port;      /* the player page shows its port in RTMP addresses */
};

#endif
