/* The PROXY header: both versions, every split, every length, and other data. */
#include "proto/proxy_protocol.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_proxy_protocol_suite(void);

#define AFTER "after" /* what follows the header on the wire */

static const uint8_t mark2[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

struct wire {
    uint8_t data[PROXY_PROTOCOL_V2_MAX + 64];
    size_t len; /* of the header; AFTER follows it */
};

static struct wire *wire_of(const void *data, size_t len)
{
    static struct wire wire;

    ck_assert_uint_le(len + sizeof(AFTER), sizeof(wire.data));
    memcpy(wire.data, data, len);
    memcpy(wire.data + len, AFTER, sizeof(AFTER));
    wire.len = len;
    return &wire;
}

static struct wire *v1(const char *line)
{
    return wire_of(line, strlen(line));
}

/* A version 2 header with `len` bytes of `rest`, of which it announces `announced`. */
static struct wire *v2_said(unsigned command, unsigned family, const void *rest, size_t len,
                            size_t announced)
{
    static uint8_t data[PROXY_PROTOCOL_V2_MAX + 32];

    memcpy(data, mark2, sizeof(mark2));
    data[12] = (uint8_t)command;
    data[13] = (uint8_t)family;
    data[14] = (uint8_t)(announced >> 8);
    data[15] = (uint8_t)announced;
    ck_assert_uint_le(16 + len, sizeof(data));
    memcpy(data + 16, rest, len);
    return wire_of(data, 16 + len);
}

static struct wire *v2(unsigned command, unsigned family, const void *rest, size_t len)
{
    return v2_said(command, family, rest, len, len);
}

static const uint8_t inet4[] = {192, 0, 2, 1, 198, 51, 100, 2, 0x1f, 0x90, 0x07, 0x8f};
static const uint8_t inet6[36] = {0x20, 1,    0x0d,     0xb8, [15] = 9, [16] = 0x20, 1,
                                  0x0d, 0xb8, [31] = 8, 0x1f, 0x91,     0x07,        0x8f};

/* Feeds it in steps; every piece is memory of its own, so that a byte too far is seen. */
static enum scan feed(const struct wire *wire, size_t step, struct proxy_protocol *p, size_t *used)
{
    size_t total = wire->len + sizeof(AFTER);
    enum scan scan = SCAN_MORE;

    proxy_protocol_init(p);
    *used = 0;
    for (size_t at = 0; at < total && scan == SCAN_MORE;) {
        size_t len = total - at < step ? total - at : step;
        uint8_t *piece = malloc(len);
        size_t taken = 0;

        ck_assert_ptr_nonnull(piece);
        memcpy(piece, wire->data + at, len);
        scan = proxy_protocol_feed(p, piece, len, &taken);
        free(piece);
        ck_assert_uint_le(taken, len);
        if (scan == SCAN_MORE)
            ck_assert_uint_eq(taken, len);
        at += taken;
        *used = at;
    }
    return scan;
}

/* Valid in every split and incomplete at every shorter length, with this result: "192.0.2.1 8080".
 */
static void good(const struct wire *wire, int version, enum proxy_protocol_says says,
                 const char *text)
{
    struct proxy_protocol p;
    char ip[IP_TEXT_MAX];
    char got[96];
    size_t used;

    for (size_t step = 1; step <= wire->len + sizeof(AFTER); step++) {
        ck_assert_int_eq(feed(wire, step, &p, &used), SCAN_DONE);
        ck_assert_uint_eq(used, wire->len);
        ck_assert_int_eq(p.version, version);
        ck_assert_int_eq(p.says, says);
        if (says != PROXY_PROTOCOL_IP)
            continue;
        ip_print(&p.ip, ip);
        snprintf(got, sizeof(got), "%s %d", ip, p.port);
        ck_assert_str_eq(got, text);
    }
    for (size_t len = 0; len < wire->len; len++) {
        uint8_t *cut = malloc(len + 1);

        ck_assert_ptr_nonnull(cut);
        memcpy(cut, wire->data, len);
        proxy_protocol_init(&p);
        ck_assert_int_eq(proxy_protocol_feed(&p, cut, len, &used), SCAN_MORE);
        ck_assert_uint_eq(used, len);
        free(cut);
    }
}

/* It is bad in every split, and stays so. */
static void bad(const struct wire *wire)
{
    struct proxy_protocol p;
    size_t used;

    for (size_t step = 1; step <= wire->len + sizeof(AFTER); step++) {
        ck_assert_int_eq(feed(wire, step, &p, &used), SCAN_BAD);
        ck_assert_ptr_nonnull(p.reason);
        ck_assert_int_eq(proxy_protocol_feed(&p, wire->data, wire->len, &used), SCAN_BAD);
    }
}

START_TEST(test_v1)
{
    good(v1("PROXY TCP4 192.0.2.1 198.51.100.2 8080 1935\r\n"), 1, PROXY_PROTOCOL_IP,
         "192.0.2.1 8080");
    good(v1("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), 1, PROXY_PROTOCOL_IP,
         "255.255.255.255 65535");
    good(v1("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), 1, PROXY_PROTOCOL_IP, "0.0.0.0 0");
    good(v1("PROXY TCP6 2001:db8::9 2001:db8::8 8081 1935\r\n"), 1, PROXY_PROTOCOL_IP,
         "2001:db8::9 8081");
    good(v1("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), 1, PROXY_PROTOCOL_IP, "192.0.2.1 1");
    good(v1("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
         1, PROXY_PROTOCOL_IP, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535");
}
END_TEST

START_TEST(test_v1_unknown)
{
    good(v1("PROXY UNKNOWN\r\n"), 1, PROXY_PROTOCOL_NOBODY, NULL);
    good(v1("PROXY UNKNOWN whatever it says 1 2\r\n"), 1, PROXY_PROTOCOL_NOBODY, NULL);
    /* The longest valid line. */
    good(v1("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
         1, PROXY_PROTOCOL_NOBODY, NULL);
}
END_TEST

START_TEST(test_v1_bad)
{
    static const char *const lines[] = {
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY TCP5 192.0.2.1 198.51.100.2 8080 1935\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 8080 1935\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.2 8080 1935\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 8080\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 8080 1935 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 8080 1935 1\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 8080 1935\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.2 8080 1935\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 8080 1935\r\n",
        "PROXY TCP4 192.0.2.1 here 8080 1935\r\n",
        "PROXY TCP4 2001:db8::9 2001:db8::8 8080 1935\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 8080 1935\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 65536 1935\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 8080 -1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +80 1935\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 080 1935\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 8080 1935\rX",
        "PROXY UNKNOWN a\rb\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.2 8080 1935\r\n",
        "POST / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\n",
        "\x03",
        "\r\n\r\n\r\n",
    };
    static const char zero[] = "PROXY TCP4 192.0.2.1 198.51.100.2 8080 1935\0 5\r\n";
    char line[PROXY_PROTOCOL_V1_MAX + 16];

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        bad(v1(lines[i]));
    bad(wire_of(zero, sizeof(zero) - 1));
    /* One byte longer than a line may be; and one that is all it may be. */
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + PROXY_PROTOCOL_V1_MAX - 1, "\r\n", 2);
    bad(wire_of(line, PROXY_PROTOCOL_V1_MAX + 1));
    memcpy(line + PROXY_PROTOCOL_V1_MAX - 2, "\r\n", 2);
    good(wire_of(line, PROXY_PROTOCOL_V1_MAX), 1, PROXY_PROTOCOL_NOBODY, NULL);
    /* Endless, without a line's end. */
    memset(line + 14, 'x', sizeof(line) - 14);
    bad(wire_of(line, sizeof(line)));
}
END_TEST

START_TEST(test_v2)
{
    uint8_t mapped[36] = {[10] = 0xff, 0xff, 192, 0, 2, 1, [32] = 0, 7};
    uint8_t path[216] = "/run/client";

    good(v2(0x21, 0x11, inet4, sizeof(inet4)), 2, PROXY_PROTOCOL_IP, "192.0.2.1 8080");
    good(v2(0x21, 0x21, inet6, sizeof(inet6)), 2, PROXY_PROTOCOL_IP, "2001:db8::9 8081");
    good(v2(0x21, 0x21, mapped, sizeof(mapped)), 2, PROXY_PROTOCOL_IP, "192.0.2.1 7");
    good(v2(0x21, 0x31, path, sizeof(path)), 2, PROXY_PROTOCOL_UNIX, NULL);
    good(v2(0x21, 0x00, "", 0), 2, PROXY_PROTOCOL_NOBODY, NULL);
    good(v2(0x21, 0x00, "what", 4), 2, PROXY_PROTOCOL_NOBODY, NULL);
}
END_TEST

START_TEST(test_v2_local)
{
    good(v2(0x20, 0x00, "", 0), 2, PROXY_PROTOCOL_NOBODY, NULL);
    /* The client's address in it is ignored, whatever it is. */
    good(v2(0x20, 0x11, inet4, sizeof(inet4)), 2, PROXY_PROTOCOL_NOBODY, NULL);
    good(v2(0x20, 0x11, inet4, 3), 2, PROXY_PROTOCOL_NOBODY, NULL);
    good(v2(0x20, 0xff, "any", 3), 2, PROXY_PROTOCOL_NOBODY, NULL);
}
END_TEST

/* Bytes after the addresses: more than are kept, and as many as allowed. */
START_TEST(test_v2_more)
{
    static uint8_t rest[PROXY_PROTOCOL_V2_MAX + 1];
    struct proxy_protocol p;
    size_t used;

    memset(rest, 0xee, sizeof(rest));
    memcpy(rest, inet4, sizeof(inet4));
    good(v2(0x21, 0x11, rest, sizeof(inet4) + 7), 2, PROXY_PROTOCOL_IP, "192.0.2.1 8080");
    good(v2(0x21, 0x11, rest, 200), 2, PROXY_PROTOCOL_IP, "192.0.2.1 8080");
    for (size_t step = 1; step < 700; step += 97) {
        ck_assert_int_eq(feed(v2(0x21, 0x11, rest, PROXY_PROTOCOL_V2_MAX), step, &p, &used),
                         SCAN_DONE);
        ck_assert_uint_eq(used, 16 + PROXY_PROTOCOL_V2_MAX);
        ck_assert_int_eq(p.port, 8080);
    }
}
END_TEST

START_TEST(test_v2_bad)
{
    struct wire *wire;

    /* An announced length over the limit: refused before any of it has arrived. */
    bad(v2_said(0x21, 0x11, inet4, sizeof(inet4), PROXY_PROTOCOL_V2_MAX + 1));
    bad(v2_said(0x20, 0x00, "", 0, 0xffff));
    /* Too short for the addresses that it announces. */
    bad(v2(0x21, 0x11, inet4, 11));
    bad(v2(0x21, 0x11, "", 0));
    bad(v2(0x21, 0x21, inet6, 35));
    bad(v2(0x21, 0x31, inet6, 36));
    /* Unknown versions, commands, families and protocols, and ones that are not supported here. */
    bad(v2(0x11, 0x11, inet4, sizeof(inet4)));
    bad(v2(0x31, 0x11, inet4, sizeof(inet4)));
    bad(v2(0x22, 0x11, inet4, sizeof(inet4)));
    bad(v2(0x2f, 0x11, inet4, sizeof(inet4)));
    bad(v2(0x21, 0x12, inet4, sizeof(inet4)));
    bad(v2(0x21, 0x22, inet6, sizeof(inet6)));
    bad(v2(0x21, 0x41, inet6, sizeof(inet6)));
    bad(v2(0x21, 0x10, inet4, sizeof(inet4)));
    bad(v2(0x21, 0x01, inet4, sizeof(inet4)));
    for (size_t i = 0; i < sizeof(mark2); i++) {
        wire = v2(0x21, 0x11, inet4, sizeof(inet4));
        wire->data[i] ^= 0x20;
        bad(wire);
    }
}
END_TEST

static enum scan begins(const void *data, size_t len)
{
    return proxy_protocol_begins(data, len);
}

START_TEST(test_begins)
{
    for (size_t len = 0; len < 6; len++)
        ck_assert_int_eq(begins("PROXY ", len), SCAN_MORE);
    for (size_t len = 0; len < PROXY_PROTOCOL_MARK; len++)
        ck_assert_int_eq(begins(mark2, len), SCAN_MORE);
    ck_assert_int_eq(begins("PROXY ", 6), SCAN_DONE);
    ck_assert_int_eq(begins("PROXY anything", 14), SCAN_DONE);
    ck_assert_int_eq(begins(mark2, PROXY_PROTOCOL_MARK), SCAN_DONE);
    /* The first bytes of clients: HTTP, RTMP, TLS. */
    ck_assert_int_eq(begins("GET", 3), SCAN_BAD);
    ck_assert_int_eq(begins("PO", 2), SCAN_BAD);
    ck_assert_int_eq(begins("PROPFIND", 8), SCAN_BAD);
    ck_assert_int_eq(begins("\r\nGET", 5), SCAN_BAD);
    ck_assert_int_eq(begins("\x03", 1), SCAN_BAD);
    ck_assert_int_eq(begins("\x16\x03", 2), SCAN_BAD);
}
END_TEST

Suite *check_proxy_protocol_suite(void)
{
    Suite *suite = suite_create("proxy_protocol");
    TCase *tc = tcase_create("proxy_protocol");

    tcase_add_test(tc, test_v1);
    tcase_add_test(tc, test_v1_unknown);
    tcase_add_test(tc, test_v1_bad);
    tcase_add_test(tc, test_v2);
    tcase_add_test(tc, test_v2_local);
    tcase_add_test(tc, test_v2_more);
    tcase_add_test(tc, test_v2_bad);
    tcase_add_test(tc, test_begins);
    suite_add_tcase(suite, tc);
    return suite;
}
