#ifndef BASE_IP_H
#define BASE_IP_H

/*
 * Addresses and networks, IPv4 and IPv6, as text and as bytes. Every address is stored as a v6 one;
 * a v4 address mapped into v6 (RFC 4291, section 2.5.5.2) is treated as the v4 one. Pure.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define IP_TEXT_MAX INET6_ADDRSTRLEN /* terminator included */

struct ip {
    uint8_t byte[16];
};

struct ip_network {
    struct ip ip;
    int bits; /* of ip, 0 to 128 */
};

/* "127.0.0.1", "::1", "::ffff:127.0.0.1"; no other text around it. 0 or -1. */
int ip_parse(const char *text, struct ip *out);
/* From the four bytes of a v4 address, or the sixteen of a v6 one. */
void ip_from_v4(const uint8_t byte[4], struct ip *out);
void ip_from_v6(const uint8_t byte[16], struct ip *out);
/* One spelling for each address, v4 for a mapped one: the form that struct net_conn and rules
 * compare. */
void ip_print(const struct ip *ip, char out[IP_TEXT_MAX]);
int ip_is_v4(const struct ip *ip);
/* 127.0.0.0/8 and ::1. */
int ip_is_loopback(const struct ip *ip);

/* "10.0.0.0/8", "fd00::/8", or a single address. 0 or -1. */
int ip_network_parse(const char *text, struct ip_network *out);
/* "::/0" contains every v6 address, but no v4 one although these are stored as v6. */
int ip_network_has(const struct ip_network *network, const struct ip *ip);

#endif
