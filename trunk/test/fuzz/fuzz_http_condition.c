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
    free(text);
    return 0;
}
