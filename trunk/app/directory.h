#ifndef APP_DIRECTORY_H
#define APP_DIRECTORY_H

/*
 * The directory of many origins: a Redis in which each origin enters, under a lease, what is
 * published at it, and in which everybody finds who has a stream. For vhosts whose cluster
 * names one; the others are told that it is away. Each process has its own connections.
 * See doc/directory.md.
 */
#include "app/directory_place.h"
#include "app/server.h"

struct directory;
struct stream;

/* What a look-up may take; then it counts as away. */
#define DIRECTORY_TIMEOUT (USEC_PER_SEC / 2)

enum directory_answer {
    DIRECTORY_AWAY,   /* it cannot be asked, or there is none */
    DIRECTORY_NOBODY, /* nobody has the stream */
    DIRECTORY_OURS,   /* this server has it */
    DIRECTORY_THERE   /* another one has it */
};

/* On the first coroutine. NULL without memory. */
struct directory *directory_new(struct server *server);
/* Connects to all that are configured. */
struct err *directory_start(struct directory *directory);
/* What is still entered is left to its lease; what was taken out is gone first. */
void directory_stop(struct directory *directory, usec_t timeout);
/* After directory_stop(). NULL is allowed. */
void directory_free(struct directory *directory);

/* True for a vhost that has one configured. */
int directory_is_used(const struct config_vhost *vhost);

/* Who has the stream of this key ("vhost/app/stream"). *place: only with THERE. */
enum directory_answer directory_find(struct server *server, const struct config_vhost *vhost,
                                     const char *key, struct directory_place *place,
                                     usec_t timeout);

/*
 * Enters a stream that is about to be published here. OURS and AWAY: it may be; it stands in the
 * directory, now or as soon as that is back, until directory_release(). If it turns out then that
 * another one has entered it meanwhile, the publisher here is put out. THERE: it may not, and
 * nothing is to be released. More than one may do so for one stream, and each releases. The stream
 * is the caller's to keep.
 */
enum directory_answer directory_claim(struct stream *stream, const struct config_vhost *vhost,
                                      struct directory_place *place, usec_t timeout);
void directory_release(struct stream *stream);

#endif
