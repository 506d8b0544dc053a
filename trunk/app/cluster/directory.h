#ifndef APP_CLUSTER_DIRECTORY_H
#define APP_CLUSTER_DIRECTORY_H

/*
 * The directory of a cluster with many origins: a Redis in which each origin enters, under a lease,
 * the streams published at it, and in which every server looks up where a stream is. For vhosts
 * whose cluster names one; a look-up for another vhost answers DIRECTORY_AWAY. Each process has its
 * own connections. See doc/directory.md.
 */
#include "app/config/directory_place.h"
#include "app/core/server.h"
#include "app/stream/publication.h"

/* Timeout of a look-up; the directory then counts as unreachable. */
#define DIRECTORY_TIMEOUT (USEC_PER_SEC / 2)

enum directory_answer {
    DIRECTORY_AWAY,   /* unreachable, or none is configured */
    DIRECTORY_NOBODY, /* no server has the stream */
    DIRECTORY_OURS,   /* this server has it */
    DIRECTORY_THERE   /* another server has it */
};

/* The rows: connections and look-ups; the claim that enters a publisher's stream. */
extern const struct observer directory_observer;
extern const struct claim directory_claim;

/*
 * Sets the callbacks for announcements of the directory: on_moved, the stream of this key is now
 * published at that place; on_again, announcements may have been missed. They replace the previous
 * ones; NULL: none.
 */
typedef void (*directory_moved_fn)(struct server *server, const char *key,
                                   const struct directory_place *place);
typedef void (*directory_again_fn)(struct server *server);
void directory_on_news(struct server *server, directory_moved_fn on_moved,
                       directory_again_fn on_again);

/* True for a vhost that has one configured. */
int directory_is_used(const struct config_vhost *vhost);

/* The server that has the stream of this key ("vhost/app/stream"). *place is set only with THERE.
 */
enum directory_answer directory_find(struct server *server, const struct config_vhost *vhost,
                                     const char *key, struct directory_place *place,
                                     usec_t timeout);

#endif
