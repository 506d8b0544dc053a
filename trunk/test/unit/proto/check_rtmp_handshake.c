/* The handshake: simple, complex in both schemas, and what is refused. */
#include "proto/rtmp_handshake.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

Suite *check_rtmp_handshake_suite(void);

#define SIZE RTMP_HANDSHAKE_SIZE

static uint8_t c0c1[1 + SIZE], s0s1s2[1 + 2 * SIZE], noise[2 * SIZE], c2[SIZE];

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
}

static void hmac(const void *key, int key_len, const uint8_t *p, size_t n, uint8_t out[32])
{
    unsigned len = 32;

    ck_assert_ptr_nonnull(HMAC(EVP_sha256(), key, key_len, p, n, out, &len));
}

/* The position of the digest in a packet, computed a second time from the format. */
static size_t place(const uint8_t *packet, size_t base)
{
    return base + 4 +
           (size_t)(packet[base] + packet[base + 1] + packet[base + 2] + packet[base + 3]) % 728;
}

static int is_signed(const uint8_t *packet, size_t base, const char *key)
{
    size_t at = place(packet, base);
    uint8_t rest[SIZE - 32], want[32];

    memcpy(rest, packet, at);
    memcpy(rest + at, packet + at + 32, SIZE - 32 - at);
    hmac(key, (int)strlen(key), rest, sizeof(rest), want);
    return memcmp(want, packet + at, 32) == 0;
}

static void sign(uint8_t *packet, size_t base, const char *key)
{
    size_t at = place(packet, base);
    uint8_t rest[SIZE - 32];

    memcpy(rest, packet, at);
    memcpy(rest + at, packet + at + 32, SIZE - 32 - at);
    hmac(key, (int)strlen(key), rest, sizeof(rest), packet + at);
}

static const char player[] = "Genuine Adobe Flash Player 001";
static const char fms[] = "Genuine Adobe Flash Media Server 001";
static const uint8_t tail[32] = {0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0,
                                 0xd1, 0x02, 0x9e, 0x7e, 0x57, 0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80,
                                 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae};

/* C2 or S2 must end with a digest keyed by the digest that it answers. */
static int answers(const uint8_t *packet, const char *key, const uint8_t digest[32])
{
    uint8_t whole[128], derived[32], want[32];
    size_t len = strlen(key);

    memcpy(whole, key, len);
    memcpy(whole + len, tail, 32);
    hmac(whole, (int)len + 32, digest, 32, derived);
    hmac(derived, 32, packet, SIZE - 32, want);
    return memcmp(want, packet + SIZE - 32, 32) == 0;
}

START_TEST(simple)
{
    enum rtmp_handshake_kind kind = RTMP_HANDSHAKE_COMPLEX;

    fill(c0c1, sizeof(c0c1), 1);
    fill(noise, sizeof(noise), 2);
    c0c1[0] = 3;
    ck_assert_int_eq(rtmp_handshake_answer(c0c1, noise, 0x01020304, s0s1s2, &kind), SCAN_DONE);
    ck_assert_int_eq(kind, RTMP_HANDSHAKE_SIMPLE);
    ck_assert_int_eq(s0s1s2[0], 3);
    ck_assert_mem_eq(s0s1s2 + 1, "\1\2\3\4\0\0\0\0", 8);
    ck_assert_mem_eq(s0s1s2 + 9, noise, SIZE - 8);
    ck_assert_mem_eq(s0s1s2 + 1 + SIZE, c0c1 + 1, SIZE);
}
END_TEST

START_TEST(complex_both_schemas)
{
    static const size_t bases[] = {772, 8};

    /* Many seeds: each puts the digest elsewhere. */
    for (uint32_t seed = 0; seed < 400; seed++) {
        size_t base = bases[seed % 2];
        enum rtmp_handshake_kind kind = RTMP_HANDSHAKE_SIMPLE;

        fill(c0c1, sizeof(c0c1), seed);
        fill(noise, sizeof(noise), ~seed);
        c0c1[0] = 3;
        sign(c0c1 + 1, base, player);
        ck_assert_int_eq(rtmp_handshake_answer(c0c1, noise, 7, s0s1s2, &kind), SCAN_DONE);
        ck_assert_int_eq(kind, RTMP_HANDSHAKE_COMPLEX);
        ck_assert(is_signed(s0s1s2 + 1, base, fms));
        /* A version below 3 would tell clients not to look for a digest. */
        ck_assert_int_ge(s0s1s2[5], 3);
        ck_assert(answers(s0s1s2 + 1 + SIZE, fms, c0c1 + 1 + place(c0c1 + 1, base)));
    }
}
END_TEST

START_TEST(digest_at_its_last_place)
{
    enum rtmp_handshake_kind kind = RTMP_HANDSHAKE_SIMPLE;

    fill(c0c1, sizeof(c0c1), 5);
    fill(noise, sizeof(noise), 6);
    c0c1[0] = 3;
    memcpy(c0c1 + 1 + 772, "\xff\xff\xd9\x00", 4); /* 255 + 255 + 217 = 727 */
    ck_assert_uint_eq(place(c0c1 + 1, 772), 772 + 4 + 727);
    sign(c0c1 + 1, 772, player);
    ck_assert_int_eq(rtmp_handshake_answer(c0c1, noise, 7, s0s1s2, &kind), SCAN_DONE);
    ck_assert_int_eq(kind, RTMP_HANDSHAKE_COMPLEX);
}
END_TEST

START_TEST(one_wrong_bit_is_simple)
{
    enum rtmp_handshake_kind kind = RTMP_HANDSHAKE_COMPLEX;

    fill(c0c1, sizeof(c0c1), 9);
    c0c1[0] = 3;
    sign(c0c1 + 1, 8, player);
    c0c1[SIZE] ^= 1;
    ck_assert_int_eq(rtmp_handshake_answer(c0c1, noise, 7, s0s1s2, &kind), SCAN_DONE);
    ck_assert_int_eq(kind, RTMP_HANDSHAKE_SIMPLE);
    ck_assert_mem_eq(s0s1s2 + 1 + SIZE, c0c1 + 1, SIZE);
}
END_TEST

START_TEST(versions)
{
    enum rtmp_handshake_kind kind;

    for (int version = 0; version < 256; version++) {
        enum scan want = version == 6 || version >= 32 ? SCAN_BAD : SCAN_DONE;

        c0c1[0] = (uint8_t)version;
        ck_assert_int_eq(rtmp_handshake_answer(c0c1, noise, 7, s0s1s2, &kind), want);
        ck_assert(want == SCAN_BAD || s0s1s2[0] == 3);
    }
}
END_TEST

START_TEST(client_with_our_server)
{
    enum rtmp_handshake_kind kind = RTMP_HANDSHAKE_SIMPLE;

    fill(noise, sizeof(noise), 11);
    rtmp_handshake_hello(noise, 42, c0c1);
    ck_assert_int_eq(c0c1[0], 3);
    ck_assert(is_signed(c0c1 + 1, 8, player));
    ck_assert_int_eq(rtmp_handshake_answer(c0c1, noise, 7, s0s1s2, &kind), SCAN_DONE);
    ck_assert_int_eq(kind, RTMP_HANDSHAKE_COMPLEX);
    ck_assert_int_eq(rtmp_handshake_finish(s0s1s2, noise, c2), SCAN_DONE);
    ck_assert(answers(c2, player, s0s1s2 + 1 + place(s0s1s2 + 1, 8)));
}
END_TEST

START_TEST(client_with_a_simple_server)
{
    fill(s0s1s2, sizeof(s0s1s2), 12);
    s0s1s2[0] = 3;
    ck_assert_int_eq(rtmp_handshake_finish(s0s1s2, noise, c2), SCAN_DONE);
    ck_assert_mem_eq(c2, s0s1s2 + 1, SIZE);
    s0s1s2[0] = 'H';
    ck_assert_int_eq(rtmp_handshake_finish(s0s1s2, noise, c2), SCAN_BAD);
}
END_TEST

Suite *check_rtmp_handshake_suite(void)
{
    Suite *suite = suite_create("rtmp_handshake");
    TCase *tc = tcase_create("handshake");

    tcase_add_test(tc, simple);
    tcase_add_test(tc, complex_both_schemas);
    tcase_add_test(tc, digest_at_its_last_place);
    tcase_add_test(tc, one_wrong_bit_is_simple);
    tcase_add_test(tc, versions);
    tcase_add_test(tc, client_with_our_server);
    tcase_add_test(tc, client_with_a_simple_server);
    suite_add_tcase(suite, tc);
    return suite;
}
