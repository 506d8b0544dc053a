/*
 * Trusted proxies. X-Forwarded-For grows to the right: each proxy appends the address of its
 * client. So it is evaluated from the right, and an entry is as reliable as the server that wrote
 * it, whose address is to its right (or is the peer itself). Entries that a client invents are to
 * the left of its own address and are never reached.
 */
#include "app/config/trust.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

#define TRUST_UNIX "unix:"

int trust_check(const char *word)
{
    struct ip_network network;

    assert(word != NULL);
    return strcmp(word, TRUST_UNIX) == 0 ? 0 : ip_network_parse(word, &network);
}

int trust_has(const struct config_strings *trusted, const char *ip)
{
    struct ip_network network;
    struct ip address;

    assert(trusted != NULL && ip != NULL);
    if (trusted->count == 0 || (ip[0] != '\0' && ip_parse(ip, &address) != 0))
        return 0;
    for (int i = 0; i < trusted->count; i++) {
        const char *word = trusted->item[i];

        if (ip[0] == '\0' && strcmp(word, TRUST_UNIX) == 0)
            return 1;
        if (ip[0] != '\0' && ip_network_parse(word, &network) == 0 &&
            ip_network_has(&network, &address))
            return 1;
    }
    return 0;
}

/* "192.0.2.1", "192.0.2.1:8080", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:8080". 0 or -1. */
static int entry_parse(const char *text, size_t len, char out[IP_TEXT_MAX])
{
    char host[IP_TEXT_MAX + 2];
    const char *end = memchr(text, ']', len);
    const char *colon = memchr(text, ':', len);
    const char *port = NULL;
    char digits[8];
    int64_t number = 0;
    struct ip ip;

    if (len > 0 && text[0] == '[') {
        if (end == NULL)
            return -1;
        if (end + 1 < text + len)
            port = end + 1;
        text++;
        len -= 1;
    } else if (colon != NULL && memchr(colon + 1, ':', len - (size_t)(colon + 1 - text)) == NULL) {
        end = port = colon;
    } else {
        end = text + len;
    }
    if (str_copy_n(host, sizeof(host), text, (size_t)(end - text)) != 0 ||
        strlen(host) != (size_t)(end - text) || ip_parse(host, &ip) != 0)
        return -1;
    if (port != NULL &&
        (*port != ':' ||
         str_copy_n(digits, sizeof(digits), port + 1, (size_t)(text + len - port - 1)) != 0 ||
         str_to_i64(digits, 0, UINT16_MAX, &number) != 0))
        return -1;
    ip_print(&ip, out);
    return 0;
}

struct walk {
    const struct config_strings *trusted;
    char *ip; /* the current result; IP_TEXT_MAX bytes */
    int hops;
    int is_over;
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Evaluates one entry with blanks around it; the server that wrote it is trusted. */
static void walk_entry(struct walk *walk, const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        from++;
    while (from < to && is_blank(to[-1]))
        to--;
    if (++walk->hops > TRUST_HOPS_MAX) {
        walk->is_over = 1;
        return;
    }
    if (from == to)
        return; /* RFC 9110, section 5.6.1: ignore empty list elements */
    walk->is_over = entry_parse(from, (size_t)(to - from), walk->ip) != 0 ||
                    !trust_has(walk->trusted, walk->ip);
}

/* Evaluates one line of the header, from its end. */
static void walk_line(struct walk *walk, const char *value)
{
    const char *to = value + strlen(value);

    while (!walk->is_over) {
        const char *from = to;

        while (from > value && from[-1] != ',')
            from--;
        walk_entry(walk, from, to);
        if (from == value)
            return;
        to = from - 1;
    }
}

/* For requests without X-Forwarded-For; ignores a header that occurs twice. */
static void real_ip(const struct http_message *request, char ip[IP_TEXT_MAX])
{
    const char *value = NULL;

    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_ieq(request->headers[i].name, "X-Real-IP"))
            continue;
        if (value != NULL)
            return;
        value = request->headers[i].value;
    }
    if (value != NULL)
        (void)entry_parse(value, strlen(value), ip);
}

int trust_client_find(const struct config_strings *trusted, const struct http_message *request,
                      char ip[IP_TEXT_MAX])
{
    struct walk walk = {trusted, ip, 0, 0};
    char peer[IP_TEXT_MAX];
    int is_there = 0;

    assert(trusted != NULL && request != NULL);
    if (!trust_has(trusted, ip))
        return 0;
    (void)str_copy(peer, sizeof(peer), ip);
    for (size_t i = request->header_count; i > 0; i--) {
        if (!str_ieq(request->headers[i - 1].name, "X-Forwarded-For"))
            continue;
        is_there = 1;
        if (!walk.is_over)
            walk_line(&walk, request->headers[i - 1].value);
    }
    if (!is_there)
        real_ip(request, ip);
    return strcmp(ip, peer) != 0;
}
