#ifndef APP_CLUSTER_DIRECTORY_PRIVATE_H
#define APP_CLUSTER_DIRECTORY_PRIVATE_H

/*
 * Shared by directory.c, directory_entry.c and directory_reload.c only.
 */
#include "app/cluster/directory.h"
#include "base/yield.h"
#include "co/redis.h"

/* How long the end of a link waits until its last commands are sent. */
#define DIRECTORY_STOP_WAIT (USEC_PER_SEC / 2)

#define DIRECTORY_CHANNEL "millrace:streams"
#define DIRECTORY_PREFIX  "millrace:stream:"
#define DIRECTORY_PROBE   "millrace:probe"

struct directory;
struct directory_link;
struct directory_url;

/* What directory.c does with links; its callees reach it through this. */
struct directory_ops {
    /* Connects a link, or connects it again; the vhost's CA bundle is used for rediss. */
    struct err *(*connect)(struct directory_link *link, const struct config_vhost *vhost,
                           const struct directory_url *url);
    /* Ends its connections; commands that were posted are sent first. Yields. */
    void (*stop)(struct directory_link *link, usec_t timeout);
    /* Makes the links that the configuration has and that do not exist yet. */
    struct err *(*open)(struct directory *directory);
    void (*complain)(struct directory_link *link, const char *why);
};

struct directory {
    struct server *server;
    directory_moved_fn on_moved;
    directory_again_fn on_again;
    const struct directory_ops *ops;
    struct directory_link *links;
    int leavers; /* coroutines */
    int is_ending;
    struct co_cond changed; /* a leaver has ended */
};

struct directory_entry {
    struct directory_entry *prev, *next; /* in its link's list until it is released */
    struct directory_link *link;
    struct stream *stream; /* NULL: released */
    struct config *config; /* held: it contains the vhost */
    const struct config_vhost *vhost;
    int claims;          /* claims that are not released yet */
    int refs;            /* one for all claims together, and one for each command in flight */
    unsigned pass;       /* the keeper's pass that looked at it last */
    uint8_t is_standing; /* Redis has confirmed the entry */
    char mark[DIRECTORY_MARK_SIZE];
    char value[DIRECTORY_VALUE_SIZE]; /* "": this server's own address is not known yet */
    size_t own_len;
    char key[];
};

/* Per stream. */
struct directory_stream {
    struct directory_entry *entry; /* this server's; NULL: none */
};

/* One Redis. */
struct directory_link {
    struct directory_link *next;
    struct directory *directory;
    struct redis *redis, *ears; /* for commands; for the channel. NULL: stopped */
    struct co *keeper;
    struct co_cond due, answered; /* of the keeper: there is work; there is room to send */
    struct co_cond left;          /* an entry was released, or a command is over */
    struct directory_entry *first, *last;
    usec_t lease; /* the shortest of its vhosts' */
    unsigned pass;
    int busy;           /* number of coroutines that wait for an answer */
    uint8_t is_leaving; /* no vhost names it any more: it ends with its last entry */
    uint8_t has_leaver; /* a coroutine waits for that */
    uint8_t is_hasty, is_complaining, is_ending, is_unreachable;
    char show[300]; /* the address without its password */
    char *url;      /* memory for secrets */
};

/* The link to this Redis; NULL: there is none. */
struct directory_link *directory_link_find(const struct directory *directory, const char *url);
/* The link of this vhost; NULL: it has none. */
struct directory_link *directory_link_of(const struct server *server,
                                         const struct config_vhost *vhost);
const struct log *directory_link_log(const struct directory_link *link);

/* Both log only once: that the directory fails, and that it works again. */
void directory_link_complain(struct directory_link *link, const char *why);
void directory_link_content(struct directory_link *link);

/* This server's own place. 0, or -1 while it is unknown. */
int directory_own_place(const struct directory_link *link, const struct config *config,
                        const struct config_vhost *vhost, struct directory_place *place);

/* The place in a value: OURS or THERE; NOBODY for a value that cannot be used. */
enum directory_answer directory_place_read(struct directory_link *link,
                                           const struct config_vhost *vhost,
                                           const struct redis_reply *reply,
                                           struct directory_place *place);

/* The row's functions for a reload; the last one ends what they have started. */
struct err *directory_reload_check(struct server *server, void *own, const struct config *config);
void directory_reload_apply(struct server *server, void *own, const struct config *before,
                            const struct config *config);
MAY_YIELD void directory_reload_end(struct directory *directory);

/* Call them before and after a wait for a command: the link exists until the answer has arrived. */
void directory_link_enter(struct directory_link *link);
void directory_link_leave(struct directory_link *link);

/* The coroutine that renews a link's entries; arg is the link. */
MAY_YIELD void directory_keeper_run(void *arg);

#endif
