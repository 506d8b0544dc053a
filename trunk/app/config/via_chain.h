#ifndef APP_CONFIG_VIA_CHAIN_H
#define APP_CONFIG_VIA_CHAIN_H

/*
 * The servers that a request for a stream has passed. The chain makes the other server send the
 * unmodified stream, and detects loops of servers. As text, "2 markA markB", it is sent in an HTTP
 * header and in RTMP's connect (proto/rtmp_talk.h).
 *
 * A mark works like a seal: only the server that made it can create or recognise it, for one
 * stream. So any client may send any chain: servers pass marks on without trusting them, and an
 * invented mark means nothing to any server. Only the number of hops needs trust, and is accepted
 * from configured peers only: identified by their address, or by a signature with a shared secret.
 * A mark from anyone else is passed on as unverified ("~mark"), so that a pull which is
 * refused because of it can ask again without it. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define VIA_CHAIN_HEADER "X-Millrace-Relay"

#define VIA_CHAIN_HOPS_MAX  8
#define VIA_CHAIN_MARKS_MAX 16 /* beyond this, the oldest one is dropped, unverified first */
#define VIA_CHAIN_MARK_SIZE 32
#define VIA_CHAIN_TEXT_MAX  640 /* of any via_chain_write() with signature, terminator included */
#define VIA_CHAIN_KEY_SIZE  32

/* How far two servers' clocks may differ for a signature, in seconds. */
#define VIA_CHAIN_SKEW 300

struct via_chain {
    int hops; /* 0: from a player */
    int count;
    char mark[VIA_CHAIN_MARKS_MAX][VIA_CHAIN_MARK_SIZE];
    uint8_t is_unverified[VIA_CHAIN_MARKS_MAX]; /* 1: it came from a client that is no peer */
};

/* The mark of the server with this key, for one stream. */
void via_chain_mark(const uint8_t key[VIA_CHAIN_KEY_SIZE], const char *app, const char *stream,
                    char out[VIA_CHAIN_MARK_SIZE]);

/* 0, or -1 with *chain empty if malformed. "1" alone is a server without a mark. */
int via_chain_parse(struct via_chain *chain, const char *text);

/* Writes the chain that a server with this mark ("": none) sends to the next one. Never cut. */
void via_chain_write(const struct via_chain *chain, const char *own, char out[VIA_CHAIN_TEXT_MAX]);
/* Appends the signature of a via_chain_write() with a shared secret; now: seconds since 1970. */
void via_chain_sign(char text[VIA_CHAIN_TEXT_MAX], const char *secret, int64_t now);
/* Whether a text has a signature with this secret that is not too old. */
int via_chain_is_signed(const char *text, const char *secret, int64_t now);

/* Adds the marks of another chain, at most marks_max; 1 if that adds any. */
int via_chain_merge(struct via_chain *chain, const struct via_chain *other, int marks_max);

/* All marks are unverified: the chain came from a client that is no peer. */
void via_chain_distrust(struct via_chain *chain);
/* The number of unverified marks. */
int via_chain_unverified(const struct via_chain *chain);
/* Removes them. */
void via_chain_keep_verified(struct via_chain *chain);

/* Whether it contains this mark, verified or not. */
int via_chain_has(const struct via_chain *chain, const char *mark);

/* 0, or -1 with *why (constant) if the stream would return to the server with this mark, or has too
 * many hops. */
int via_chain_check(const struct via_chain *chain, const char *own, const char **why);

#endif
