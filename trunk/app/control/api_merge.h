#ifndef APP_CONTROL_API_MERGE_H
#define APP_CONTROL_API_MERGE_H

/*
 * The answers of several workers in one: each object once, with the sums of its numbers. Pure.
 */
#include <jansson.h>

struct api_merge {
    const char *name;        /* of the address, and of its list */
    const char *single;      /* one object of it, or "data" */
    const char *const *sums; /* "clients", "kbps.recv_30s", …; ends with NULL */
    int is_paged;            /* the list is long: it is gathered page by page */
};

/* NULL: an answer of which one worker knows all. */
const struct api_merge *api_merge_find(const char *name);

/* Adds what another worker says about the same object. */
void api_merge_add(const struct api_merge *merge, json_t *to, const json_t *from);

#endif
