/*
 * Who may, by address and by page. A v4 address that
 * comes mapped into v6 is the v4 one, in rules as in peers, so that a rule
 * holds on every listener. What cannot be read is refused: a rule that nobody
 * understands must not open the door, and the configuration lets none in.
 */
#include "app/security.h"

#include "base/str.h"
#include "proto/url.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <strings.h>

#define V4_BITS       32
#define V6_BITS       128
#define V4_MAPPED_LEN 12

/* Every address as a v6 one; v4 is mapped (RFC 4291, section 2.5.5.2). */
struct address {
    uint8_t byte[V6_BITS / 8];
};

static const uint8_t v4_mapped[V4_MAPPED_LEN] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int is_v4(const struct address *address)
{
    return memcmp(address->byte, v4_mapped, V4_MAPPED_LEN) == 0;
}

static int address_parse(const char *text, struct address *out)
{
    if (inet_pton(AF_INET6, text, out->byte) == 1)
        return 0;
    memcpy(out->byte, v4_mapped, V4_MAPPED_LEN);
    return inet_pton(AF_INET, text, out->byte + V4_MAPPED_LEN) == 1 ? 0 : -1;
}

/* "10.0.0.0/8", "::1": the address and how many of its bits count. 0 or -1. */
static int network_parse(const char *text, struct address *out, int *bits)
{
    const char *slash = strchr(text, '/');
    char host[INET6_ADDRSTRLEN];
    int64_t len;
    int is_short;

    if (str_copy_n(host, sizeof(host), text,
                   slash != NULL ? (size_t)(slash - text) : strlen(text)) != 0 ||
        address_parse(host, out) != 0)
        return -1;
    /* A length behind a v4 address counts v4's bits, behind a mapped one v6's. */
    is_short = strchr(host, ':') == NULL;
    *bits = V6_BITS;
    if (slash == NULL)
        return 0;
    if (slash[1] < '0' || slash[1] > '9' ||
        str_to_i64(slash + 1, 0, is_short ? V4_BITS : V6_BITS, &len) != 0)
        return -1;
    *bits = (int)len + (is_short ? V6_BITS - V4_BITS : 0);
    return 0;
}

static int network_has(const struct address *network, int bits, const struct address *address)
{
    size_t whole = (size_t)bits / 8;
    int rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);

    /* "::/0" is every v6 address; v4 is none of them although it is kept as one. */
    if (is_v4(address) && bits < V6_BITS - V4_BITS)
        return 0;
    if (memcmp(network->byte, address->byte, whole) != 0)
        return 0;
    return rest == 0 || ((network->byte[whole] ^ address->byte[whole]) & mask) == 0;
}

/* 1 and *action for the words that begin a rule. */
static int action_parse(const char *word, enum access_action *action)
{
    *action = strcasecmp(word, "publish") == 0 ? ACCESS_PUBLISH : ACCESS_PLAY;
    return *action == ACCESS_PUBLISH || strcasecmp(word, "play") == 0;
}

int security_rules_check(char *const *words, int count, int *at, const char **why)
{
    enum access_action action;
    struct address address;
    int is_open = 1; /* an action without anything behind it yet */
    int bits;

    assert(words != NULL && at != NULL && why != NULL);
    for (*at = 0; *at < count; (*at)++) {
        int is_action = action_parse(words[*at], &action);

        *why = NULL;
        if (*at == 0 && !is_action)
            *why = "a rule begins with publish or play";
        else if (is_action && *at > 0 && is_open)
            *why = "the word before needs all, an address or a network";
        else if (!is_action && strcasecmp(words[*at], "all") != 0 &&
                 network_parse(words[*at], &address, &bits) != 0)
            *why = "is neither all nor an address nor a network like 10.0.0.0/8";
        if (*why != NULL)
            return -1;
        is_open = is_action;
    }
    if (!is_open && count > 0)
        return 0;
    *at = count > 0 ? count - 1 : 0;
    *why = "needs all, an address or a network behind it";
    return -1;
}

struct verdict {
    int rules;   /* how many there are for the action */
    int matches; /* how many of those name the address */
};

/* address: NULL when it cannot be read. */
static struct verdict rules_ask(const struct config_strings *list, enum access_action action,
                                const struct address *address)
{
    struct verdict verdict = {0, 0};
    enum access_action current = ACCESS_PLAY;

    for (int i = 0; i < list->count; i++) {
        enum access_action next;
        struct address network;
        int bits;

        if (action_parse(list->item[i], &next)) {
            current = next;
            continue;
        }
        if (current != action)
            continue;
        verdict.rules++;
        if (strcasecmp(list->item[i], "all") == 0)
            verdict.matches++;
        else if (address != NULL && network_parse(list->item[i], &network, &bits) == 0)
            verdict.matches += network_has(&network, bits, address);
    }
    return verdict;
}

int security_allows(const struct config_security *rules, enum access_action action, const char *ip)
{
    struct address address;
    const struct address *known;
    struct verdict allow;

    assert(rules != NULL && ip != NULL);
    known = address_parse(ip, &address) == 0 ? &address : NULL;
    if (rules_ask(&rules->deny, action, known).matches > 0)
        return 0;
    allow = rules_ask(&rules->allow, action, known);
    return allow.rules == 0 || allow.matches > 0;
}

static int domains_have(const struct config_strings *list, const char *host)
{
    size_t host_len = strlen(host);

    for (int i = 0; i < list->count; i++) {
        const char *domain = list->item[i];
        size_t len = strlen(domain);

        /* A word of its own, not a host. */
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

/* The host of a page's address, lower case; "" where there is none that could be read. */
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

int refer_allows(const struct config_refer *refer, enum access_action action, const char *page)
{
    const struct config_strings *own;
    char host[256];

    assert(refer != NULL);
    own = action == ACCESS_PUBLISH ? &refer->publish : &refer->play;
    if (refer->all.count + own->count == 0)
        return 1;
    page_host(page, host, sizeof(host));
    /* A page that is named but cannot be read is not the same as none. */
    if (host[0] == '\0' && page != NULL && page[0] != '\0')
        return 0;
    return domains_have(&refer->all, host) || domains_have(own, host);
}
