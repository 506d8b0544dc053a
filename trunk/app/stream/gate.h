#ifndef APP_STREAM_GATE_H
#define APP_STREAM_GATE_H

/*
 * Permission to publish or play a stream. A gate is one row; all are asked, in their order, until
 * one refuses. RTMP, HTTP and WebSocket, with and without TLS, ask the same gates with the same
 * request and tell the verdict in their own words. Asked for the stream that is served in the end,
 * never for the spelling of an address.
 *
 *   request ─▶ security ─▶ refer ─▶ token ─▶ [the stream is found] ─▶ edge ─▶ …  ─▶ granted
 *                 └──────────┴─────────┴─────────────┬──────────────────┘
 *                                          verdict: status, reason, place
 */
#include "app/config/directory_place.h"
#include "app/config/security.h"
#include "app/stream/stream.h"

#define GATE_REASON_MAX 320

enum gate_protocol { GATE_RTMP, GATE_HTTP };

struct gate_request {
    struct server *server;
    enum access_action action;
    enum gate_protocol protocol;
    const struct config_vhost *vhost; /* the stream's own */
    const char *app;
    const char *stream;
    const char *param; /* the address's parameters, raw, with or without '?' */
    const char *ip;    /* the client's; "" on a UNIX socket */
    const char *page;  /* whose page it comes from; NULL or "" when it names none */
    int is_tls;
    const char *via;       /* what another server of ours says of itself; NULL: it is none */
    struct source *source; /* NULL: not found yet, only gates that need no stream are asked */
    int64_t now;           /* seconds since 1970; 0: this moment */
};

struct gate_verdict {
    int status; /* 0: granted. Else as HTTP has it: 302, 400, 401, 403, 404, 429, 503 */
    char reason[GATE_REASON_MAX];
    struct directory_place place; /* with 302: who has the stream */
    uint8_t is_original; /* granted to a server of ours, which gets it as it was published */
};

struct gate {
    const char *name;
    int needs_stream; /* asked once the stream is found, and not before */
    /* 0, or the status with the rest of the verdict set. May yield. */
    int (*ask)(const struct gate_request *request, struct gate_verdict *verdict, usec_t timeout);
};

/* The server's gates in turn: those that need a stream when there is one, else the others. The
 * verdict's status. The stream is held over it. Yields. */
int gates_ask(const struct gate_request *request, struct gate_verdict *verdict, usec_t timeout);

/* For a row that refuses: the status, with this reason. */
int gate_refuse(struct gate_verdict *verdict, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The built-in policies: rules by address, by page, signed addresses. They never yield. */
extern const struct gate gate_security, gate_refer, gate_token;

#endif
