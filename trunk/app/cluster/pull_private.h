#ifndef APP_CLUSTER_PULL_PRIVATE_H
#define APP_CLUSTER_PULL_PRIVATE_H

/*
 * Private to pull.c, pull_media.c, pull_pace.c, pull_rtmp.c and pull_flv.c. Calls point down in
 * this order: pull.c, then the two kinds of try, then pull_media.c and pull_pace.c.
 */
#include "app/cluster/pull.h"
#include "app/config/via_chain.h"
#include "app/stream/publication.h"
#include "app/stream/session_list.h"
#include "base/yield.h"
#include "co/co.h"
#include "media/frame.h"

struct pull_target {
    struct origin_target *to; /* NULL: not found yet */
    char *unix_path;
    char show[288];                 /* what logs call it */
    uint8_t was_waited, was_failed; /* told in the log since the stream last played */
};

struct pull {
    struct server *server;
    struct config *config;           /* held */
    struct source *source;           /* held */
    struct publication *publication; /* while is_live, and before where the options have one */
    struct pull_options options;
    struct co *co;
    struct co_cond told;        /* pull_again(), to one that rests */
    struct net_conn *conn;      /* of this try; NULL between two */
    struct pull_target *target; /* with find the first is what was found */
    int target_count;
    int at;            /* the present one's place */
    unsigned failures; /* tries in a row that gave nothing */
    int flags;         /* HTTP-FLV: what the header promises */
    uint8_t pace;      /* ms between two batches, as another worker was told */
    uint8_t is_live, is_asked, is_stopping, is_again;
    uint8_t is_marked;       /* the past of the stream is over, before anything of it has come */
    struct pull_dedup *past; /* NULL: another worker's stream, which is given on as it comes */
    uint8_t *meta;           /* onMetaData that came before any media */
    size_t meta_len;
    usec_t began_at, live_at, media_at;
    struct session_entry client;
    char via_chain[VIA_CHAIN_TEXT_MAX]; /* what is said in this try of who asks */
};

/* ---- pull_pace.c ---- */

/* Limits on reaching an origin until it has been asked for the stream. */
usec_t pull_connect_timeout(const struct pull *pull);

/* How long without media is too long. */
usec_t pull_limit(const struct pull *pull);
/* How much of that is left: 0 when the origin has none, or has stalled. */
usec_t pull_left(const struct pull *pull);

/* How long to rest before the next try: not at all within a round. */
usec_t pull_pause(const struct pull *pull);

/* The error that says so. */
struct err *pull_stalled(const struct pull *pull);

/* ---- pull_media.c ---- */

/* The origin was asked for the stream; from now on the pull waits for media. */
void pull_waits(struct pull *pull);

/* One tag. The first sound or picture publishes the source: ERR_BUSY while somebody else does. */
struct err *pull_take(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len);

/* Keeps a short publication up until waiting viewers have received it; before its connection is
 * closed. */
MAY_YIELD void pull_linger(struct pull *pull);

/* Closes the publication if there is one. */
void pull_unpublish(struct pull *pull);

/* Frees metadata that was kept for a publication that has not started. */
void pull_forget_meta(struct pull *pull);

/* ---- pull_rtmp.c, pull_flv.c ---- */

/* One try, until its connection is over; never NULL. */
MAY_YIELD struct err *pull_rtmp(struct pull *pull, const struct pull_target *target);
MAY_YIELD struct err *pull_flv(struct pull *pull, const struct pull_target *target);

#endif
