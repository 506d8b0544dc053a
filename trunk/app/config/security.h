#ifndef APP_CONFIG_SECURITY_H
#define APP_CONFIG_SECURITY_H

/*
 * Rules by address (security) and by page (refer) of a vhost. Pure: the rules are read
 * anew at each question, which is asked once per publish and play.
 */
#include "app/config/config.h"

enum access_action { ACCESS_PUBLISH, ACCESS_PLAY };

/*
 * Whether these words are rules: "publish" or "play", then at least one of "all", an IPv4 or IPv6
 * address or a network ("10.0.0.0/8", "fd00::/8"), and so on. 0, or -1 with *at, the index of the
 * wrong word, and *why (constant).
 */
int security_rules_check(char *const *words, int count, int *at, const char **why);

/*
 * True when a peer at this address may: no deny rule names it, and an allow rule does, or there is
 * none for this action. ip as in struct net_conn; "" (a UNIX socket) is named by "all" only.
 */
int security_allows(const struct config_security *rules, enum access_action action, const char *ip);

/*
 * True when the page's host is one of the listed domains or below one. page is an address, or NULL
 * or "" without one, which only the word "none" allows. Where no list says anything of
 * the action everything is allowed.
 */
int security_refer_allows(const struct config_refer *refer, enum access_action action,
                          const char *page);

#endif
