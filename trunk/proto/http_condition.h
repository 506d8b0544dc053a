#ifndef PROTO_HTTP_CONDITION_H
#define PROTO_HTTP_CONDITION_H

/* Conditional requests and byte ranges, RFC 9110 sections 13 and 14. Pure. */
#include "proto/http.h"

#define HTTP_DATE_SIZE 32 /* "Sun, 06 Nov 1994 08:49:37 GMT", terminator included */

/* An IMF-fixdate of seconds since 1970. 0, or -1 for a time without one; then out is "". */
int http_date_format(int64_t seconds, char out[HTTP_DATE_SIZE]);

/* Any of the three forms of section 5.6.7. 0 or -1. */
int http_date_parse(const char *text, int64_t *seconds);

/* What is known of the file that a request is about. */
struct http_validators {
    const char *etag; /* strong, with its quotes */
    int64_t modified; /* seconds since 1970 */
};

/* True when the list of If-Match or If-None-Match names etag, or is "*". weak: W/ does not count.
 */
int http_etag_listed(const char *list, const char *etag, int weak);

/* Section 13.2.2, for GET and HEAD: 0 go on, 304, or 412. */
int http_condition(const struct http_message *request, const struct http_validators *validators);

struct http_range {
    uint64_t first, len;
};

enum http_range_status {
    HTTP_RANGE_WHOLE, /* none asked for, or one that is passed over: the whole file, 200 */
    HTTP_RANGE_PART,  /* 206 */
    HTTP_RANGE_BEYOND /* 416 */
};

/*
 * The value of a Range header against a file of `size` bytes. One range is served; of several the
 * whole is, as section 14.2 allows; what is malformed or counts in other units is passed over.
 */
enum http_range_status http_range_parse(const char *value, uint64_t size, struct http_range *out);

/* The same for a request: Range is looked at for GET alone, and only if If-Range agrees. */
enum http_range_status http_range_of(const struct http_message *request,
                                     const struct http_validators *validators, uint64_t size,
                                     struct http_range *out);

#endif
