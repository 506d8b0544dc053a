/*
 * RTMP's handshake, both kinds. The simple one is section 5.2 of Adobe's RTMP specification 1.0.
 * Adobe never published the complex one; it is known to work as follows. C1 and S1 hold two blocks
 * of 764 bytes after their first 8: one with a key (used only by RTMPE, random here), one with a
 * digest whose offset is in the block's first four bytes. Schema 0 has the digest in the second
 * block (from 772 on), schema 1 in the first (from 8 on). The digest is HMAC-SHA256 over the other
 * 1504 bytes; C2 and S2 end with a digest that is keyed by the digest they answer.
 */
#include "proto/rtmp_handshake.h"

#include "base/bytes.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define DIGEST_SIZE     32
#define DIGEST_PLACES   728 /* offsets in a block of 764: 4 bytes for the offset, 32 digest */
#define SCHEMA_COUNT    2
#define PLAYER_KEY_PART 30 /* the text alone signs C1; text and bytes sign C2 */
#define SERVER_KEY_PART 36 /* the same for S1 and S2 */

#define VERSION_RTMP     3
#define VERSION_RTMPE    6
#define VERSION_TEXT_MIN 32 /* printable: another protocol on the wrong port */

/* Where each schema's digest block begins. */
static const size_t schema_base[SCHEMA_COUNT] = {772, 8};

/* Both keys end with the same 32 bytes. */
#define KEY_TAIL                                                                               \
    "\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57\x6e\xec\x5d\x2d\x29\x80" \
    "\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae"

static const char player_key[] = "Genuine Adobe Flash Player 001" KEY_TAIL;
static const char server_key[] = "Genuine Adobe Flash Media Server 001" KEY_TAIL;

#define PLAYER_KEY_SIZE (sizeof(player_key) - 1)
#define SERVER_KEY_SIZE (sizeof(server_key) - 1)

static void hmac_sha256(const void *key, size_t key_len, const uint8_t *data, size_t len,
                        uint8_t out[DIGEST_SIZE])
{
    unsigned out_len = 0;
    const uint8_t *done = HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &out_len);

    /* Fails only without memory; then the digest is wrong and the peer falls back to a simple
     * handshake. */
    if (done == NULL)
        memset(out, 0, DIGEST_SIZE);
    assert(done == NULL || out_len == DIGEST_SIZE);
}

static size_t digest_place(const uint8_t *packet, int schema)
{
    size_t base = schema_base[schema];
    size_t sum = 0;

    for (size_t i = 0; i < 4; i++)
        sum += packet[base + i];
    return base + 4 + sum % DIGEST_PLACES;
}

/* The digest of all bytes of C1 or S1 except the digest itself. */
static void digest_make(const uint8_t packet[RTMP_HANDSHAKE_SIZE], size_t place, const void *key,
                        size_t key_len, uint8_t out[DIGEST_SIZE])
{
    uint8_t rest[RTMP_HANDSHAKE_SIZE - DIGEST_SIZE];

    memcpy(rest, packet, place);
    memcpy(rest + place, packet + place + DIGEST_SIZE, sizeof(rest) - place);
    hmac_sha256(key, key_len, rest, sizeof(rest), out);
}

/* The schema whose digest is correct (*digest then points at it), or -1. */
static int digest_find(const uint8_t packet[RTMP_HANDSHAKE_SIZE], const void *key, size_t key_len,
                       const uint8_t **digest)
{
    uint8_t want[DIGEST_SIZE];

    for (int schema = 0; schema < SCHEMA_COUNT; schema++) {
        size_t place = digest_place(packet, schema);

        digest_make(packet, place, key, key_len, want);
        if (CRYPTO_memcmp(packet + place, want, DIGEST_SIZE) == 0) {
            *digest = packet + place;
            return schema;
        }
    }
    return -1;
}

/* C1 or S1: time, version, random bytes, and the digest at its offset. */
static void signed_packet_make(uint8_t packet[RTMP_HANDSHAKE_SIZE], const uint8_t *random,
                               uint32_t now_ms, uint32_t version, int schema, const void *key,
                               size_t key_len)
{
    struct bytes_out o = bytes_out_of(packet, RTMP_HANDSHAKE_SIZE);
    uint8_t digest[DIGEST_SIZE];
    size_t place;

    bytes_put_u32(&o, now_ms);
    bytes_put_u32(&o, version);
    bytes_put(&o, random, RTMP_HANDSHAKE_SIZE - 8);
    assert(!o.bad);
    place = digest_place(packet, schema);
    digest_make(packet, place, key, key_len, digest);
    memcpy(packet + place, digest, DIGEST_SIZE);
}

/* C2 or S2: random bytes, and a digest keyed by the peer's digest. */
static void answer_packet_make(uint8_t packet[RTMP_HANDSHAKE_SIZE], const uint8_t *random,
                               const uint8_t digest[DIGEST_SIZE], const void *key, size_t key_len)
{
    size_t body = RTMP_HANDSHAKE_SIZE - DIGEST_SIZE;
    uint8_t derived[DIGEST_SIZE];

    hmac_sha256(key, key_len, digest, DIGEST_SIZE, derived);
    memcpy(packet, random, body);
    hmac_sha256(derived, sizeof(derived), packet, body, packet + body);
}

enum scan rtmp_handshake_answer(const uint8_t c0c1[1 + RTMP_HANDSHAKE_SIZE],
                                const uint8_t random[2 * RTMP_HANDSHAKE_SIZE], uint32_t now_ms,
                                uint8_t s0s1s2[1 + 2 * RTMP_HANDSHAKE_SIZE],
                                enum rtmp_handshake_kind *kind)
{
    const uint8_t *c1 = c0c1 + 1;
    uint8_t *s1 = s0s1s2 + 1;
    uint8_t *s2 = s1 + RTMP_HANDSHAKE_SIZE;
    const uint8_t *digest = NULL;
    struct bytes_out o;
    int schema;

    assert(c0c1 != NULL && random != NULL && s0s1s2 != NULL && kind != NULL);
    /* 5.2.2: a server that doesn't know the version answers 3 and lets the client decide. */
    if (c0c1[0] == VERSION_RTMPE || c0c1[0] >= VERSION_TEXT_MIN)
        return SCAN_BAD;
    s0s1s2[0] = VERSION_RTMP;
    schema = digest_find(c1, player_key, PLAYER_KEY_PART, &digest);
    if (schema >= 0) {
        /* Clients expect our digest in the schema that they used. The version is any above 3. */
        signed_packet_make(s1, random, now_ms, 0x04050001, schema, server_key, SERVER_KEY_PART);
        answer_packet_make(s2, random + RTMP_HANDSHAKE_SIZE, digest, server_key, SERVER_KEY_SIZE);
        *kind = RTMP_HANDSHAKE_COMPLEX;
        return SCAN_DONE;
    }
    o = bytes_out_of(s1, RTMP_HANDSHAKE_SIZE);
    bytes_put_u32(&o, now_ms);
    bytes_put_u32(&o, 0);
    bytes_put(&o, random, RTMP_HANDSHAKE_SIZE - 8);
    memcpy(s2, c1, RTMP_HANDSHAKE_SIZE);
    *kind = RTMP_HANDSHAKE_SIMPLE;
    return SCAN_DONE;
}

void rtmp_handshake_hello(const uint8_t random[RTMP_HANDSHAKE_SIZE], uint32_t now_ms,
                          uint8_t c0c1[1 + RTMP_HANDSHAKE_SIZE])
{
    assert(random != NULL && c0c1 != NULL);
    c0c1[0] = VERSION_RTMP;
    signed_packet_make(c0c1 + 1, random, now_ms, 0x80000702, 1, player_key, PLAYER_KEY_PART);
}

enum scan rtmp_handshake_finish(const uint8_t s0s1[1 + RTMP_HANDSHAKE_SIZE],
                                const uint8_t random[RTMP_HANDSHAKE_SIZE],
                                uint8_t c2[RTMP_HANDSHAKE_SIZE])
{
    const uint8_t *s1 = s0s1 + 1;
    const uint8_t *digest = NULL;

    assert(s0s1 != NULL && random != NULL && c2 != NULL);
    if (s0s1[0] != VERSION_RTMP)
        return SCAN_BAD;
    if (digest_find(s1, server_key, SERVER_KEY_PART, &digest) >= 0)
        answer_packet_make(c2, random, digest, player_key, PLAYER_KEY_SIZE);
    else
        memcpy(c2, s1, RTMP_HANDSHAKE_SIZE);
    return SCAN_DONE;
}
