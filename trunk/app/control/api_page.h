#ifndef APP_CONTROL_API_PAGE_H
#define APP_CONTROL_API_PAGE_H

/*
 * A page of a long list: the keys of its objects in ascending order. A list is built in parts, and
 * objects may end between two of them, so a page holds keys instead of pointers; each part looks
 * its objects up again. Pure.
 */
#include <stddef.h>
#include <stdint.h>

/* Objects that are written without letting other coroutines run. */
#define API_PAGE_PART 64

struct api_page {
    uint64_t *key; /* all objects first, then those of the page */
    size_t count, cap;
};

/* room: how many keys will be added at most. 0, or -1 if out of memory. api_page_fini() frees it
 * in either case. */
int api_page_init(struct api_page *page, size_t room);
void api_page_fini(struct api_page *page);
/* A key beyond the room is left out. */
void api_page_add(struct api_page *page, uint64_t key);
/* Drops the keys that are not above `after` (if has_after) and at most `upto`. */
void api_page_bound(struct api_page *page, int has_after, uint64_t after, uint64_t upto);
/* Sorts the keys and keeps at most count, beginning at index start. */
void api_page_cut(struct api_page *page, size_t start, size_t count);
/* The index of a key among those that begin at index `at`, at most API_PAGE_PART; -1: none. */
int api_page_find(const struct api_page *page, size_t at, uint64_t key);

#endif
