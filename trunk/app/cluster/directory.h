#ifndef APP_CLUSTER_DIRECTORY_H
#define APP_CLUSTER_DIRECTORY_H

/*
 * The directory of many origins: a Redis in which each origin enters, under a lease, what is
 * published at it, and in which everybody finds who has a stream. For vhosts whose cluster
 * names one; the others are told that it is away. Each process has its own connections.
 * See doc/directory.md.
 */
#include "app/config/directory_place.h"
#include "app/core/server.h"
#include "app/stream/publication.h"

/* What a look-up may take; then it counts as away. */
#define DIRECTORY_TIMEOUT (USEC_PER_SEC / 2)

enum directory_answer {
    DIRECTORY_AWAY,   /* it cannot be asked, or there is none */
    DIRECTORY_NOBODY, /* nobody has the stream */
    DIRECTORY_OURS,   /* this server has it */
    DIRECTORY_THERE   /* another one has it */
};

/* The rows: connections and look-ups; the claim that enters an encoder's stream. */
extern const struct observer directory_observer;
extern const struct claim directory_claim;

/* What the directory's channel tells: the stream of this key is published there now; and that
 * something may have been missed. One listener; NULL: none. */
typedef void (*directory_moved_fn)(struct server *server, const char *key,
                                   const struct directory_place *place);
typedef void (*directory_again_fn)(struct server *server);
void directory_on_news(struct server *server, directory_moved_fn on_moved,
                       directory_again_fn on_again);

/* True for a vhost that has one configured. */
int directory_is_used(const struct config_vhost *vhost);

/* The server that has the stream of this key ("vhost/app/stream"). *place: only with THERE. */
enum directory_answer directory_find(struct server *server, const struct config_vhost *vhost,
                                     const char *key, struct directory_place *place,
                                     usec_t timeout);

#endif
