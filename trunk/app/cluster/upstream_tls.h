#ifndef APP_CLUSTER_UPSTREAM_TLS_H
#define APP_CLUSTER_UPSTREAM_TLS_H

/* TLS contexts that verify other servers: one for each CA bundle. Never yields. */
#include "app/stream/observer.h"

struct tls;

/* The row that keeps them, until the server is freed. */
extern const struct observer upstream_tls_observer;

/* The context for this bundle; "": the system's. NULL with *err set. Borrowed. */
struct tls *upstream_tls(const struct server *server, const char *ca, struct err **err);

#endif
