/*
 * Access rules by address and by page. An IPv4 address mapped into IPv6 counts as the IPv4 address,
 * in rules and for peers, so that a rule applies on every listener. A rule that cannot be parsed
 * grants nothing; the configuration rejects such rules when it is loaded.
 */
#include "app/config/security.h"

#include "base/ip.h"
#include "proto/url.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* 1 and *action for the words that begin a rule. */
static int action_parse(const char *word, enum access_action *action)
{
    *action = strcasecmp(word, "publish") == 0 ? ACCESS_PUBLISH : ACCESS_PLAY;
    return *action == ACCESS_PUBLISH || strcasecmp(word, "play") == 0;
}

int security_rules_check(char *const *words, int count, int *at, const char **why)
{
    enum access_action action;
    struct ip_network network;
    int is_open = 1; /* 1: an action that has no subject yet */

    assert(words != NULL && at != NULL && why != NULL);
    for (*at = 0; *at < count; (*at)++) {
        int is_action = action_parse(words[*at], &action);

        *why = NULL;
        if (*at == 0 && !is_action)
            *why = "a rule must begin with publish or play";
        else if (is_action && *at > 0 && is_open)
            *why = "the previous word must be followed by all, an address or a network";
        else if (!is_action && strcasecmp(words[*at], "all") != 0 &&
                 ip_network_parse(words[*at], &network) != 0)
            *why = "is neither all, nor an address, nor a network such as 10.0.0.0/8";
        if (*why != NULL)
            return -1;
        is_open = is_action;
    }
    if (!is_open && count > 0)
        return 0;
    *at = count > 0 ? count - 1 : 0;
    *why = "must be followed by all, an address or a network";
    return -1;
}

/* Whether a rule for the action matches the address. address: NULL if it cannot be parsed. */
static int rules_match(const struct config_strings *list, enum access_action action,
                       const struct ip *address)
{
    enum access_action current = ACCESS_PLAY;

    for (int i = 0; i < list->count; i++) {
        enum access_action next;
        struct ip_network network;

        if (action_parse(list->item[i], &next)) {
            current = next;
            continue;
        }
        if (current != action)
            continue;
        if (strcasecmp(list->item[i], "all") == 0)
            return 1;
        if (address != NULL && ip_network_parse(list->item[i], &network) == 0 &&
            ip_network_has(&network, address))
            return 1;
    }
    return 0;
}

int security_allows(const struct config_security *rules, enum access_action action, const char *ip)
{
    struct ip address;
    const struct ip *known;

    assert(rules != NULL && ip != NULL);
    known = ip_parse(ip, &address) == 0 ? &address : NULL;
    return !rules_match(&rules->deny, action, known) && rules_match(&rules->allow, action, known);
}

const char *security_next(const struct config_strings *list, enum access_action action, int *at)
{
    enum access_action current = ACCESS_PLAY;

    for (int i = 0; i < list->count; i++) {
        enum access_action next;

        if (action_parse(list->item[i], &next))
            current = next;
        else if (current == action && i >= *at) {
            *at = i + 1;
            return list->item[i];
        }
    }
    *at = list->count;
    return NULL;
}

int security_is_shut(const struct config_security *rules, enum access_action action, int *is_meant)
{
    const char *subject;
    int has_allow = 0;
    int at = 0;

    *is_meant = 0;
    while ((subject = security_next(&rules->deny, action, &at)) != NULL)
        *is_meant |= strcasecmp(subject, "all") == 0;
    at = 0;
    has_allow = security_next(&rules->allow, action, &at) != NULL;
    return *is_meant || !has_allow;
}

static int domains_have(const struct config_strings *list, const char *host)
{
    size_t host_len = strlen(host);

    for (int i = 0; i < list->count; i++) {
        const char *domain = list->item[i];
        size_t len = strlen(domain);

        /* A keyword, not a host. */
        if (strcasecmp(domain, "none") == 0) {
            if (host_len == 0)
                return 1;
            continue;
        }
        if (len > host_len || strcasecmp(host + host_len - len, domain) != 0)
            continue;
        if (len == host_len || host[host_len - len - 1] == '.')
            return 1;
    }
    return 0;
}

/* The host of a page's address, lower case; "" if it cannot be parsed. */
static void page_host(const char *page, char *host, size_t cap)
{
    const char *from = page != NULL ? strstr(page, "://") : NULL;
    int port = 0;

    host[0] = '\0';
    if (from == NULL)
        return;
    from += 3;
    /* A backslash ends the host too: browsers read it as a slash. */
    if (url_authority_parse(from, strcspn(from, "/\\?#"), host, cap, &port) != 0)
        host[0] = '\0';
}

int security_refer_allows(const struct config_refer *refer, enum access_action action,
                          const char *page)
{
    const struct config_strings *own;
    char host[256];

    assert(refer != NULL);
    own = action == ACCESS_PUBLISH ? &refer->publish : &refer->play;
    if (refer->all.count + own->count == 0)
        return 1;
    page_host(page, host, sizeof(host));
    /* A page that is named but cannot be parsed does not count as "none". */
    if (host[0] == '\0' && page != NULL && page[0] != '\0')
        return 0;
    return (refer->all.count == 0 || domains_have(&refer->all, host)) &&
           (own->count == 0 || domains_have(own, host));
}
