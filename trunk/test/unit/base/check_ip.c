/* Addresses and networks: which text is one, one spelling for each, what a network contains. */
#include "base/ip.h"

#include <check.h>
#include <string.h>

Suite *check_ip_suite(void);

/* The canonical text of an address; "" if it is invalid. */
static const char *spelled(const char *text)
{
    static char out[IP_TEXT_MAX];
    struct ip ip;

    out[0] = '\0';
    if (ip_parse(text, &ip) == 0)
        ip_print(&ip, out);
    return out;
}

START_TEST(test_one_spelling)
{
    ck_assert_str_eq(spelled("127.0.0.1"), "127.0.0.1");
    ck_assert_str_eq(spelled("::ffff:127.0.0.1"), "127.0.0.1");
    ck_assert_str_eq(spelled("::FFFF:7f00:1"), "127.0.0.1");
    ck_assert_str_eq(spelled("::1"), "::1");
    ck_assert_str_eq(spelled("0:0:0:0:0:0:0:1"), "::1");
    ck_assert_str_eq(spelled("2001:DB8:0::1"), "2001:db8::1");
    ck_assert_str_eq(spelled("255.255.255.255"), "255.255.255.255");
    ck_assert_str_eq(spelled("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}
END_TEST

START_TEST(test_malformed_addresses)
{
    static const char *const none[] = {
        "",          " ",   "localhost", "127.0.0.1 ", " 127.0.0.1",   "127.0.0",  "127.0.0.256",
        "1.2.3.4.5", "1:2", "::1%lo",    "[::1]",      "127.0.0.1:80", "1.2.3.04", "0x7f.0.0.1",
        "::g",       ":::", "1::2::3",   "127.1",      "2130706433"};

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(spelled(none[i])[0] == '\0', "\"%s\" is read as %s", none[i],
                      spelled(none[i]));
}
END_TEST

START_TEST(test_bytes)
{
    static const uint8_t v4[4] = {192, 0, 2, 7};
    uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
    char text[IP_TEXT_MAX];
    struct ip ip;

    ip_from_v4(v4, &ip);
    ck_assert_int_eq(ip_is_v4(&ip), 1);
    ip_print(&ip, text);
    ck_assert_str_eq(text, "192.0.2.7");
    v6[15] = 1;
    ip_from_v6(v6, &ip);
    ck_assert_int_eq(ip_is_v4(&ip), 0);
    ip_print(&ip, text);
    ck_assert_str_eq(text, "2001:db8::1");
    /* A mapped one is the v4 one. */
    memset(v6, 0, 16);
    v6[10] = v6[11] = 0xff;
    memcpy(v6 + 12, v4, 4);
    ip_from_v6(v6, &ip);
    ip_print(&ip, text);
    ck_assert_str_eq(text, "192.0.2.7");
}
END_TEST

static int has(const char *network, const char *address)
{
    struct ip_network n;
    struct ip ip;

    ck_assert_msg(ip_network_parse(network, &n) == 0, "%s", network);
    ck_assert_int_eq(ip_parse(address, &ip), 0);
    return ip_network_has(&n, &ip);
}

START_TEST(test_networks)
{
    ck_assert(has("10.0.0.0/8", "10.255.0.1"));
    ck_assert(has("10.1.2.3/8", "10.255.0.1"));
    ck_assert(!has("10.0.0.0/8", "11.0.0.0"));
    ck_assert(has("10.0.0.0/9", "10.127.255.255"));
    ck_assert(!has("10.0.0.0/9", "10.128.0.0"));
    ck_assert(has("10.0.0.1", "10.0.0.1"));
    ck_assert(!has("10.0.0.1", "10.0.0.0"));
    ck_assert(has("10.0.0.1/31", "10.0.0.0"));
    ck_assert(has("0.0.0.0/0", "203.0.113.9"));
    ck_assert(!has("0.0.0.0/0", "::1"));
    ck_assert(has("::/0", "::1"));
    ck_assert(!has("::/0", "10.0.0.1"));
    ck_assert(has("fd00::/8", "fdff::1"));
    ck_assert(!has("fd00::/8", "fc00::1"));
    ck_assert(has("::1/128", "::1"));
    /* Mapped, on either side; its length then counts all bits. */
    ck_assert(has("::ffff:10.0.0.0/104", "10.9.9.9"));
    ck_assert(has("10.0.0.0/8", "::ffff:10.9.9.9"));
    ck_assert(has("::ffff:0:0/96", "10.9.9.9"));
}
END_TEST

START_TEST(test_malformed_networks)
{
    static const char *const none[] = {
        "",       "/8",          "10.0.0.0/",   "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
        "::/129", "10.0.0.0/ 8", "10.0.0.0/+8", "10.0/8",      "all",         "10.0.0.0/8/8"};
    struct ip_network n;

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(ip_network_parse(none[i], &n) != 0, "\"%s\" is taken", none[i]);
}
END_TEST

Suite *check_ip_suite(void)
{
    Suite *suite = suite_create("ip");
    TCase *tc = tcase_create("ip");

    tcase_add_test(tc, test_one_spelling);
    tcase_add_test(tc, test_malformed_addresses);
    tcase_add_test(tc, test_bytes);
    tcase_add_test(tc, test_networks);
    tcase_add_test(tc, test_malformed_networks);
    suite_add_tcase(suite, tc);
    return suite;
}
