#ifndef APP_CORE_PLACES_H
#define APP_CORE_PLACES_H

/*
 * The places of all connections of a server, in memory that its processes share: who holds each, of
 * which class (app/core/quota.h), since when. So every limit is exact over all processes, and a
 * full server gives the place of its least useful connection to a new one, whichever processes
 * serve the two:
 *
 *      process 1                      places                    process 2
 *   places_enter() ------> its place is held, the oldest  ----> wakes up;
 *   (the new connection      one of process 2 is evicted         places_next_evicted():
 *    is served at once)                                          closes that connection
 *
 * Nobody waits for the other process. Until that has noticed, its connection exists without a
 * place: at most PLACES_EVICTED_MAX of each process. An evicted place is freed when its connection
 * ends. All functions take a lock for a moment (base/shared_lock.h) and cost O(processes). Never
 * yields.
 */
#include "app/core/quota.h"
#include "base/shared_memory.h"

#include <stddef.h>

struct places;

/* Connections of a process that have lost their places and have not ended. */
#define PLACES_EVICTED_MAX 256
/*
 * How long a connection is young. It is also fresh, for at most this long, until its process has
 * read what it sent. Connections that are neither are evicted first, and new connections wait for
 * fresh ones.
 */
#define PLACES_REST (200 * USEC_PER_MS)

struct places_answer {
    enum quota_class limit; /* whose limit is reached; QUOTA_CLASSES: granted */
    int evicted_at;         /* the process that now has an evicted connection; -1: none */
    int is_lost;            /* this connection's own place was already given to another one */
    int is_full;            /* places_enter(): the next one takes another's place */
};

enum places_kind {
    PLACES_CONNECTIONS, /* against max_connections and the limits of classes */
    PLACES_PULLS /* against max_pulls, in the same way: QUOTA_NEW waits for its stream, QUOTA_VIEWER
                    receives it */
};

/* For `processes` of them; memory as for shared_map_new(). NULL if out of memory, or if an opened
 * memory has other places. */
struct places *places_new(struct shared_memory *memory, int processes, enum places_kind kind);
void places_free(struct places *places);

/*
 * Takes a place for a connection that `owner` (of this process) stands for; *out is never 0. When
 * max_connections is reached, the new connection replaces the oldest one that is neither viewer nor
 * publisher; while that one may still become one (ADMISSION_GRACE), the oldest waiter; if all are
 * younger than PLACES_REST, one of the process that has the most. Of pulls always the oldest. At
 * max_api_connections an API connection replaces the oldest one.
 */
struct places_answer places_enter(struct places *places, int process, const struct config *config,
                                  enum quota_class class, void *owner, usec_t now, uint32_t *out);
/*
 * Moves a place to a class, as its newest. A waiter or a viewer beyond max_waiters or max_viewers
 * replaces the oldest waiter. When it is refused, the place keeps its class, also as its newest.
 */
struct places_answer places_become(struct places *places, uint32_t link,
                                   const struct config *config, enum quota_class class, usec_t now);
/* The same without a limit. 0; -1: the place had been given to another connection. */
int places_move(struct places *places, uint32_t link, enum quota_class class, usec_t now);
/* The connection has ended. */
void places_leave(struct places *places, uint32_t link);

/* When places_enter() says is_full: the process has read what the connection sent. */
void places_seen(struct places *places, uint32_t link, const void *owner);

/* How long a new connection of this class should wait before places_enter(): PLACES_REST at most,
 * and 0 unless the server is full and all that can be evicted are fresh. */
usec_t places_wait(struct places *places, const struct config *config, enum quota_class class,
                   usec_t now);

/* Whether places_enter() would be granted. */
int places_has_room(struct places *places, const struct config *config, enum quota_class class,
                    usec_t now);

/* The owner of this process's next evicted connection, in the order of eviction, with the limit
 * that was reached; NULL: no more. */
void *places_next_evicted(struct places *places, int process, enum quota_class *limit);

/* One more of this class without a place of its own, which is never evicted. QUOTA_CLASSES, or the
 * class whose limit is reached. */
enum quota_class places_enter_more(struct places *places, int process, const struct config *config,
                                   enum quota_class class);
void places_leave_more(struct places *places, int process, enum quota_class class);

/* Frees everything of a process that has ended. */
void places_reap(struct places *places, int process);

/* The number of places that a process holds. */
uint32_t places_of(const struct places *places, int process);

#endif
