/*
 * PROXY headers: the same end in one piece and in any pieces, no byte after the header is used,
 * headers over the size limit are refused, and input without a header is not taken for one.
 */
#include "proto/proxy_protocol.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
    enum scan scan;
    size_t used;
    struct proxy_protocol p;
};

/* Pieces of 1 to 9 bytes, by chance; one piece for seed 0. */
static struct end run(const uint8_t *data, size_t size, uint32_t seed)
{
    struct end end = {SCAN_MORE, 0, {0}};

    proxy_protocol_init(&end.p);
    while (end.used < size && end.scan == SCAN_MORE) {
        size_t len = size - end.used;
        size_t used = 0;
        uint8_t *piece;

        if (seed != 0) {
            seed = seed * 1664525u + 1013904223u;
            if (len > 1 + (seed >> 16) % 9)
                len = 1 + (seed >> 16) % 9;
        }
        piece = malloc(len);
        assert(piece != NULL);
        memcpy(piece, data + end.used, len);
        end.scan = proxy_protocol_feed(&end.p, piece, len, &used);
        free(piece);
        assert(end.scan == SCAN_BAD || used <= len);
        assert(end.scan != SCAN_MORE || used == len);
        end.used += end.scan == SCAN_BAD ? 0 : used;
    }
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct end whole = run(data, size, 0);
    enum scan begins = proxy_protocol_begins(data, size);

    for (uint32_t seed = 1; seed < 4; seed++) {
        struct end pieces = run(data, size, seed);
        char text[IP_TEXT_MAX];

        assert(pieces.scan == whole.scan);
        if (whole.scan != SCAN_DONE)
            continue;
        assert(pieces.used == whole.used && pieces.p.says == whole.p.says);
        assert(pieces.p.version == whole.p.version && pieces.p.port == whole.p.port);
        if (whole.p.says != PROXY_PROTOCOL_IP)
            continue;
        assert(memcmp(&pieces.p.ip, &whole.p.ip, sizeof(whole.p.ip)) == 0);
        ip_print(&whole.p.ip, text);
    }
    if (whole.scan == SCAN_DONE) {
        assert(begins == SCAN_DONE);
        assert(whole.used <=
               (whole.p.version == 1 ? PROXY_PROTOCOL_V1_MAX : 16 + (size_t)PROXY_PROTOCOL_V2_MAX));
    }
    if (whole.scan == SCAN_MORE)
        assert(begins != SCAN_BAD && size < 16 + (size_t)PROXY_PROTOCOL_V2_MAX);
    if (begins == SCAN_BAD && size > 0)
        assert(whole.scan == SCAN_BAD);
    assert(whole.scan != SCAN_BAD || whole.p.reason != NULL);
    return 0;
}
