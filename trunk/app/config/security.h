#ifndef APP_CONFIG_SECURITY_H
#define APP_CONFIG_SECURITY_H

/*
 * Rules of a vhost by address (security) and by page (refer). Pure: the rules are parsed for each
 * request, once per publish or play.
 */
#include "app/config/config.h"

enum access_action { ACCESS_PUBLISH, ACCESS_PLAY };

/*
 * Checks the words of a rule list: "publish" or "play", then at least one of "all", an IPv4 or IPv6
 * address or a network ("10.0.0.0/8", "fd00::/8"), and so on. 0, or -1 with *at, the index of the
 * wrong word, and *why (constant).
 */
int security_rules_check(char *const *words, int count, int *at, const char **why);

/*
 * 1 if a peer with this address may perform the action: no deny rule matches, and an allow rule
 * does. ip as in struct net_conn; "" (a UNIX socket) matches "all" only.
 */
int security_allows(const struct config_security *rules, enum access_action action, const char *ip);

/*
 * The subject ("all", an address, a network) of the action's next rule in a list of rules; *at:
 * where to search, first 0. NULL at the end.
 */
const char *security_next(const struct config_strings *list, enum access_action action, int *at);
/* Whether the rules allow the action for no address; *is_meant: they explicitly deny all. */
int security_is_shut(const struct config_security *rules, enum access_action action, int *is_meant);

/*
 * 1 if the page's host is one of the domains, or below one, in each list that is not empty: `all`
 * and that of the action. page is an address; NULL or "" (no page) matches only the word "none".
 */
int security_refer_allows(const struct config_refer *refer, enum access_action action,
                          const char *page);

#endif
