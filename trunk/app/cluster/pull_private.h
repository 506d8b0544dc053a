#ifndef APP_CLUSTER_PULL_PRIVATE_H
#define APP_CLUSTER_PULL_PRIVATE_H

/*
 * Private to pull.c, pull_media.c, pull_pace.c, pull_past.c, pull_rtmp.c and pull_flv.c. Calls
 * point down in this order: pull.c, then the two kinds of try, then pull_media.c, then the others.
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
    char show[288];                 /* as logs show it */
    uint8_t was_waited, was_failed; /* logged since the stream was last live */
};

struct pull {
    struct server *server;
    struct config *config;           /* held */
    struct source *source;           /* held */
    struct publication *publication; /* while is_live; earlier if the options have one */
    struct pull_options options;
    struct co *co;
    struct co_cond retry;       /* wakes a resting pull for pull_again() */
    struct net_conn *conn;      /* of this try; NULL between two */
    struct pull_target *target; /* with find() the first is the one found */
    int target_count;
    struct pull_target *next_target; /* to replace these after the current try; NULL: none */
    int next_count;
    int at;            /* the current target's index */
    unsigned failures; /* consecutive tries without success */
    int flags;         /* HTTP-FLV: the tracks that the header announces */
    uint8_t pace;      /* ms between two batches, as last sent to the other worker */
    uint8_t is_live, is_requested, is_stopping, is_again;
    uint8_t is_listed;         /* in the session list */
    uint8_t is_marked;         /* the live mark came before any media */
    uint8_t is_strict;         /* asks without unverified marks (app/config/via_chain.h) */
    int unverified;            /* of these, sent in this try */
    int loops;                 /* consecutive tries refused as a loop, without unverified marks */
    struct source_start start; /* asked for in this try */
    uint8_t is_resuming;       /* it is what follows the last frame */
    uint8_t refused;           /* starts that an origin had nothing for, since it was live */
    uint8_t is_filling;        /* the past is still arriving, without a mark at its end */
    uint8_t is_ours;           /* the origin is a Millrace server: it has sent the mark */
    uint8_t has_last[2];       /* audio, video: a frame was delivered, */
    uint32_t last[2];          /* the last one with this timestamp of the origin's */
    int last_from;             /* the origin that sent it: as `at` */
    usec_t piece_at;           /* is_filling: when the present piece of it began, */
    uint32_t piece_time;       /* at this time of the stream */
    struct pull_dedup *past;   /* NULL: another worker's stream, delivered as it arrives */
    uint8_t *meta;             /* onMetaData that came before any media */
    size_t meta_len;
    usec_t began_at, live_at, media_at;
    struct session_entry entry;
    char via_chain[VIA_CHAIN_TEXT_MAX]; /* via chain sent in this try */
};

/* ---- pull_pace.c ---- */

/* Limits on reaching an origin until it has been asked for the stream. */
usec_t pull_connect_timeout(const struct pull *pull);

/* How long without media is too long. */
usec_t pull_limit(const struct pull *pull);
/* How much of that is left: 0 when the origin has no stream, or has stalled. */
usec_t pull_left(const struct pull *pull);

/* Pause before the next try: 0 within a round. */
usec_t pull_pause(const struct pull *pull);

/* The error for a stalled origin. */
struct err *pull_stalled(const struct pull *pull);

/* ---- pull_past.c ---- */

/* Chooses where the next try begins. */
void pull_past_choose(struct pull *pull);
/* Appends that to a query, after `mark` if it is empty. 0, or -1 if it does not fit. */
int pull_past_query(const struct pull *pull, const char *mark, char *text, size_t cap);
/* Whether the origin has refused because of it: the next try begins at the live end. */
int pull_past_is_refused(struct pull *pull, const struct err *err);
/* Before the publication: an error if the origin does not continue the stream. */
struct err *pull_past_check(struct pull *pull);
/* The publication has begun, and what was held is pushed. */
void pull_past_began(struct pull *pull);
/* For each message: whether the past is complete now. */
void pull_past_watch(struct pull *pull);
/* The frame was delivered. */
void pull_past_note(struct pull *pull, const struct frame *frame);

/* ---- pull_media.c ---- */

/* The origin was asked for the stream; from now on the pull waits for media. */
void pull_waits(struct pull *pull);

/* Takes one tag. The first audio or video frame publishes the source: ERR_BUSY while another
 * publisher has it. */
struct err *pull_take(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len);

/* Keeps a short publication up until waiting viewers have received it; before its connection is
 * closed. */
MAY_YIELD void pull_linger(struct pull *pull);
/* Takes the pull out of the session list, if it is there; before its connection is closed. */
void pull_unlist(struct pull *pull);

/* Closes the publication if there is one. */
void pull_unpublish(struct pull *pull);

/* Frees metadata that was kept for a publication that has not started. */
void pull_forget_meta(struct pull *pull);

/* ---- pull_rtmp.c, pull_flv.c ---- */

/* One try, until its connection is over; never NULL. */
MAY_YIELD struct err *pull_rtmp(struct pull *pull, const struct pull_target *target);
MAY_YIELD struct err *pull_flv(struct pull *pull, const struct pull_target *target);

#endif
