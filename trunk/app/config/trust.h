#ifndef APP_CONFIG_TRUST_H
#define APP_CONFIG_TRUST_H

/*
 * The trusted proxies, and the client that they name for a request. Pure: the list is parsed for
 * each request.
 */
#include "app/config/config.h"
#include "base/ip.h"
#include "proto/http.h"

/* The maximum number of X-Forwarded-For entries that are evaluated. */
#define TRUST_HOPS_MAX 32

/* Checks a word of trusted_proxies: an address, a network, or "unix:". 0 or -1. */
int trust_check(const char *word);

/* 1 if a peer with this address is a trusted proxy. ip as in struct net_conn: "", the peer of a
 * UNIX socket, matches "unix:" only. */
int trust_has(const struct config_strings *trusted, const char *ip);

/*
 * Finds the client of a request that came from ip and rewrites ip: 1 if it is another one.
 * Evaluates X-Forwarded-For from right to left, over all its lines, while the address that added
 * the entry is trusted. An entry that is no address ends the walk, and the last address counts.
 * Without this header, uses X-Real-IP if it occurs exactly once.
 */
int trust_client_find(const struct config_strings *trusted, const struct http_message *request,
                      char ip[IP_TEXT_MAX]);

#endif
