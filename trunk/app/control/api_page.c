/*
 * Thousands of numbers are sorted in less than a millisecond, which is why keys are numbers.
 */
#include "app/control/api_page.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int api_page_init(struct api_page *page, size_t room)
{
    page->count = 0;
    page->cap = room;
    page->key = calloc(room + 1, sizeof(*page->key));
    return page->key != NULL ? 0 : -1;
}

void api_page_fini(struct api_page *page)
{
    free(page->key);
    page->key = NULL;
    page->count = 0;
}

void api_page_add(struct api_page *page, uint64_t key)
{
    if (page->count < page->cap)
        page->key[page->count++] = key;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void api_page_bound(struct api_page *page, int has_after, uint64_t after, uint64_t upto)
{
    size_t kept = 0;

    for (size_t i = 0; i < page->count; i++)
        if ((!has_after || page->key[i] > after) && page->key[i] <= upto)
            page->key[kept++] = page->key[i];
    page->count = kept;
}

void api_page_cut(struct api_page *page, size_t start, size_t count)
{
    qsort(page->key, page->count, sizeof(*page->key), compare);
    if (start > page->count)
        start = page->count;
    if (count > page->count - start)
        count = page->count - start;
    memmove(page->key, page->key + start, count * sizeof(*page->key));
    page->count = count;
}

int api_page_find(const struct api_page *page, size_t at, uint64_t key)
{
    size_t count = page->count - at < API_PAGE_PART ? page->count - at : API_PAGE_PART;
    const uint64_t *found;

    assert(at <= page->count);
    found = bsearch(&key, page->key + at, count, sizeof(key), compare);
    return found != NULL ? (int)(found - (page->key + at)) : -1;
}
