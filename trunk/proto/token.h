#ifndef PROTO_TOKEN_H
#define PROTO_TOKEN_H

/*
 * Signed addresses: "?expires=UNIX&sign=HEX" after a stream's address, the same for RTMP, FLV, TS
 * and WebSocket. The signature covers the stream and the permission, not the spelling of an
 * address, so one signature is valid for all formats and protocols. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define TOKEN_HEX_SIZE 65   /* 64 hexadecimal digits and the terminator */
#define TOKEN_TEXT_MAX 1024 /* bytes of the signed text, terminator included */

struct token_claim {
    int is_publish;    /* else play */
    const char *vhost; /* "" for the default one */
    const char *app;
    const char *stream;
    int64_t expires; /* seconds since 1970 */
    const char *ip;  /* "" for every client */
};

/*
 * The text that is signed: four lines with "\n" between them,
 *
 *   publish|play
 *   VHOST/APP/STREAM    ("/APP/STREAM" for the default vhost; VHOST in lower case)
 *   EXPIRES             (decimal)
 *   IP                  (empty when every client may use it)
 *
 * 0, or -1 when a name is empty, holds a control character or is too long.
 */
int token_text(const struct token_claim *claim, char *out, size_t cap);

/* HMAC-SHA256 of that text under the key, as lower-case hexadecimal. 0 or -1. */
int token_sign(const char *key, const struct token_claim *claim, char hex[TOKEN_HEX_SIZE]);

enum token_verdict {
    TOKEN_GOOD,
    TOKEN_MISSING, /* no expires, or no sign */
    TOKEN_WRONG,   /* not signed by any of the keys for this claim */
    TOKEN_EXPIRED  /* signed, but expired */
};

/*
 * Whether the query ("a=b&c=d") proves the claim, whose `expires` is ignored and whose `ip` is the
 * client's: signatures with and without that address are valid. The duration does not depend on
 * where a wrong signature differs.
 */
enum token_verdict token_check(const char *const *keys, int key_count,
                               const struct token_claim *claim, const char *query, int64_t now);

/*
 * Fingerprint of all parameters except vhost and domain, in the given order, to recognize the same
 * publisher: 32 bytes. 0, or -1 when there are none.
 */
#define TOKEN_FINGERPRINT_SIZE 32
int token_fingerprint(const char *query, uint8_t fingerprint[TOKEN_FINGERPRINT_SIZE]);
/* Whether two are equal, in constant time. */
int token_fingerprint_equal(const uint8_t *a, const uint8_t *b);

#endif
