#ifndef APP_RECORD_RECORD_SEARCH_H
#define APP_RECORD_RECORD_SEARCH_H

/* Files that were not finished. Makes system calls: for a helper thread (co/offload.h). */
#include "app/record/record_path.h"

#include <stddef.h>
#include <stdint.h>

#define RECORD_ROOTS_MAX 64
/* What one search looks at, and what it finishes. */
#define RECORD_ENTRIES_MAX 200000
#define RECORD_FOUND_MAX   1000

struct record_found {
    struct record_found *next;
    char path[RECORD_PATH_MAX];
    char *name; /* "vhost/app/stream" */
    uint64_t size;
    int64_t duration_ms;
};

struct record_search {
    int count;
    struct {
        char path[RECORD_PATH_MAX];
        int depth;
    } root[RECORD_ROOTS_MAX];
    struct record_found *found;
    size_t found_count;
    size_t entries;
    int is_cut; /* a limit was reached */
};

/* Finishes the files of processes that have ended, in these folders: those nobody has locked. */
void record_search_run(void *arg);
void record_search_free(void *arg);

#endif
