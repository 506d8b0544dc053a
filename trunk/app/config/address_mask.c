/*
 * Addresses of platforms contain secrets: a stream key in the path, a key or signature in the
 * query, user and password before the host. A dump of the configuration or a line of the log must
 * not be enough to publish there.
 */
#include "app/config/address_mask.h"

#include "app/config/config.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

/* Shorter parts appear in other words, too. */
#define QUOTED_MIN 4

static int put(struct buf *out, const char *from, const char *to)
{
    return to > from ? buf_append(out, from, (size_t)(to - from)) : 0;
}

/* A part that consists of one variable contains no secret. */
static int put_secret(struct buf *out, const char *from, const char *to)
{
    if (to == from || (*from == '[' && memchr(from, ']', (size_t)(to - from)) == to - 1))
        return put(out, from, to);
    return buf_append(out, ADDRESS_MASK, strlen(ADDRESS_MASK));
}

/* The parameters that name a vhost, in the forms that servers of this kind accept. */
static int is_vhost(const char *name, size_t len)
{
    return (len == 5 && memcmp(name, "vhost", 5) == 0) ||
           (len == 6 && memcmp(name, "domain", 6) == 0);
}

/* "a=1&b=2/KEY": hides the whole value, since a key may follow it. */
static int put_query(struct buf *out, const char *p)
{
    while (*p != '\0') {
        const char *end = p + strcspn(p, "&");
        const char *equals = memchr(p, '=', (size_t)(end - p));

        if (equals != NULL && put(out, p, equals + 1) != 0)
            return -1;
        if (equals != NULL && is_vhost(p, (size_t)(equals - p)) &&
            memchr(equals, '/', (size_t)(end - equals)) == NULL) {
            if (put(out, equals + 1, end) != 0)
                return -1;
        } else if (put_secret(out, equals != NULL ? equals + 1 : p, end) != 0) {
            return -1;
        }
        if (*end == '&' && buf_append(out, "&", 1) != 0)
            return -1;
        p = end + (*end == '&');
    }
    return 0;
}

/* The app is the first segment; the segments after it may be a key. */
static int put_path(struct buf *out, const char *p, const char *end, int has_key)
{
    for (int i = 0; p < end; i++) {
        const char *slash = memchr(p + 1, '/', (size_t)(end - p - 1));
        const char *to = slash != NULL ? slash : end;

        if (put(out, p, p + 1) != 0 ||
            (i > 0 && has_key ? put_secret(out, p + 1, to) : put(out, p + 1, to)) != 0)
            return -1;
        p = to;
    }
    return 0;
}

int address_mask(const char *address, int has_key, struct buf *out)
{
    const char *scheme = strstr(address, "://");
    const char *host = scheme != NULL ? scheme + 3 : address;
    const char *path = host + strcspn(host, "/?");
    const char *query = path + strcspn(path, "?");
    const char *at = NULL;

    /* The last '@': a password may contain another one. A slash would end the authority. */
    for (const char *p = host; p < path; p++)
        if (*p == '@')
            at = p;
    if (put(out, address, host) != 0 ||
        (at != NULL && buf_append(out, ADDRESS_MASK, strlen(ADDRESS_MASK)) != 0) ||
        put(out, at != NULL ? at : host, path) != 0 || put_path(out, path, query, has_key) != 0)
        return -1;
    if (*query == '\0')
        return 0;
    return buf_append(out, "?", 1) != 0 ? -1 : put_query(out, query + 1);
}

/* The end of what may be user and password, in which a malformed address may have a '/'. NULL:
 * there is none. */
static const char *user_end(const char *host)
{
    const char *query = host + strcspn(host, "?");
    const char *at = memrchr(host, '@', (size_t)(query - host));

    return at != NULL ? at + 1 : NULL;
}

static int put_text(const char *text, struct buf *out)
{
    const char *scheme = strstr(text, "://");
    const char *host = scheme != NULL ? scheme + 3 : text;
    const char *user = user_end(host);
    const char *query = user != NULL ? user : host;
    const char *path;

    if (put(out, text, host) != 0 ||
        (user != NULL && buf_append(out, ADDRESS_MASK "@", strlen(ADDRESS_MASK "@")) != 0))
        return -1;
    host = query;
    query = host + strcspn(host, "?");
    path = host + strcspn(host, "/?#");
    /* "user:pass?word@host" */
    if (user == NULL && strchr(query, '@') != NULL)
        return buf_append(out, ADDRESS_MASK, strlen(ADDRESS_MASK));
    if (put(out, host, path) != 0)
        return -1;
    if (*path == '#')
        return buf_append(out, ADDRESS_MASK, strlen(ADDRESS_MASK));
    if (put_path(out, path, query, 1) != 0)
        return -1;
    return *query == '\0' ? 0 : buf_append(out, "?", 1) != 0 ? -1 : put_query(out, query + 1);
}

void address_mask_text(const char *text, char *out, size_t cap)
{
    struct buf shown;
    int is_shown;

    assert(cap > strlen(ADDRESS_MASK));
    buf_init(&shown, 4 * strlen(text) + 64);
    is_shown = put_text(text, &shown) == 0 && buf_append(&shown, "", 1) == 0;
    (void)str_copy(out, cap, is_shown ? (const char *)buf_data(&shown) : ADDRESS_MASK);
    buf_fini(&shown);
}

int address_mask_is_quoted(const char *address, const char *text)
{
    static const char ends[] = "/?&=";
    const char *scheme = strstr(address, "://");
    const char *host = scheme != NULL ? scheme + 3 : address;
    char shown[CONFIG_STRING_MAX];
    char part[CONFIG_STRING_MAX];
    size_t len;

    address_mask_text(address, shown, sizeof(shown));
    for (const char *p = host + strcspn(host, "/?"); *p != '\0'; p += len + (p[len] != '\0')) {
        len = strcspn(p, ends);
        if (len >= QUOTED_MIN && str_copy_n(part, sizeof(part), p, len) == 0 &&
            strstr(text, part) != NULL && strstr(shown, part) == NULL)
            return 1;
    }
    return 0;
}

int address_mask_is_in(const char *address)
{
    return strstr(address, ADDRESS_MASK) != NULL;
}
