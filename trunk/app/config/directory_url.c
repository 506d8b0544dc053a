/*
 * The directory's address, in the form of Redis' own tools. It may contain a password, so no
 * message repeats any part of the text, and the shown address is composed of the parsed parts.
 */
#include "app/config/directory_url.h"

#include "base/str.h"
#include "proto/url.h"

#include <ctype.h>
#include <string.h>

#define REDIS_PORT   6379
#define REDIS_DB_MAX 65535

/* Decodes %XX. 0, or -1 for a bad escape, a control character, or too much text. */
static int decode(char *out, size_t cap, const char *text, size_t len)
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)text[i];

        if (c == '%') {
            int high = i + 2 < len ? str_hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? str_hex_digit(text[i + 2]) : -1;

            if (low < 0)
                return -1;
            c = high * 16 + low;
            i += 2;
        }
        if (c < ' ' || c == 0x7f || at + 1 >= cap)
            return -1;
        out[at++] = (char)c;
    }
    out[at] = '\0';
    return 0;
}

static int parse_user(struct directory_url *url, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    size_t user_len;

    if (colon == NULL)
        return -1;
    user_len = (size_t)(colon - text);
    if (decode(url->user, sizeof(url->user), text, user_len) != 0 ||
        decode(url->password, sizeof(url->password), colon + 1, len - user_len - 1) != 0)
        return -1;
    return url->password[0] != '\0' ? 0 : -1;
}

/* Allows only characters of names and addresses, so that no other parser reads the host
 * differently. */
static int host_check(const char *host)
{
    if (host[0] == '\0')
        return -1;
    for (const char *p = host; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("-._:", *p) == NULL)
            return -1;
    return 0;
}

static int parse_place(struct directory_url *url, const char *text, const char **why)
{
    size_t len = strcspn(text, "/?#");
    int64_t db = 0;

    *why = "malformed host or port";
    url->port = REDIS_PORT;
    if (len == 0 || text[len - 1] == ':' || memchr(text, '@', len) != NULL ||
        url_authority_parse(text, len, url->host, sizeof(url->host), &url->port) != 0 ||
        url->port <= 0 || host_check(url->host) != 0)
        return -1;
    text += len;
    *why = "only the number of a database may follow the host, such as /0";
    if (*text == '/')
        text++;
    if (*text != '\0' && str_to_i64(text, 0, REDIS_DB_MAX, &db) != 0)
        return -1;
    url->db = (int)db;
    return 0;
}

int directory_url_parse(struct directory_url *url, const char *text, const char **why)
{
    size_t authority;
    const char *at;

    memset(url, 0, sizeof(*url));
    *why = "the address must be redis://[user:password@]host[:port][/db], or rediss:// with TLS";
    url->is_tls = str_starts(text, "rediss://");
    if (!url->is_tls && !str_starts(text, "redis://"))
        return -1;
    text += url->is_tls ? 9 : 8;
    authority = strcspn(text, "/?#");
    /* The last '@': a password may contain an unencoded one. */
    at = memrchr(text, '@', authority);
    *why = "user:password@ or :password@ before the host must have reserved characters encoded "
           "(%40, %2F), and must not be " DIRECTORY_URL_MASK;
    if (at != NULL && (parse_user(url, text, (size_t)(at - text)) != 0 ||
                       strcmp(url->password, DIRECTORY_URL_MASK) == 0))
        return -1;
    return parse_place(url, at != NULL ? at + 1 : text, why);
}

void directory_url_show(const struct directory_url *url, char *out, size_t cap)
{
    int is_v6 = strchr(url->host, ':') != NULL;

    if (str_format(out, cap, "%s://%s%s%s:%d/%d", url->is_tls ? "rediss" : "redis",
                   is_v6 ? "[" : "", url->host, is_v6 ? "]" : "", url->port, url->db) != 0)
        (void)str_copy(out, cap, "redis");
}

void directory_url_mask(const char *text, char *out, size_t cap)
{
    const char *host = strstr(text, "://");
    const char *from = host != NULL ? host + 3 : text;
    size_t authority = strcspn(from, "/?#");
    const char *at = memrchr(from, '@', authority);
    const char *colon = at != NULL ? memchr(from, ':', (size_t)(at - from)) : NULL;
    int rc;

    if (at == NULL)
        rc = str_copy(out, cap, text);
    else if (colon == NULL)
        rc = -1;
    else
        rc = str_format(out, cap, "%.*s:" DIRECTORY_URL_MASK "%s", (int)(colon - text), text, at);
    if (rc != 0 && cap > 0)
        out[0] = '\0';
}
