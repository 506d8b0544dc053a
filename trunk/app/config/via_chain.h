#ifndef APP_CONFIG_VIA_CHAIN_H
#define APP_CONFIG_VIA_CHAIN_H

/*
 * Through which servers a request for a stream has come. It makes the other server send the stream
 * as it was published, and lets a ring of servers be noticed. As text, "2 markA markB", in an HTTP
 * header and in RTMP's connect (proto/rtmp_talk.h).
 *
 * A mark is a seal: only the server that made it can make or recognise it, for one stream. So
 * anybody may send any chain: servers pass marks on without believing them, and a mark that a
 * stranger invents means nothing to anyone. Only the number of servers must be believed, and is so
 * from configured peers alone: by their address, or by a signature with a shared secret. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define VIA_CHAIN_HEADER "X-Millrace-Relay"

#define VIA_CHAIN_HOPS_MAX  8
#define VIA_CHAIN_MARKS_MAX 16 /* beyond it the oldest is forgotten */
#define VIA_CHAIN_MARK_SIZE 32
#define VIA_CHAIN_TEXT_MAX  640 /* of any via_chain_write(), terminator included */
#define VIA_CHAIN_KEY_SIZE  32

/* How far two servers' clocks may differ for a signature, in seconds. */
#define VIA_CHAIN_SKEW 300

struct via_chain {
    int hops; /* 0: from a player */
    int count;
    char mark[VIA_CHAIN_MARKS_MAX][VIA_CHAIN_MARK_SIZE];
};

/* The mark of the server that has this key, for one stream. */
void via_chain_mark(const uint8_t key[VIA_CHAIN_KEY_SIZE], const char *app, const char *stream,
                    char out[VIA_CHAIN_MARK_SIZE]);

/* 0, or -1 with *chain empty when it is malformed. "1" alone is a server that has no mark. */
int via_chain_parse(struct via_chain *chain, const char *text);

/* What a server of this mark ("": none) says to the next one. Never cut. */
void via_chain_write(const struct via_chain *chain, const char *own, char out[VIA_CHAIN_TEXT_MAX]);
/* Appends the signature of a via_chain_write() with a shared secret; now: seconds since 1970. */
void via_chain_sign(char text[VIA_CHAIN_TEXT_MAX], const char *secret, int64_t now);
/* Whether a text bears a signature with this secret that is not too old. */
int via_chain_is_signed(const char *text, const char *secret, int64_t now);

/* Adds the marks of another chain, so many at the most; 1 when that adds any. */
int via_chain_merge(struct via_chain *chain, const struct via_chain *other, int marks_max);

/* 0, or -1 with *why (constant) when the stream would come back to the server of this mark, or goes
 * too far. */
int via_chain_check(const struct via_chain *chain, const char *own, const char **why);

#endif
