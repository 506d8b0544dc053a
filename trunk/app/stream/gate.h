#ifndef APP_STREAM_GATE_H
#define APP_STREAM_GATE_H

/*
 * Permission to publish or play a stream. A gate is one row; the server asks all gates in their
 * order until one refuses. RTMP, HTTP and WebSocket, with and without TLS, send the same request to
 * the same gates and report the verdict in their own protocol. The request names the stream that is
 * finally served, however its address was spelled.
 *
 *   request ─▶ security ─▶ refer ─▶ token ─▶ [stream found] ─▶ edge ─▶ [stream free] ─▶ hooks ─▶
 * granted └──────────┴─────────┴────────────┬─────────────┴────────────────────────┘ verdict:
 * status, reason, place
 */
#include "app/config/directory_place.h"
#include "app/config/security.h"
#include "app/stream/permit.h"
#include "app/stream/session_facts.h"
#include "app/stream/stream.h"

#define GATE_REASON_MAX   320
#define GATE_LOCATION_MAX 1024

enum gate_protocol { GATE_RTMP, GATE_HTTP };

/* When a gate is asked. */
enum gate_stage {
    GATE_NAMED, /* the stream's name is known, but not yet whether it exists */
    GATE_FOUND, /* the stream is found */
    GATE_LAST   /* nothing else can refuse the client: the stream carries what it wants to play, or
                   is free for it to publish */
};

struct gate_request {
    struct server *server;
    enum access_action action;
    enum gate_protocol protocol;
    const struct config_vhost *vhost; /* the vhost of the stream */
    const char *app;
    const char *stream;
    const char *param;                 /* raw parameters of the address, with or without '?' */
    const char *ip;                    /* of the client; "" on a UNIX socket */
    const struct session_facts *facts; /* NULL: not known */
    const char *page; /* the page that embeds the player (referer); NULL or "": none named */
    int is_tls;
    const char *via;       /* via_chain of another Millrace server; NULL: not such a server */
    struct source *source; /* NULL: not found yet (GATE_NAMED) */
    int64_t now;           /* seconds since 1970; 0: the current time */

    /* GATE_LAST only. */
    int is_last;
    const char *type;             /* "rtmp", "flv", "ts", "mp3", "aac", "ws" */
    struct permit **permits;      /* list of what is granted until the end of the session */
    struct permit **conn_permits; /* until the end of the connection; NULL: not a session */
    uint64_t bytes_in, bytes_out; /* of the connection so far */
};

struct gate_verdict {
    int status; /* 0: granted. Else an HTTP status: 302, 400, 401, 403, 404, 429, 503, 508 */
    char reason[GATE_REASON_MAX];
    struct directory_place place;     /* with 302: the server that has the stream */
    char location[GATE_LOCATION_MAX]; /* with 302: a whole address in place of that; "": none */
    uint8_t is_original; /* another Millrace server: it receives the unmodified stream */
};

struct gate {
    const char *name;
    enum gate_stage stage;
    /* Whether it may refuse anybody in this vhost. NULL: it may. */
    int (*is_used)(const struct server *server, const struct config_vhost *vhost);
    /* 0, or the status with the rest of the verdict set. May yield. */
    int (*ask)(const struct gate_request *request, struct gate_verdict *verdict, usec_t timeout);
    /* Appends in words which clients the gate grants the action in this vhost ("signed addresses");
     * nothing if it grants it to all. 0 or -1. NULL: it depends on the stream. */
    int (*describe)(const struct config_vhost *vhost, enum access_action action, struct buf *out);
};

/* Asks the server's gates of one stage in order: GATE_LAST if request->is_last, GATE_FOUND if
 * request->source is set, else GATE_NAMED. Returns the verdict's status. After a refusal the
 * session's permits have ended. Holds a reference to the source meanwhile. Yields. */
int gates_ask(const struct gate_request *request, struct gate_verdict *verdict, usec_t timeout);

/* Appends in words who may publish and who may play in each vhost, as comments of a configuration
 * file. 0 or -1. */
int gates_describe(const struct tables *tables, const struct config *config,
                   struct buf *out) ERR_MUST_CHECK;

/* Whether there is a gate of this stage that is used in the vhost. */
int gates_are_used(const struct server *server, const struct config_vhost *vhost,
                   enum gate_stage stage);

/* For a row that refuses: stores the reason and returns the status. */
int gate_refuse(struct gate_verdict *verdict, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The built-in policies: rules by IP address, by page, signed addresses. They never yield. */
extern const struct gate gate_security, gate_refer, gate_token;

#endif
