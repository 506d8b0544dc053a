/*
 * Addresses in the directory. They are limited to host and port, so that each character read from
 * Redis can be checked before it becomes part of an address or a Location header.
 */
#include "app/config/directory_place.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <string.h>

#define VERSION "1"
#define NONE    "-"

/* ---- one address ---- */

static int is_name(const char *text, size_t len)
{
    if (len == 0 || len > 253 || *text == '-' || *text == '.')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && (text[i] == '\0' || strchr("-._", text[i]) == NULL))
            return 0;
    return 1;
}

static int is_v6(const char *text, size_t len)
{
    struct in6_addr addr;
    char ip[INET6_ADDRSTRLEN];

    return len > 2 && text[0] == '[' && text[len - 1] == ']' &&
           str_copy_n(ip, sizeof(ip), text + 1, len - 2) == 0 && strlen(ip) == len - 2 &&
           inet_pton(AF_INET6, ip, &addr) == 1;
}

/* Reads "host:port" into out; 0 or -1. fallback: the default port; 0: a port is required. */
static int address_read(const char *text, size_t len, int fallback,
                        char out[DIRECTORY_ADDRESS_SIZE])
{
    const char *end = len > 0 && text[0] == '[' ? memchr(text, ']', len) : NULL;
    size_t host = end != NULL ? (size_t)(end - text) + 1 : 0;
    int64_t port = fallback;
    char digits[8];

    if (end == NULL)
        while (host < len && text[host] != ':')
            host++;
    if (!is_name(text, host) && !is_v6(text, host))
        return -1;
    if (host < len && (text[host] != ':' ||
                       str_copy_n(digits, sizeof(digits), text + host + 1, len - host - 1) != 0 ||
                       str_to_i64(digits, 1, 65535, &port) != 0))
        return -1;
    if (port == 0)
        return -1;
    return str_format(out, DIRECTORY_ADDRESS_SIZE, "%.*s:%d", (int)host, text, (int)port);
}

int directory_place_is(const struct directory_place *a, const struct directory_place *b)
{
    return str_ieq(a->rtmp, b->rtmp);
}

/* ---- values ---- */

static const char *or_none(const char *address)
{
    return address[0] != '\0' ? address : NONE;
}

void directory_place_write(const struct directory_place *place, const char *mark,
                           char out[DIRECTORY_VALUE_SIZE], size_t *own_len)
{
    int rc = str_format(out, DIRECTORY_VALUE_SIZE, VERSION " %s %s %s %s", place->rtmp,
                        or_none(place->http), or_none(place->https), mark);

    assert(rc == 0 && place->rtmp[0] != '\0' && strlen(mark) < DIRECTORY_MARK_SIZE);
    (void)rc;
    *own_len = strlen(VERSION) + 1 + strlen(place->rtmp) + 1;
}

/* The length of the next word, which ends at one space or at the end. */
static size_t word_len(const char *text, size_t len)
{
    const char *space = memchr(text, ' ', len);

    return space != NULL ? (size_t)(space - text) : len;
}

static int is_mark(const char *text, size_t len)
{
    if (len == 0 || len >= DIRECTORY_MARK_SIZE)
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]))
            return 0;
    return 1;
}

int directory_place_parse(struct directory_place *place, const char *text, size_t len)
{
    char *const address[] = {place->rtmp, place->http, place->https};
    size_t word = word_len(text, len);

    memset(place, 0, sizeof(*place));
    if (len >= DIRECTORY_VALUE_SIZE || word != strlen(VERSION) || memcmp(text, VERSION, word) != 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        if (word == len)
            return -1;
        text += word + 1;
        len -= word + 1;
        word = word_len(text, len);
        if (i > 0 && word == strlen(NONE) && memcmp(text, NONE, word) == 0)
            continue;
        if (address_read(text, word, 0, address[i]) != 0)
            return -1;
    }
    return word < len && is_mark(text + word + 1, len - word - 1) ? 0 : -1;
}

/* ---- this server's own entry ---- */

/* The part of a word of advertise after the schema, and the schema's default port. */
static const char *word_address(const char *word, int *which, int *port)
{
    static const char *const schemas[] = {"rtmp://", "http://", "https://"};
    static const int ports[] = {1935, 80, 443};

    for (int i = 0; i < 3; i++) {
        if (!str_starts(word, schemas[i]))
            continue;
        *which = i;
        *port = ports[i];
        return word + strlen(schemas[i]);
    }
    *which = -1;
    *port = 1935;
    return word;
}

int directory_place_check(const char *word, const char **why)
{
    char address[DIRECTORY_ADDRESS_SIZE];
    const char *text;
    int which;
    int port;

    text = word_address(word, &which, &port);
    *why = "the advertised address must be host, host:port, rtmp://host:port, http://host:port or "
           "https://host:port";
    return address_read(text, strlen(text), port, address);
}

/* The first listener that other servers can reach: its port at its own address, or else at host. */
static void place_listener(const struct config_strings *listen, const char *host,
                           char out[DIRECTORY_ADDRESS_SIZE])
{
    for (int i = 0; i < listen->count && out[0] == '\0'; i++) {
        const char *word = listen->item[i];
        const char *colon = strrchr(word, ':');
        size_t len = colon != NULL ? (size_t)(colon - word) : 0;
        char text[DIRECTORY_ADDRESS_SIZE];
        int is_any = len == 0 || (len == 1 && *word == '*') ||
                     (len == 7 && memcmp(word, "0.0.0.0", len) == 0) ||
                     (len == 4 && memcmp(word, "[::]", len) == 0);

        if (str_starts(word, "unix:"))
            continue;
        if (str_format(text, sizeof(text), "%.*s:%s", is_any ? (int)strlen(host) : (int)len,
                       is_any ? host : word, colon != NULL ? colon + 1 : word) != 0 ||
            address_read(text, strlen(text), 0, out) != 0)
            out[0] = '\0';
    }
}

int directory_place_own(struct directory_place *place, const struct config *config,
                        const struct config_strings *advertise, const char *own_ip)
{
    char *const address[] = {place->rtmp, place->http, place->https};
    char host[DIRECTORY_ADDRESS_SIZE];
    int is_v6_ip = strchr(own_ip, ':') != NULL;

    memset(place, 0, sizeof(*place));
    (void)str_format(host, sizeof(host), "%s%s%s", is_v6_ip ? "[" : "", own_ip,
                     is_v6_ip ? "]" : "");
    for (int i = 0; i < advertise->count; i++) {
        const char *word = advertise->item[i];
        int which;
        int port;
        const char *text = word_address(word, &which, &port);
        int has_port = strchr(text[0] == '[' ? text + strcspn(text, "]") : text, ':') != NULL;

        if (which >= 0 || has_port)
            (void)address_read(text, strlen(text), port, address[which >= 0 ? which : 0]);
        else
            (void)str_copy(host, sizeof(host), text);
    }
    if (place->rtmp[0] == '\0')
        place_listener(&config->listen, host, place->rtmp);
    if (place->http[0] == '\0' && config->http_server.enabled)
        place_listener(&config->http_server.listen, host, place->http);
    if (place->https[0] == '\0' && config->http_server.enabled && config->http_server.https.enabled)
        place_listener(&config->http_server.https.listen, host, place->https);
    return place->rtmp[0] != '\0' ? 0 : -1;
}
