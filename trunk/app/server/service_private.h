#ifndef APP_SERVER_SERVICE_PRIVATE_H
#define APP_SERVER_SERVICE_PRIVATE_H

/* Private to service.c, connection.c, listeners.c, reload.c, server_tls.c, and shed.c. */
#include "app/core/endpoint.h"
#include "app/http/http_exchange.h"
#include "app/server/connection.h"
#include "app/server/service.h"

struct listener;
struct reload;
struct tls;

/* All that a configuration may name, and the one for other workers. */
#define SERVICE_LISTENERS_MAX (ENDPOINTS_MAX + 1)
/* Links of all HTTP chains. */
#define SERVICE_LINKS_MAX 32

struct service {
    struct http_handler *link[SERVICE_LINKS_MAX]; /* freed by service_free() */
    int link_count;
    int rtmp_port_rank; /* of the listener that server->rtmp_port is of */
    usec_t sampled_at;  /* the streams' rates */
    struct connection *list;
    size_t refusals;                     /* in list, that are answered with a refusal */
    usec_t shed_measured_at, shed_at;    /* of shed.c */
    usec_t busy_at;                      /* when there was a stream or a connection; 0: never */
    int shed_steps;                      /* taken since memory became short */
    struct tls *tls[LISTENER_TYPES_MAX]; /* of each listener type; NULL: none */
    struct listener *listener[SERVICE_LISTENERS_MAX]; /* listeners.c */
    int listener_count;
    struct reload *reload; /* reload.c; NULL: until reload_open() */
};

#endif
