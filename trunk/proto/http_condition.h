#ifndef PROTO_HTTP_CONDITION_H
#define PROTO_HTTP_CONDITION_H

/* Conditional requests and byte ranges, RFC 9110 sections 13 and 14. Pure. */
#include "proto/http.h"

#define HTTP_DATE_SIZE 32 /* "Sun, 06 Nov 1994 08:49:37 GMT", terminator included */

/* An IMF-fixdate of seconds since 1970. 0, or -1 for a time that has none; out is then "". */
int http_condition_date_format(int64_t seconds, char out[HTTP_DATE_SIZE]);

/* Any of the three forms of section 5.6.7. 0 or -1. */
int http_condition_date_parse(const char *text, int64_t *seconds);

/* The validators of the requested file. */
struct http_validators {
    const char *etag; /* strong, with its quotes */
    int64_t modified; /* seconds since 1970 */
};

/* True when the list of If-Match or If-None-Match contains etag, or is "*". weak: a W/ prefix is
 * ignored. */
int http_condition_etag_listed(const char *list, const char *etag, int weak);

/* Section 13.2.2, for GET and HEAD: 0 (continue), 304, or 412. */
int http_condition(const struct http_message *request, const struct http_validators *validators);

struct http_range {
    uint64_t first, len;
};

enum http_range_status {
    HTTP_RANGE_WHOLE, /* no range, or an ignored one: the whole file, 200 */
    HTTP_RANGE_PART,  /* 206 */
    HTTP_RANGE_BEYOND /* 416 */
};

/*
 * The value of a Range header for a file of `size` bytes. One range is served; several are answered
 * with the whole file, as section 14.2 allows; malformed ranges and other units are ignored.
 */
enum http_range_status http_condition_range_parse(const char *value, uint64_t size,
                                                  struct http_range *out);

/* The same for a request: Range is used for GET only, and only if If-Range agrees. */
enum http_range_status http_condition_range_of(const struct http_message *request,
                                               const struct http_validators *validators,
                                               uint64_t size, struct http_range *out);

#endif
