/*
 * A viewer's parameters are passed to the origin, so that the origin can check a token. A parameter
 * that chooses a vhost must not be passed, because the edge has chosen it already. Servers differ
 * in what separates two parameters (SRS also accepts ',', "&&" and "..."), so a name counts after
 * any of these.
 */
#include "proto/url_param.h"

#include "base/bytes.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

/* The next character, unescaped; *p moves past it. */
static char next_decoded(const char **p, const char *end)
{
    char c = *(*p)++;

    if (c == '%' && end - *p >= 2 && str_hex_digit((*p)[0]) >= 0 && str_hex_digit((*p)[1]) >= 0) {
        c = (char)(str_hex_digit((*p)[0]) << 4 | str_hex_digit((*p)[1]));
        *p += 2;
    }
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether the parameter name is at p, followed by its value or by nothing. */
static int begins_with(const char *p, const char *end, const char *name)
{
    for (; *name != '\0'; name++)
        if (p == end || next_decoded(&p, end) != *name)
            return 0;
    return p == end || *p == '=' || (end - p >= 3 && memcmp(p, "...", 3) == 0) ||
           next_decoded(&p, end) == '=';
}

/* Whether one of the names begins in [p, end). */
static int holds_name(const char *p, const char *end, const char *const *names)
{
    int may_begin = 1;
    int dots = 0;

    while (p < end) {
        char c;

        for (size_t i = 0; may_begin && names[i] != NULL; i++)
            if (begins_with(p, end, names[i]))
                return 1;
        c = next_decoded(&p, end);
        dots = c == '.' ? dots + 1 : 0;
        may_begin = dots >= 3 || (c != '\0' && strchr("?&,;#", c) != NULL);
    }
    return 0;
}

int url_param_without(const char *param, const char *const *names, char *out, size_t cap)
{
    struct bytes_out o = bytes_out_of(out, cap);
    const char *separator = "";

    assert(param != NULL && names != NULL && cap > 0);
    while (*param != '\0') {
        const char *end;

        param += strspn(param, "?&");
        end = param + strcspn(param, "&");
        if (end > param && !holds_name(param, end, names)) {
            bytes_put(&o, separator, strlen(separator));
            bytes_put(&o, param, (size_t)(end - param));
            separator = "&";
        }
        param = end;
    }
    bytes_put_u8(&o, '\0');
    if (o.bad)
        out[0] = '\0';
    return o.bad ? -1 : 0;
}

int url_param_pass(const char *param, char *out, size_t cap)
{
    static const char *const own[] = {"vhost",     "domain",    "only",      "track",
                                      "quality",   "start",     "starttime", "startpts",
                                      "audioonly", "onlyaudio", NULL};

    return url_param_without(param, own, out, cap);
}

static int is_query_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("%-._~!$&'()*+,;=:@/?", c) != NULL);
}

int url_param_query_encode(const char *param, char *out, size_t cap)
{
    size_t len = strlen(out);

    for (; *param != '\0'; param++) {
        unsigned char c = (unsigned char)*param;

        if (str_format(out + len, cap - len, is_query_char(c) ? "%c" : "%%%02X", c) != 0)
            return -1;
        len += is_query_char(c) ? 1 : 3;
    }
    return 0;
}
