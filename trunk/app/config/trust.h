#ifndef APP_CONFIG_TRUST_H
#define APP_CONFIG_TRUST_H

/*
 * Which proxies are believed, and what they say of a request's client. Pure: the list is read anew
 * at each question.
 */
#include "app/config/config.h"
#include "base/ip.h"
#include "proto/http.h"

/* Of X-Forwarded-For, so many entries are looked at; the walk ends there. */
#define TRUST_HOPS_MAX 32

/* Whether a word of trusted_proxies is one: an address, a network, or "unix:". 0 or -1. */
int trust_check(const char *word);

/* True when a peer at this address is a trusted proxy. ip as in struct net_conn: "", a UNIX
 * socket's peer, is named by "unix:" only. */
int trust_has(const struct config_strings *trusted, const char *ip);

/*
 * The client of a request that came from ip, which is rewritten: 1 if it is another one.
 * X-Forwarded-For is read from right to left, in all its lines, as long as who says it is trusted;
 * an entry that is no address ends that, and what was reached counts. Without such a header the one
 * X-Real-IP.
 */
int trust_client_find(const struct config_strings *trusted, const struct http_message *request,
                      char ip[IP_TEXT_MAX]);

#endif
