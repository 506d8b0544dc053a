/*
 * Ranges, lists of tags and dates: a range lies within its file, a date that is read is written
 * and read again as the same, and nothing is looked at beyond its end.
 */
#include "proto/http_condition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(const char *text, uint64_t size)
{
    struct http_range range = {0, 0};

    if (http_condition_range_parse(text, size, &range) != HTTP_RANGE_PART)
        return;
    assert(range.len > 0 && range.first < size && range.len <= size - range.first);
}

/* A request with the input's lines as values of these headers. */
static void check_request(char *text)
{
    static const char *const names[] = {"Range",         "If-Range",          "If-Match",
                                        "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
                                        "Range"};
    static const struct http_validators validators = {"\"a\"", 784111777};
    static struct http_message request;
    struct http_range range = {0, 0};
    char *rest = NULL;
    int status;

    request.header_count = 0;
    memcpy(request.method, *text == 'H' ? "HEAD" : "GET", *text == 'H' ? 5 : 4);
    for (char *line = strtok_r(text, "\n", &rest);
         line != NULL && request.header_count < sizeof(names) / sizeof(names[0]);
         line = strtok_r(NULL, "\n", &rest)) {
        request.headers[request.header_count].name = names[request.header_count];
        request.headers[request.header_count++].value = line;
    }
    status = http_condition(&request, &validators);
    assert(status == 0 || status == 304 || status == 412);
    if (http_condition_range_of(&request, &validators, 1000, &range) == HTTP_RANGE_PART) {
        assert(range.len > 0 && range.first < 1000 && range.len <= 1000 - range.first);
        assert(request.method[0] == 'G');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 2, 1000, UINT64_MAX};
    char *text = malloc(size + 1);
    char date[HTTP_DATE_SIZE];
    int64_t seconds;
    int64_t again;

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_range(text, sizes[i]);
    (void)http_condition_etag_listed(text, "\"a\"", 0);
    assert(!http_condition_etag_listed(text, "\"a\"", 0) ||
           http_condition_etag_listed(text, "\"a\"", 1));
    if (http_condition_date_parse(text, &seconds) == 0 &&
        http_condition_date_format(seconds, date) == 0)
        assert(http_condition_date_parse(date, &again) == 0 && again == seconds);
    check_request(text);
    free(text);
    return 0;
}
