/*
 * Conditional requests and byte ranges, RFC 9110 sections 13 and 14. Malformed headers are ignored,
 * as these sections require: the answer is then the whole file, which is always correct. Multipart
 * answers to several ranges are not supported: no player asks for them, and a list of thousands of
 * ranges is a known denial-of-service attack.
 */
#include "proto/http_condition.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- dates ---- */

int http_condition_date_format(int64_t seconds, char out[HTTP_DATE_SIZE])
{
    time_t time = (time_t)seconds;
    struct tm tm;

    /* The process stays in the C locale, so the names are English. */
    if (gmtime_r(&time, &tm) == NULL || tm.tm_year > 9999 - 1900 || tm.tm_year < 0 ||
        strftime(out, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0) {
        out[0] = '\0';
        return -1;
    }
    return 0;
}

int http_condition_date_parse(const char *text, int64_t *seconds)
{
    static const char *const formats[] = {
        "%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
        "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
        "%a %b %e %H:%M:%S %Y",      /* asctime() */
    };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct tm tm;
        const char *end;

        memset(&tm, 0, sizeof(tm));
        end = strptime(text, formats[i], &tm);
        if (end != NULL && *end == '\0') {
            *seconds = (int64_t)timegm(&tm);
            return 0;
        }
    }
    return -1;
}

/* ---- conditions ---- */

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

int http_condition_etag_listed(const char *list, const char *etag, int weak)
{
    size_t len = strlen(etag);
    const char *p = skip_space(list);

    if (p[0] == '*' && *skip_space(p + 1) == '\0')
        return 1;
    while (*p != '\0') {
        int is_weak = p[0] == 'W' && p[1] == '/';
        const char *end;

        if (*p == ',' || *p == ' ' || *p == '\t') {
            p++;
            continue;
        }
        p += is_weak ? 2 : 0;
        end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (end == NULL)
            return 0; /* malformed from here on */
        end++;
        if ((!is_weak || weak) && (size_t)(end - p) == len && memcmp(p, etag, len) == 0)
            return 1;
        p = end;
    }
    return 0;
}

/* Whether the file was modified after the date in this header; -1 without a header or a valid date.
 */
static int is_modified_since(const struct http_message *request, const char *name, int64_t modified)
{
    const char *value = http_message_header(request, name);
    int64_t date;

    if (value == NULL || http_condition_date_parse(value, &date) != 0)
        return -1;
    return modified > date;
}

int http_condition(const struct http_message *request, const struct http_validators *validators)
{
    const char *match = http_message_header(request, "If-Match");
    const char *none_match = http_message_header(request, "If-None-Match");

    if (match != NULL && !http_condition_etag_listed(match, validators->etag, 0))
        return 412;
    if (match == NULL &&
        is_modified_since(request, "If-Unmodified-Since", validators->modified) == 1)
        return 412;
    if (none_match != NULL)
        return http_condition_etag_listed(none_match, validators->etag, 1) ? 304 : 0;
    return is_modified_since(request, "If-Modified-Since", validators->modified) == 0 ? 304 : 0;
}

/* ---- ranges ---- */

/* Parses digits; a number that is too large becomes UINT64_MAX. Returns what follows; NULL without
 * digits. */
static const char *number_parse(const char *p, uint64_t *out)
{
    const char *begin = p;

    for (*out = 0; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');

        *out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *out * 10 + digit;
    }
    return p != begin ? p : NULL;
}

/* "-n": the last n bytes. */
static enum http_range_status suffix_parse(const char *p, uint64_t size, struct http_range *out)
{
    uint64_t n = 0;

    p = number_parse(p, &n);
    if (p == NULL || *skip_space(p) != '\0')
        return HTTP_RANGE_WHOLE;
    if (n == 0 || size == 0)
        return HTTP_RANGE_BEYOND;
    out->len = n < size ? n : size;
    out->first = size - out->len;
    return HTTP_RANGE_PART;
}

enum http_range_status http_condition_range_parse(const char *value, uint64_t size,
                                                  struct http_range *out)
{
    uint64_t last = UINT64_MAX;
    const char *p;

    if (strncasecmp(value, "bytes", 5) != 0)
        return HTTP_RANGE_WHOLE;
    p = skip_space(value + 5);
    if (*p++ != '=')
        return HTTP_RANGE_WHOLE;
    p = skip_space(p);
    if (*p == '-')
        return suffix_parse(p + 1, size, out);
    p = number_parse(p, &out->first);
    if (p == NULL || *p++ != '-')
        return HTTP_RANGE_WHOLE;
    if (*p >= '0' && *p <= '9')
        p = number_parse(p, &last);
    if (*skip_space(p) != '\0' || last < out->first)
        return HTTP_RANGE_WHOLE;
    if (out->first >= size)
        return HTTP_RANGE_BEYOND;
    if (last > size - 1)
        last = size - 1;
    out->len = last - out->first + 1;
    return HTTP_RANGE_PART;
}

/* Whether If-Range still names this file. Section 13.1.5: a strong match, or the exact date. */
static int if_range_holds(const struct http_message *request,
                          const struct http_validators *validators)
{
    const char *value = http_message_header(request, "If-Range");
    int64_t date;

    if (value == NULL)
        return 1;
    if (*value == '"')
        return strcmp(value, validators->etag) == 0;
    return http_condition_date_parse(value, &date) == 0 && date == validators->modified;
}

enum http_range_status http_condition_range_of(const struct http_message *request,
                                               const struct http_validators *validators,
                                               uint64_t size, struct http_range *out)
{
    const char *value = http_message_header(request, "Range");
    size_t count = 0;

    assert(out != NULL);
    for (size_t i = 0; i < request->header_count; i++)
        count += str_ieq(request->headers[i].name, "Range") != 0;
    if (count != 1 || strcmp(request->method, "GET") != 0 || !if_range_holds(request, validators))
        return HTTP_RANGE_WHOLE;
    return http_condition_range_parse(value, size, out);
}
