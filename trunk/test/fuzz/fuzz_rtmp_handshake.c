/*
 * The handshake: any C0C1 is refused or answered; a simple answer ends with C1; a C1 that we sign
 * is recognised wherever its bytes put the digest, and our client and server agree.
 */
#include "proto/rtmp_handshake.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE RTMP_HANDSHAKE_SIZE

static uint8_t c0c1[1 + SIZE], s0s1s2[1 + 2 * SIZE], noise[2 * SIZE], c2[SIZE];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum rtmp_handshake_kind kind = RTMP_HANDSHAKE_COMPLEX;
    size_t n = size < sizeof(c0c1) ? size : sizeof(c0c1);
    enum scan scan;

    if (size == 0)
        return 0;
    memset(c0c1, 0, sizeof(c0c1));
    memcpy(c0c1, data, n);
    memset(noise, data[0], sizeof(noise));
    memcpy(noise, data, n < sizeof(noise) ? n : sizeof(noise));
    scan = rtmp_handshake_answer(c0c1, noise, data[0], s0s1s2, &kind);
    assert((scan == SCAN_BAD) == (c0c1[0] == 6 || c0c1[0] >= 32));
    if (scan == SCAN_DONE) {
        assert(s0s1s2[0] == 3);
        if (kind == RTMP_HANDSHAKE_SIMPLE)
            assert(memcmp(s0s1s2 + 1 + SIZE, c0c1 + 1, SIZE) == 0);
        assert(rtmp_handshake_finish(s0s1s2, noise, c2) == SCAN_DONE);
    }
    /* As the server's bytes. */
    (void)rtmp_handshake_finish(c0c1, noise, c2);
    /* Our own hello with these bytes as its random ones. */
    rtmp_handshake_hello(noise, data[0], c0c1);
    assert(rtmp_handshake_answer(c0c1, noise, data[0], s0s1s2, &kind) == SCAN_DONE);
    assert(kind == RTMP_HANDSHAKE_COMPLEX);
    assert(rtmp_handshake_finish(s0s1s2, noise, c2) == SCAN_DONE);
    assert(memcmp(c2, s0s1s2 + 1, SIZE) != 0);
    return 0;
}
