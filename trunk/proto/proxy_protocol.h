#ifndef PROTO_PROXY_PROTOCOL_H
#define PROTO_PROXY_PROTOCOL_H

/*
 * The header in which a proxy states whose connection it passes on: PROXY protocol, version 1 (a
 * line of text) and 2 (binary), distinguished by their first bytes. An incremental parser; pure.
 */
#include "base/ip.h"
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define PROXY_PROTOCOL_V1_MAX 107  /* bytes of the line, CRLF included (section 2.1) */
#define PROXY_PROTOCOL_V2_MAX 4096 /* bytes after the 16 fixed ones; our own limit */
#define PROXY_PROTOCOL_MARK   12   /* bytes that suffice to recognize a header */

enum proxy_protocol_says {
    PROXY_PROTOCOL_NOBODY, /* LOCAL, UNKNOWN: the connection is the proxy's own */
    PROXY_PROTOCOL_IP,     /* ip and port are the client's */
    PROXY_PROTOCOL_UNIX    /* the client uses a UNIX socket: it has no address */
};

struct proxy_protocol {
    enum proxy_protocol_says says;
    struct ip ip;
    uint16_t port;
    int version;        /* 1 or 2, once it is known */
    const char *reason; /* constant, after SCAN_BAD */
    /* private */
    size_t len;  /* bytes of the header taken so far */
    size_t need; /* of version 2: its total length; 0: not known yet */
    uint8_t data[PROXY_PROTOCOL_V1_MAX + 1];
};

/* Prepares for the first byte. */
void proxy_protocol_init(struct proxy_protocol *p);

/*
 * SCAN_DONE: the header ends after *used bytes, and *p holds its content. SCAN_MORE: all bytes are
 * used. SCAN_BAD, also for all later calls: no header, or a malformed one; *used is undefined.
 * Bytes after the header are never used.
 */
enum scan proxy_protocol_feed(struct proxy_protocol *p, const uint8_t *data, size_t len,
                              size_t *used);

/* Whether the bytes begin like a header: SCAN_DONE or SCAN_BAD; SCAN_MORE: too few to decide. */
enum scan proxy_protocol_begins(const uint8_t *data, size_t len);

#endif
