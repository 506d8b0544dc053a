/*
 * The memory budget of one process: resident memory by /proc/self/statm (proc(5)), less the part
 * mapped from files, against the limit. The heap is trimmed because glibc keeps freed memory below
 * any block that is still in use: streams start and end, and the process would keep the memory of
 * their rings.
 */
#include "base/memory.h"

#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Percent of the limit: from SHORT on new clients are refused, until memory use is below EASY. */
#define SHORT_PERCENT 90
#define EASY_PERCENT  85
/* Free memory that is worth a trim, in bytes and as a part of the used memory. */
#define TRIM_MIN        ((size_t)16 * 1024 * 1024)
#define TRIM_MIN_URGENT ((size_t)1024 * 1024)
#define TRIM_PART       8
#define TRIM_PAUSE      (10 * USEC_PER_SEC)
#define TRIM_URGENT     USEC_PER_SEC
#define TRIM_BUSY_PART  4 /* of a processor: above this the process is not idle */
#define CGROUP_ROOT     "/sys/fs/cgroup"
#define CGROUP_LIMIT    "/memory.max"
#define CGROUP_LINE     "0::" /* version 2, in /proc/self/cgroup */

/* A small file's text; "" if it cannot be read. */
static void file_read(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "re");
    size_t n = 0;

    if (file != NULL) {
        n = fread(out, 1, cap - 1, file);
        (void)fclose(file);
    }
    out[n] = '\0';
}

uint64_t memory_parse_statm(const char *text)
{
    unsigned long long field[3]; /* size, resident, shared */

    for (int i = 0; i < 3; i++) {
        char *end;

        field[i] = strtoull(text, &end, 10);
        if (end == text)
            return 0;
        text = end;
    }
    return field[1] > field[2] ? field[1] - field[2] : 0;
}

uint64_t memory_used(void)
{
    char text[128];

    file_read("/proc/self/statm", text, sizeof(text));
    return memory_parse_statm(text) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t memory_parse_limit(const char *text)
{
    unsigned long long limit;
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return UINT64_MAX;
    errno = 0;
    limit = strtoull(text, &end, 10);
    return errno == 0 && (*end == '\n' || *end == '\0') ? limit : UINT64_MAX;
}

static uint64_t limit_at(const char *group)
{
    char path[600];
    char text[64];

    if (str_format(path, sizeof(path), CGROUP_ROOT "%s" CGROUP_LIMIT, group) != 0)
        return UINT64_MAX;
    file_read(path, text, sizeof(text));
    return memory_parse_limit(text);
}

/* The memory available to this process: the machine's, its control group's or the container's. */
static uint64_t memory_there_is(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    uint64_t all = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : UINT64_MAX;
    uint64_t limit = limit_at("");
    char text[512];
    char *end;

    all = limit < all ? limit : all;
    file_read("/proc/self/cgroup", text, sizeof(text));
    end = strchr(text, '\n');
    if (end == NULL || !str_starts(text, CGROUP_LINE))
        return all;
    *end = '\0';
    limit = limit_at(text + strlen(CGROUP_LINE));
    return limit < all ? limit : all;
}

void memory_set_limit(struct memory *memory, uint64_t limit)
{
    memory->limit = limit > 0 ? limit : memory_there_is() / 5 * 4;
}

void memory_init(struct memory *memory, uint64_t limit)
{
    memset(memory, 0, sizeof(*memory));
    memory_set_limit(memory, limit);
    memory->trimmed_at = -TRIM_PAUSE; /* the first trim may come at once */
}

enum memory_level memory_note(struct memory *memory, uint64_t used, uint64_t others)
{
    uint64_t all = used + others;
    uint64_t percent = memory->limit / 100;

    assert(memory->limit > 0);
    memory->used = used;
    memory->others = others;
    if (all >= memory->limit)
        memory->level = MEMORY_OVER;
    else if (all >= percent * SHORT_PERCENT ||
             (memory->level != MEMORY_EASY && all >= percent * EASY_PERCENT))
        memory->level = MEMORY_SHORT;
    else
        memory->level = MEMORY_EASY;
    return memory->level;
}

/* ---- trimming ---- */

/* Whether the process was mostly idle since the last call. */
static int memory_is_idle(struct memory *memory, usec_t now)
{
    usec_t since = now - memory->cpu_at;
    struct timespec time = {0};
    usec_t cpu_time, spent;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    cpu_time = (usec_t)time.tv_sec * USEC_PER_SEC + time.tv_nsec / 1000;
    spent = cpu_time - memory->cpu_time;
    memory->cpu_time = cpu_time;
    memory->cpu_at = now;
    return spent < since / TRIM_BUSY_PART;
}

/* Free bytes of the heap; 0 if the C library cannot report them. */
static size_t memory_free(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    return mallinfo2().fordblks;
#else
    return 0;
#endif
}

usec_t memory_trim_at(const struct memory *memory)
{
    return memory->trimmed_at + TRIM_PAUSE;
}

int memory_trim(struct memory *memory, usec_t now, int is_urgent)
{
    int is_idle = memory_is_idle(memory, now);
    size_t least = is_urgent ? TRIM_MIN_URGENT : TRIM_MIN;
    size_t unused;

    if (now - memory->trimmed_at < (is_urgent ? TRIM_URGENT : TRIM_PAUSE) ||
        (!is_urgent && !is_idle))
        return 0;
    memory->trimmed_at = now;
    unused = memory_free();
    if (unused < least || (!is_urgent && unused < memory->used / TRIM_PART))
        return 0;
#ifdef __GLIBC__
    return malloc_trim(0);
#else
    return 0;
#endif
}
