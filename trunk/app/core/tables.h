#ifndef APP_CORE_TABLES_H
#define APP_CORE_TABLES_H

/*
 * The rows by which features take part in the server. Only app/server/tables.c names them all: to
 * remove a feature, remove its rows there and its files.
 */
struct observer;
struct gate;
struct claim;
struct listener_type;
struct reload_door;
struct reload_route;
struct api_gather;
struct rtmp_route;
struct http_handler;

/* Makes a link of an HTTP chain in front of next, which is borrowed. NULL without memory. */
typedef struct http_handler *(*http_link_new)(struct http_handler *next);

/* Each list ends with NULL; rows are called in its order. */
struct tables {
    const struct observer *const *observers;      /* app/stream/observer.h */
    const struct gate *const *gates;              /* app/stream/gate.h */
    const struct claim *const *claims;            /* app/stream/publication.h */
    const struct listener_type *const *listeners; /* app/core/listener.h */
    /* HTTP chains, each from its front to its end: of http_server, of http_api's own listeners, of
     * the other processes of this server. */
    const http_link_new *http_chain, *api_chain, *worker_chain;
    const struct rtmp_route *publish_route;  /* app/rtmp/rtmp_session.h; NULL: there is none */
    const struct reload_door *reload;        /* app/core/reload.h */
    const struct reload_route *reload_route; /* the same; NULL: a server is one process */
    const struct api_gather *gather;         /* app/control/api_gather.h; NULL: the same */
};

#endif
