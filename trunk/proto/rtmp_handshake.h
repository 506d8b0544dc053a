#ifndef PROTO_RTMP_HANDSHAKE_H
#define PROTO_RTMP_HANDSHAKE_H

/*
 * RTMP's handshake: simple (specification 1.0, section 5.2) and the complex one of Flash players
 * and FMLE (HMAC-SHA256 digests, two schemas). Pure: the caller supplies random bytes.
 */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define RTMP_HANDSHAKE_SIZE 1536 /* C1, S1, C2, S2 each */

enum rtmp_handshake_kind { RTMP_HANDSHAKE_SIMPLE, RTMP_HANDSHAKE_COMPLEX };

/*
 * Server: makes S0S1S2 (3073 bytes) from C0C1 (1537 bytes). random: 1536 * 2 random bytes. SCAN_BAD
 * when C0 requests an unsupported version (6 and above 31 are refused; others are answered with 3).
 */
enum scan rtmp_handshake_answer(const uint8_t c0c1[1 + RTMP_HANDSHAKE_SIZE],
                                const uint8_t random[2 * RTMP_HANDSHAKE_SIZE], uint32_t now_ms,
                                uint8_t s0s1s2[1 + 2 * RTMP_HANDSHAKE_SIZE],
                                enum rtmp_handshake_kind *kind);

/* Client: C0C1 with a complex digest (schema 1). */
void rtmp_handshake_hello(const uint8_t random[RTMP_HANDSHAKE_SIZE], uint32_t now_ms,
                          uint8_t c0c1[1 + RTMP_HANDSHAKE_SIZE]);
/* Client: checks S0S1 and makes C2 (complex when S1 has a digest, else a copy of S1). */
enum scan rtmp_handshake_finish(const uint8_t s0s1[1 + RTMP_HANDSHAKE_SIZE],
                                const uint8_t random[RTMP_HANDSHAKE_SIZE],
                                uint8_t c2[RTMP_HANDSHAKE_SIZE]);

#endif
