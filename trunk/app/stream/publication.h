#ifndef APP_STREAM_PUBLICATION_H
#define APP_STREAM_PUBLICATION_H

/*
 * The only way to publish a stream in this process, for every kind of publisher: an encoder, an
 * edge's pull, an origin's pull from another origin, a pull from another worker.
 *
 *   publication_begin   takes all claims, workers ─▶ directory, then opens the source (encoders)
 *   publication_reserve takes the claims only; _open and _close then open and close the source
 *   publication_end     lingers, closes the source, releases the claims in reverse order
 *
 * A claim is a row that a feature registers. A refused claim undoes the earlier ones. The caller of
 * _begin or _reserve owns the publication, and only publication_end() frees it: eviction takes it
 * out of the stream and notifies its publisher, which then ends it.
 */
#include "app/config/directory_place.h"
#include "app/stream/stream.h"
#include "base/yield.h"

/* Bytes of the fingerprint of a publisher's parameters, which `replace_same_token` compares. */
#define PUBLISHER_FINGERPRINT_SIZE 32

/* A publication that viewers still wait for stays open until it is this old. */
#define PUBLICATION_LINGER USEC_PER_SEC
/* A live publisher answers within microseconds, and one that is dead ends within the same time.
 * Only a publisher in the middle of a message, or a process that hangs, takes longer. */
#define PUBLICATION_ASK_TIMEOUT USEC_PER_SEC

enum publisher_kind {
    PUBLISHER_ENCODER,
    PUBLISHER_EDGE_PULL,   /* takes the claims before it has the stream */
    PUBLISHER_ORIGIN_PULL, /* gives way to an encoder */
    PUBLISHER_WORKER_PULL  /* fetches what another process of this server has claimed */
};

enum evict_reason { EVICT_TAKEN_OVER, EVICT_LEASE_LOST, EVICT_NOT_SERVED /* its vhost */ };

/* What the API, logs, hooks and backends report about a publisher. Valid until the next yield. */
struct session_info {
    const char *id; /* the log's context id */
    const char *ip;
    const char *tc_url;
    const char *param; /* "?a=b", or "" */
    const char *via;   /* the chain that another Millrace server sent; "" for all others */
};

struct publisher_ops {
    /* The publication was taken out of the stream; the publisher must end it, now or as soon as it
     * runs. Must not yield. */
    void (*evict)(void *publisher, enum evict_reason why);
    /* Another publisher wants the stream. 1: this one is certainly alive; 0: it checks, and then
     * calls publication_answer() or ends. Must not yield. NULL: always alive. */
    int (*ask)(void *publisher);
    /* Asked when the source opens: 1 for a worker's pull of a stream that was published before a
     * viewer here wanted it. NULL: 0. */
    int (*is_joined)(const void *publisher);
    /* Asked when it opens: another server sends the past first, and source_filled() ends that.
     * NULL: no. */
    int (*sends_past)(const void *publisher);
    /* Bytes held of incomplete messages. NULL: none. */
    size_t (*pending)(const void *publisher);
    /*
     * Asked before the source opens, once nothing else is in the way: the claims are taken, or the
     * holder is one that this publisher may replace. 0, or -1: it must not publish. NULL: it may.
     * May yield.
     */
    int (*grant)(void *publisher, usec_t timeout);
    /* 0, or -1 when there is nothing to report. NULL: the same as -1. */
    int (*describe)(void *publisher, struct session_info *out);
};

struct publisher {
    const struct publisher_ops *ops;
    void *arg; /* passed to each of ops */
    enum publisher_kind kind;
    struct config *config;            /* the publication takes a reference; NULL: none */
    const struct config_vhost *vhost; /* of that configuration */
    const uint8_t *fingerprint;       /* PUBLISHER_FINGERPRINT_SIZE bytes, or NULL */
};

/* Rows at most. */
#define PUBLICATION_CLAIMS_MAX 4

struct publication {
    struct stream *stream;
    struct publisher publisher;
    struct publication *next;               /* in the stream's list of reserved ones */
    uint64_t token[PUBLICATION_CLAIMS_MAX]; /* one for each row; 0: not claimed */
    uint8_t is_open;                        /* it has the source */
    uint8_t is_evicted;
    uint8_t is_probed; /* the publisher still owes an answer whether it is alive */
    uint8_t is_ending; /* it lingers: it only waits for viewers that have not begun */
    uint8_t is_alone;  /* a claim knows that no other server has the stream */
    int takeover;      /* enum config_takeover: which publishers it may replace now */
};

enum publication_verdict {
    PUBLICATION_OURS,
    PUBLICATION_BUSY,      /* another publisher of this server has the stream */
    PUBLICATION_ELSEWHERE, /* another server has the stream */
    PUBLICATION_REFUSED,   /* refused by publisher_ops.grant */
    PUBLICATION_NOMEM
};

enum claim_verdict {
    CLAIM_GRANTED,
    CLAIM_ALONE, /* granted, and no other server has the stream */
    CLAIM_BUSY,
    CLAIM_ELSEWHERE /* with *elsewhere */
};

/*
 * A row. `token` is the row's number for this claim, 0 when there is nothing to release. Only
 * functions with a timeout and linger() may yield, and only for an encoder.
 */
struct claim {
    const char *name;
    /* over_weak: also takes the stream from a publisher that gives way to an encoder. */
    enum claim_verdict (*claim)(struct publication *p, uint64_t *token, int over_weak,
                                struct directory_place *elsewhere, usec_t timeout);
    void (*release)(struct stream *stream, uint64_t token);
    /* Whether another process has the stream and claim() would take it from there. NULL: no. */
    int (*would_replace)(const struct publication *p);
    /* Whether the claim still holds. NULL: it does. */
    int (*is_held)(const struct stream *stream, uint64_t token);
    /* Called when an earlier row has refused: which server has the stream? ALONE: none; GRANTED:
     * not known. */
    enum claim_verdict (*find)(struct publication *p, struct directory_place *elsewhere,
                               usec_t timeout);
    /* Waits for the end of the stream's previous publication. */
    void (*settle)(struct publication *p, uint64_t token, usec_t timeout);
    /* Called when the publication has opened the source, before the first frame. */
    void (*opened)(struct publication *p, uint64_t token);
    /* Waits for viewers that have not received it yet; ends early when p->is_probed. */
    MAY_YIELD void (*linger)(struct publication *p, uint64_t token);
    /* Called when the holder in this process has answered that it is alive. */
    void (*answered)(struct stream *stream);
};

/*
 * Takes all claims and opens the source; viewers that are already there keep watching. OURS: the
 * caller ends *out. ELSEWHERE: *elsewhere has the stream. The caller holds a reference on the
 * stream's source, and keeps what `publisher` points to, until publication_end(). Yields. timeout:
 * for each question to another server.
 */
enum publication_verdict publication_begin(struct stream *stream, const struct publisher *publisher,
                                           struct publication **out,
                                           struct directory_place *elsewhere, usec_t timeout);

/* Takes the claims only, for a pull, which gets the stream later. Never yields. */
enum publication_verdict publication_reserve(struct stream *stream,
                                             const struct publisher *publisher,
                                             struct publication **out);
/* Opens the source: 0, or -1 when another publication has it, a claim was lost, or this one was
 * evicted. Never yields. */
int publication_open(struct publication *p);
/* Closes the source and keeps the claims. Never yields. */
void publication_close(struct publication *p);

/* Ends and frees it, also after an eviction. NULL is allowed. Never yields. */
void publication_end(struct publication *p);
/*
 * The same for a publisher that sent media: the publication stays open until waiting viewers, here
 * and at other processes, have received it, or until another publisher asks for the stream.
 */
void publication_finish(struct publication *p, usec_t timeout);
/* Waits until the viewers that wait here have begun, or the publication is `timeout` old; call it
 * before publication_close(). */
void publication_linger(struct publication *p, usec_t timeout);

/* Evicts the holder of the stream, if there is one; the stream is free afterwards. */
void publication_evict(struct stream *stream, enum evict_reason why);
/* A reload: gives the stream's publications the new values of the vhost. */
void publication_reconfigure(struct stream *stream, struct config *config,
                             const struct config_vhost *vhost);
/* Evicts every publication of the stream, reserved ones too. */
void publication_evict_all(struct stream *stream, enum evict_reason why);
/* A row has lost a claim on the stream: evicts the holder, and reserved publications without the
 * claim. */
void publication_claim_lost(struct stream *stream, enum evict_reason why);

/* Asks the holder whether it is alive; the answer may come later (struct claim, answered). */
void publication_ask(struct stream *stream);
/* As publication_ask(), and waits for the answer: 1 when the holder is gone. */
int publication_is_gone(struct stream *stream, usec_t timeout);
/* The publisher was asked (p->is_probed) and is alive. */
void publication_answer(struct publication *p);

/* The kind of the holder; -1: the stream has no publisher here. */
int publication_kind(const struct stream *stream);
/* Bytes that the publisher here has received and not yet published: incomplete messages, queues. */
size_t publication_pending(const struct stream *stream);
/* Describes the publisher here: 0, or -1 without one or when it has nothing to report. */
int publication_describe(const struct stream *stream, struct session_info *out);

#endif
