/*
 * What comes out of the directory, and where it is: a value that is accepted is written again as
 * the same, and its addresses are host and port and nothing else; an address of a Redis that is
 * accepted shows no password. The input's first line is one, the rest the other.
 */
#include "app/config/directory_place.h"
#include "app/config/directory_url.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const char *address)
{
    char host[256];
    int port = 0;

    assert(strpbrk(address, " \t\r\n/?#@%\\\"") == NULL);
    assert(url_authority_parse(address, strlen(address), host, sizeof(host), &port) == 0);
    assert(host[0] != '\0' && port > 0 && port <= 65535);
}

static void check_value(const char *text, size_t len)
{
    struct directory_place place, back;
    char value[DIRECTORY_VALUE_SIZE];
    size_t own = 0;

    if (directory_place_parse(&place, text, len) != 0)
        return;
    check_address(place.rtmp);
    if (place.http[0] != '\0')
        check_address(place.http);
    if (place.https[0] != '\0')
        check_address(place.https);
    directory_place_write(&place, "abc", value, &own);
    assert(own < strlen(value));
    assert(directory_place_parse(&back, value, strlen(value)) == 0);
    assert(memcmp(&place, &back, sizeof(place)) == 0 && directory_place_is(&place, &back));
}

static void check_url(const char *text)
{
    struct directory_url url;
    char shown[300], masked[4096];
    const char *why = NULL;

    directory_url_mask(text, masked, sizeof(masked));
    if (directory_url_parse(&url, text, &why) != 0) {
        assert(why != NULL);
        return;
    }
    assert(url.host[0] != '\0' && url.port > 0 && url.port <= 65535 && url.db >= 0);
    directory_url_show(&url, shown, sizeof(shown));
    assert(strchr(shown, '@') == NULL);
    if (url.password[0] != '\0' && masked[0] != '\0')
        assert(strstr(masked, ":" DIRECTORY_URL_MASK "@") != NULL);
}

/* The words of a text; it is cut. */
static struct config_strings words(char *text, char *items[8])
{
    struct config_strings out = {0, items};
    char *rest = NULL;

    for (char *word = strtok_r(text, " ", &rest); word != NULL && out.count < 8;
         word = strtok_r(NULL, " ", &rest))
        items[out.count++] = word;
    return out;
}

/* This server's own entry, of any words that are accepted and any listeners. */
static void check_own(const char *advertised, const char *listeners)
{
    static const char *const ips[] = {"192.0.2.1", "2001:db8::1", ""};
    static struct config config;
    char *copy = strdup(advertised);
    char *listen = strdup(listeners);
    char *items[8], *addresses[8];
    struct config_strings advertise = words(copy, items);
    struct directory_place place;
    const char *why;
    int is_good = 1;

    config.listen = words(listen, addresses);
    config.http_server.enabled = config.http_server.https.enabled = 1;
    config.http_server.listen = config.http_server.https.listen = config.listen;
    for (int i = 0; i < advertise.count; i++)
        is_good &= directory_place_check(advertise.item[i], &why) == 0;
    for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]) && is_good; i++) {
        if (directory_place_own(&place, &config, &advertise, ips[i]) != 0)
            continue;
        check_address(place.rtmp);
        if (place.http[0] != '\0')
            check_address(place.http);
        if (place.https[0] != '\0')
            check_address(place.https);
    }
    free(copy);
    free(listen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    const char *why;
    char *end;

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_value(text, size);
    end = strchr(text, '\n');
    if (end != NULL)
        *end = '\0';
    check_url(text);
    (void)directory_place_check(text, &why);
    check_own(text, end != NULL ? end + 1 : "1935");
    if (end != NULL)
        check_value(end + 1, size - (size_t)(end + 1 - text));
    free(text);
    return 0;
}
