#ifndef APP_CLUSTER_DIRECTORY_PRIVATE_H
#define APP_CLUSTER_DIRECTORY_PRIVATE_H

/*
 * What directory.c and directory_entry.c share, and nobody else.
 */
#include "app/cluster/directory.h"
#include "base/yield.h"
#include "co/redis.h"

#define DIRECTORY_CHANNEL "millrace:streams"
#define DIRECTORY_PREFIX  "millrace:stream:"
#define DIRECTORY_PROBE   "millrace:probe"

struct directory_entry {
    struct directory_entry *prev, *next; /* in its link's list while it has a stream */
    struct directory_link *link;
    struct stream *stream; /* NULL: released */
    struct config *config; /* held: the vhost's */
    const struct config_vhost *vhost;
    int claims;          /* who has to release it */
    int refs;            /* the claims together are one, each command under way is another */
    unsigned pass;       /* of the keeper, that it was last in */
    uint8_t is_standing; /* Redis has said so */
    char mark[DIRECTORY_MARK_SIZE];
    char value[DIRECTORY_VALUE_SIZE]; /* "": this server does not know its own address yet */
    size_t own_len;
    char key[];
};

/* What the directory keeps of each stream. */
struct directory_stream {
    struct directory_entry *entry; /* ours; NULL: none */
};

/* One Redis. */
struct directory_link {
    struct directory_link *next;
    struct directory *directory;
    struct redis *redis, *ears; /* for commands; for the channel. NULL: it was stopped */
    struct co *keeper;
    struct co_cond due, answered; /* the keeper's: there is something to do; there is room */
    struct directory_entry *first, *last;
    usec_t lease; /* the shortest of its vhosts' */
    unsigned pass;
    uint8_t is_hasty, is_complaining, is_ending, is_away;
    char show[300]; /* without the password */
    char url[];
};

/* The connection to this Redis; NULL: there is none. */
struct directory_link *directory_link_find(const struct directory *directory, const char *url);
/* The one of this vhost; NULL: it has none. */
struct directory_link *directory_link_of(const struct server *server,
                                         const struct config_vhost *vhost);
const struct log *directory_link_log(const struct directory_link *link);

/* Says once that it does not do what it is asked, and once that it does again. */
void directory_link_complain(struct directory_link *link, const char *why);
void directory_link_content(struct directory_link *link);

/* What this server says of itself. 0, or -1 while it cannot. */
int directory_own_place(const struct directory_link *link, const struct config *config,
                        const struct config_vhost *vhost, struct directory_place *place);

/* A value's place: OURS or THERE; NOBODY when it is none that can be used. */
enum directory_answer directory_place_read(struct directory_link *link,
                                           const struct config_vhost *vhost,
                                           const struct redis_reply *reply,
                                           struct directory_place *place);

/* The coroutine that renews a link's entries; arg is the link. */
MAY_YIELD void directory_keeper_run(void *arg);

#endif
