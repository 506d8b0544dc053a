#ifndef PROTO_PROXY_PROTOCOL_H
#define PROTO_PROXY_PROTOCOL_H

/*
 * The header by which a proxy says whose connection it passes on: PROXY protocol, version 1 (a line
 * of text) and 2 (binary), told apart by their first bytes. A parser to be fed; pure.
 */
#include "base/ip.h"
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define PROXY_PROTOCOL_V1_MAX 107  /* bytes of the line, its CRLF included (section 2.1) */
#define PROXY_PROTOCOL_V2_MAX 4096 /* what may stand behind the 16 fixed bytes; ours */
#define PROXY_PROTOCOL_MARK   12   /* so many bytes tell whether it is a header at all */

enum proxy_protocol_says {
    PROXY_PROTOCOL_NOBODY, /* LOCAL, UNKNOWN: the connection is the proxy's own */
    PROXY_PROTOCOL_IP,     /* ip and port are the client's */
    PROXY_PROTOCOL_UNIX    /* the client came by a UNIX socket: it has no address */
};

struct proxy_protocol {
    enum proxy_protocol_says says;
    struct ip ip;
    uint16_t port;
    int version;        /* 1 or 2, once it is known */
    const char *reason; /* constant, after SCAN_BAD */
    /* private */
    size_t len;  /* bytes of it taken so far */
    size_t need; /* of version 2: how long it is; 0: not known yet */
    uint8_t data[PROXY_PROTOCOL_V1_MAX + 1];
};

/* Nothing read yet. */
void proxy_protocol_init(struct proxy_protocol *p);

/*
 * SCAN_DONE: the header ends after *used bytes, and what it says stands in *p. SCAN_MORE: all
 * bytes are used. SCAN_BAD, for ever: this is none, or a wrong one; *used means nothing. No byte
 * behind the header is used.
 */
enum scan proxy_protocol_feed(struct proxy_protocol *p, const uint8_t *data, size_t len,
                              size_t *used);

/* Whether bytes begin as a header does: SCAN_DONE or SCAN_BAD; SCAN_MORE: too few to tell. */
enum scan proxy_protocol_begins(const uint8_t *data, size_t len);

#endif
