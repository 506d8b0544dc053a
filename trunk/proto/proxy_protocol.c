/*
 * The PROXY protocol's header, after HAProxy's "The PROXY protocol, versions 1 & 2", sections 2.1
 * and 2.2. Strict, as the text requires: only a proxy that an operator has set up speaks it, so a
 * slightly wrong header is a mistake that should be noticed, or another protocol. Of version 2 only
 * the addresses are kept; what follows them (TLVs) is skipped.
 */
#include "proto/proxy_protocol.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

#define V2_FIXED ((size_t)16)
#define V2_INET  ((size_t)12) /* two addresses, two ports */
#define V2_INET6 ((size_t)36)
#define V2_UNIX  ((size_t)216)

#define V1_WORDS 6 /* PROXY, TCP4 or TCP6, two addresses, two ports */

static const uint8_t v1_mark[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t v2_mark[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static enum scan bad(struct proxy_protocol *p, const char *reason)
{
    p->reason = reason;
    return SCAN_BAD;
}

void proxy_protocol_init(struct proxy_protocol *p)
{
    memset(p, 0, sizeof(*p));
}

static enum scan compare(const uint8_t *data, size_t len, const uint8_t *mark, size_t mark_len)
{
    if (memcmp(data, mark, len < mark_len ? len : mark_len) != 0)
        return SCAN_BAD;
    return len < mark_len ? SCAN_MORE : SCAN_DONE;
}

enum scan proxy_protocol_begins(const uint8_t *data, size_t len)
{
    if (len == 0)
        return SCAN_MORE;
    if (data[0] == v1_mark[0])
        return compare(data, len, v1_mark, sizeof(v1_mark));
    return compare(data, len, v2_mark, sizeof(v2_mark));
}

/* ---- version 1 ---- */

/* "0" to "65535" in canonical form: no sign, no leading zero. */
static int v1_port(const char *text, uint16_t *port)
{
    int64_t value;

    if (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1] != '\0') ||
        str_to_i64(text, 0, UINT16_MAX, &value) != 0)
        return -1;
    *port = (uint16_t)value;
    return 0;
}

static int v1_ip(const char *text, int is_v6, struct ip *ip)
{
    return (strchr(text, ':') != NULL) == is_v6 ? ip_parse(text, ip) : -1;
}

/* The line in data, without its CRLF and with a terminator. */
static enum scan v1_read(struct proxy_protocol *p)
{
    char *word[V1_WORDS];
    char *at = (char *)p->data;
    struct ip ours;
    uint16_t port;
    int is_v6;

    if (strncmp(at, "PROXY UNKNOWN", 13) == 0 && (at[13] == '\0' || at[13] == ' '))
        return SCAN_DONE;
    for (int i = 0; i < V1_WORDS; i++) {
        word[i] = at;
        at += strcspn(at, " ");
        if ((*at == '\0') != (i == V1_WORDS - 1))
            return bad(p, "line does not have six words");
        *at++ = '\0';
    }
    /* A NUL in the line would have ended it early. */
    if (at != (char *)p->data + p->len - 1)
        return bad(p, "line does not have six words");
    is_v6 = strcmp(word[1], "TCP6") == 0;
    if (!is_v6 && strcmp(word[1], "TCP4") != 0)
        return bad(p, "neither TCP4 nor TCP6 nor UNKNOWN");
    if (v1_ip(word[2], is_v6, &p->ip) != 0 || v1_ip(word[3], is_v6, &ours) != 0)
        return bad(p, "malformed address");
    if (v1_port(word[4], &p->port) != 0 || v1_port(word[5], &port) != 0)
        return bad(p, "malformed port");
    p->says = PROXY_PROTOCOL_IP;
    return SCAN_DONE;
}

/* Takes bytes up to the line's end. */
static enum scan v1_feed(struct proxy_protocol *p, const uint8_t *data, size_t len, size_t *used)
{
    for (*used = 0; *used < len;) {
        uint8_t c = data[(*used)++];
        int is_after_cr = p->data[p->len - 1] == '\r';

        p->data[p->len++] = c;
        if (is_after_cr && c != '\n')
            return bad(p, "CR within the line");
        if (is_after_cr) {
            p->data[p->len - 2] = '\0';
            return v1_read(p);
        }
        if (p->len == PROXY_PROTOCOL_V1_MAX)
            return bad(p, "line too long");
    }
    return SCAN_MORE;
}

/* ---- version 2 ---- */

/* The fixed part: the total length, and whether an address follows. */
static enum scan v2_head(struct proxy_protocol *p)
{
    size_t length = (size_t)p->data[14] << 8 | p->data[15];
    size_t least = 0;

    if (p->data[12] != 0x20 && p->data[12] != 0x21)
        return bad(p, "unknown version or command");
    if (length > PROXY_PROTOCOL_V2_MAX)
        return bad(p, "too long");
    switch (p->data[13]) {
    case 0x00:
        break;
    case 0x11:
        least = V2_INET;
        break;
    case 0x21:
        least = V2_INET6;
        break;
    case 0x31:
        least = V2_UNIX;
        break;
    default:
        if (p->data[12] == 0x21)
            return bad(p, "not for a stream socket");
    }
    if (p->data[12] == 0x21 && length < least)
        return bad(p, "too short for its addresses");
    p->need = V2_FIXED + length;
    return SCAN_DONE;
}

static void v2_read(struct proxy_protocol *p)
{
    const uint8_t *at = p->data + V2_FIXED;

    if (p->data[12] != 0x21)
        return;
    switch (p->data[13]) {
    case 0x11:
        ip_from_v4(at, &p->ip);
        p->port = (uint16_t)(at[8] << 8 | at[9]);
        p->says = PROXY_PROTOCOL_IP;
        break;
    case 0x21:
        ip_from_v6(at, &p->ip);
        p->port = (uint16_t)(at[32] << 8 | at[33]);
        p->says = PROXY_PROTOCOL_IP;
        break;
    case 0x31:
        p->says = PROXY_PROTOCOL_UNIX;
        break;
    default:
        break;
    }
}

/* Takes bytes up to `end` of the header, and keeps those that fit into data. */
static size_t v2_take(struct proxy_protocol *p, const uint8_t *data, size_t len, size_t end)
{
    size_t take = end - p->len < len ? end - p->len : len;
    size_t room = p->len < sizeof(p->data) ? sizeof(p->data) - p->len : 0;

    memcpy(p->data + (room > 0 ? p->len : 0), data, take < room ? take : room);
    p->len += take;
    return take;
}

static enum scan v2_feed(struct proxy_protocol *p, const uint8_t *data, size_t len, size_t *used)
{
    *used = 0;
    if (p->need == 0) {
        *used = v2_take(p, data, len, V2_FIXED);
        if (p->len < V2_FIXED)
            return SCAN_MORE;
        if (v2_head(p) != SCAN_DONE)
            return SCAN_BAD;
    }
    *used += v2_take(p, data + *used, len - *used, p->need);
    if (p->len < p->need)
        return SCAN_MORE;
    v2_read(p);
    return SCAN_DONE;
}

enum scan proxy_protocol_feed(struct proxy_protocol *p, const uint8_t *data, size_t len,
                              size_t *used)
{
    size_t mark = 0;
    size_t rest = 0;
    enum scan scan;

    assert(p != NULL && used != NULL && (data != NULL || len == 0));
    *used = 0;
    if (p->reason != NULL)
        return SCAN_BAD;
    while (p->version == 0 && mark < len) {
        p->data[p->len++] = data[mark++];
        scan = proxy_protocol_begins(p->data, p->len);
        if (scan == SCAN_BAD)
            return bad(p, "no PROXY header");
        if (scan == SCAN_DONE)
            p->version = p->data[0] == v1_mark[0] ? 1 : 2;
    }
    if (p->version == 0) {
        *used = len;
        return SCAN_MORE;
    }
    scan = (p->version == 1 ? v1_feed : v2_feed)(p, data + mark, len - mark, &rest);
    *used = mark + rest;
    return scan;
}
