/*
 * Addresses and networks. Code that checks a client's address (rules, trusted proxies, headers with
 * an address) compares bytes and prints one spelling, so that no address can pass for another one
 * by being written differently.
 */
#include "base/ip.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#define V4_BITS       32
#define V6_BITS       128
#define V4_MAPPED_LEN 12

static const uint8_t v4_mapped[V4_MAPPED_LEN] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->byte, v4_mapped, V4_MAPPED_LEN) == 0;
}

int ip_is_loopback(const struct ip *ip)
{
    static const uint8_t v6[16] = {[15] = 1};

    return ip_is_v4(ip) ? ip->byte[V4_MAPPED_LEN] == 127 : memcmp(ip->byte, v6, sizeof(v6)) == 0;
}

int ip_parse(const char *text, struct ip *out)
{
    assert(text != NULL && out != NULL);
    if (inet_pton(AF_INET6, text, out->byte) == 1)
        return 0;
    memcpy(out->byte, v4_mapped, V4_MAPPED_LEN);
    return inet_pton(AF_INET, text, out->byte + V4_MAPPED_LEN) == 1 ? 0 : -1;
}

void ip_from_v4(const uint8_t byte[4], struct ip *out)
{
    memcpy(out->byte, v4_mapped, V4_MAPPED_LEN);
    memcpy(out->byte + V4_MAPPED_LEN, byte, 4);
}

void ip_from_v6(const uint8_t byte[16], struct ip *out)
{
    memcpy(out->byte, byte, sizeof(out->byte));
}

void ip_print(const struct ip *ip, char out[IP_TEXT_MAX])
{
    const char *text = ip_is_v4(ip) ? inet_ntop(AF_INET, ip->byte + V4_MAPPED_LEN, out, IP_TEXT_MAX)
                                    : inet_ntop(AF_INET6, ip->byte, out, IP_TEXT_MAX);

    assert(text != NULL);
    (void)text;
}

int ip_network_parse(const char *text, struct ip_network *out)
{
    const char *slash = strchr(text, '/');
    char host[IP_TEXT_MAX];
    int64_t len;
    int is_short;

    if (str_copy_n(host, sizeof(host), text,
                   slash != NULL ? (size_t)(slash - text) : strlen(text)) != 0 ||
        ip_parse(host, &out->ip) != 0)
        return -1;
    /* A prefix length after a v4 address counts v4's bits, after a mapped one v6's. */
    is_short = strchr(host, ':') == NULL;
    out->bits = V6_BITS;
    if (slash == NULL)
        return 0;
    if (slash[1] < '0' || slash[1] > '9' ||
        str_to_i64(slash + 1, 0, is_short ? V4_BITS : V6_BITS, &len) != 0)
        return -1;
    out->bits = (int)len + (is_short ? V6_BITS - V4_BITS : 0);
    return 0;
}

int ip_network_has(const struct ip_network *network, const struct ip *ip)
{
    size_t whole = (size_t)network->bits / 8;
    int rest = network->bits % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);

    assert(network->bits >= 0 && network->bits <= V6_BITS);
    if (ip_is_v4(ip) && network->bits < V6_BITS - V4_BITS)
        return 0;
    if (memcmp(network->ip.byte, ip->byte, whole) != 0)
        return 0;
    return rest == 0 || ((network->ip.byte[whole] ^ ip->byte[whole]) & mask) == 0;
}
