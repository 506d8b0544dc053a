#ifndef APP_STREAM_PUBLICATION_H
#define APP_STREAM_PUBLICATION_H

/*
 * The one door by which a stream is published here, whoever brings it: an encoder, an edge's pull,
 * an origin's pull from another origin, a pull from another worker.
 *
 *   publication_begin   claims: workers ─▶ directory ─▶ source      (an encoder: all of it)
 *   publication_reserve claims only; _open and _close then put it in and out of the source
 *   publication_end     lingers, closes, gives the claims back in the reverse order
 *
 * A claim is a row that a feature registers. One that refuses undoes those before it. A publication
 * belongs to who began it, and only publication_end() frees it: one that is evicted is out of the
 * stream, and its publisher is told and ends it.
 */
#include "app/config/directory_place.h"
#include "app/stream/stream.h"

/* Of a fingerprint of a publisher's parameters: `replace_same_token` compares it. */
#define PUBLISHER_FINGERPRINT_SIZE 32

/* How old a publication becomes at the least, while anybody waits for it. */
#define PUBLICATION_LINGER USEC_PER_SEC
/* An alive publisher says so within microseconds, and one that is gone goes; longer takes one whose
 * message has come in part, or a process that hangs. */
#define PUBLICATION_ASK_TIMEOUT USEC_PER_SEC

enum publisher_kind {
    PUBLISHER_ENCODER,
    PUBLISHER_EDGE_PULL,   /* has the claims before it has the stream */
    PUBLISHER_ORIGIN_PULL, /* gives way to an encoder */
    PUBLISHER_WORKER_PULL  /* what another process of this server has claimed */
};

enum evict_reason { EVICT_TAKEN_OVER, EVICT_LEASE_LOST };

/* Who publishes: what the API, logs, hooks and backends are told. Valid until the next yield. */
struct session_info {
    const char *id; /* the log's context id */
    const char *ip;
    const char *tc_url;
    const char *param; /* "?a=b", or "" */
    const char *via;   /* what a server of ours has said of itself; "" for all others */
};

struct publisher_ops {
    /* Out of the stream: it ends its publication as soon as it runs. Must not yield. */
    void (*evict)(void *publisher, enum evict_reason why);
    /* Somebody else wants the stream. 1: it is alive for sure; 0: it looks, and says so by
     * publication_answer(), or ends. Must not yield. NULL: it is alive. */
    int (*ask)(void *publisher);
    /* Bytes held of messages that are not whole yet. NULL: none. */
    size_t (*pending)(const void *publisher);
    /* 0, or -1: there is nothing to be told. NULL: the same. */
    int (*describe)(void *publisher, struct session_info *out);
};

struct publisher {
    const struct publisher_ops *ops;
    void *arg; /* theirs */
    enum publisher_kind kind;
    struct config *config;            /* the publication takes a reference; NULL: none */
    const struct config_vhost *vhost; /* of that configuration */
    const uint8_t *fingerprint;       /* PUBLISHER_FINGERPRINT_SIZE bytes, or NULL */
    int is_joined; /* a worker's pull of what was published before anybody wanted it here */
};

/* Claims at most. */
#define PUBLICATION_CLAIMS_MAX 4

struct publication {
    struct stream *stream;
    struct publisher publisher;
    uint64_t token[PUBLICATION_CLAIMS_MAX]; /* each row's own; 0: not claimed */
    uint8_t is_open;                        /* it is in the source */
    uint8_t is_evicted;
    uint8_t is_asked;  /* the publisher is to say whether it is there */
    uint8_t is_ending; /* only those are waited for who still want it */
    uint8_t is_alone;  /* a claim knows that no other server has the stream */
};

enum publication_verdict {
    PUBLICATION_OURS,
    PUBLICATION_BUSY,      /* somebody has it */
    PUBLICATION_ELSEWHERE, /* another server has it */
    PUBLICATION_NOMEM
};

enum claim_verdict {
    CLAIM_GRANTED,
    CLAIM_ALONE, /* granted, and no other server has the stream */
    CLAIM_BUSY,
    CLAIM_ELSEWHERE /* with *elsewhere */
};

/*
 * A row. `token` is the row's own number of this claim, 0 when there is nothing to be released.
 * Only functions with a timeout may yield, and only for an encoder.
 */
struct claim {
    const char *name;
    /* over_weak: those who give way to an encoder count as nobody. */
    enum claim_verdict (*claim)(struct publication *p, uint64_t *token, int over_weak,
                                struct directory_place *elsewhere, usec_t timeout);
    void (*release)(struct stream *stream, uint64_t token);
    /* Whether the claim still holds. NULL: it does. */
    int (*is_held)(const struct stream *stream, uint64_t token);
    /* An earlier row says busy: who has the stream? ALONE: nobody; GRANTED: it is not known. */
    enum claim_verdict (*find)(struct publication *p, struct directory_place *elsewhere,
                               usec_t timeout);
    /* Waits for the rest of what was published before. */
    void (*settle)(struct publication *p, uint64_t token, usec_t timeout);
    /* It is in the source now, and no frame has come. */
    void (*opened)(struct publication *p, uint64_t token);
    /* Waits for those who still want it; ends early when the publication is asked for. */
    void (*linger)(struct publication *p, uint64_t token);
    /* The holder here has said that it is there. */
    void (*answered)(struct stream *stream);
};

/*
 * All claims, and then the source, which viewers who are there go on watching. OURS: *out is the
 * caller's to end. ELSEWHERE: *elsewhere has the stream. The stream's source is the caller's to
 * hold, as is all that `publisher` points to. Yields. timeout: of each question to another server.
 */
enum publication_verdict publication_begin(struct stream *stream, const struct publisher *publisher,
                                           struct publication **out,
                                           struct directory_place *elsewhere, usec_t timeout);

/* The claims alone, for a pull, which has the stream only later. Never yields. */
enum publication_verdict publication_reserve(struct stream *stream,
                                             const struct publisher *publisher,
                                             struct publication **out);
/* Puts it into the source: 0, or -1 when that is another's, or it was evicted. Never yields. */
int publication_open(struct publication *p);
/* Out of the source, the claims stay. Never yields. */
void publication_close(struct publication *p);

/*
 * Ends it and frees it; one that was evicted, too. linger: for one that has brought something,
 * those who waited get it first, here and at other processes, unless somebody asks for the stream.
 * Yields only then.
 */
void publication_end(struct publication *p, int linger, usec_t timeout);
/* Until those who waited here have begun, or until it is so old; before publication_close(). */
void publication_linger(struct publication *p, usec_t timeout);

/* Puts the holder of the stream out; the stream is free then. Nothing happens without one. */
void publication_evict(struct stream *stream, enum evict_reason why);

/* Asks the holder whether it is there; an answer may come later (struct claim, answered). */
void publication_ask(struct stream *stream);
/* The same and waits: 1 when it is gone. */
int publication_is_gone(struct stream *stream, usec_t timeout);
/* The publisher, once asked (p->is_asked), is there. */
void publication_answer(struct publication *p);

/* Of what kind the holder is; -1: nobody holds the stream here. */
int publication_kind(const struct stream *stream);
/* Bytes that the publisher here holds of messages that are not whole yet. */
size_t publication_pending(const struct stream *stream);
/* Who publishes it here: 0, or -1 when nobody does, or nothing is to be told. */
int publication_describe(const struct stream *stream, struct session_info *out);

#endif
