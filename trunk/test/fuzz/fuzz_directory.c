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
    if (end != NULL)
        check_value(end + 1, size - (size_t)(end + 1 - text));
    free(text);
    return 0;
}
