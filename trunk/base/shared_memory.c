/*
 * The head is written before the descriptor is passed on, and checked when it comes back: offsets
 * and lengths must lie within the file. A process that has the descriptor can write the memory, and
 * is trusted with its contents.
 */
#include "base/shared_memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_NAME "millrace-shared"
/* Of this file's own layout. */
#define MEMORY_MAGIC UINT64_C(0x31656361726c6c69)

struct memory_region {
    uint64_t kind;
    uint64_t at, bytes;
};

struct memory_head {
    uint64_t magic;
    uint64_t end; /* where the next region begins */
    uint64_t count;
    struct memory_region region[SHARED_MEMORY_REGIONS_MAX];
};

struct shared_memory {
    struct memory_head *head;
    int fd;
    int is_opened;
    uint64_t next; /* the region to be mapped next */
};

static size_t to_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

static struct shared_memory *memory_make(int fd, int is_opened)
{
    struct shared_memory *memory = calloc(1, sizeof(*memory));
    void *head = MAP_FAILED;

    if (memory != NULL && fd >= 0)
        head = mmap(NULL, sizeof(*memory->head), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (head == MAP_FAILED) {
        if (fd >= 0)
            close(fd);
        free(memory);
        return NULL;
    }
    memory->head = head;
    memory->fd = fd;
    memory->is_opened = is_opened;
    return memory;
}

struct shared_memory *shared_memory_new(void)
{
    size_t first = to_pages(sizeof(struct memory_head));
    int fd = memfd_create(MEMORY_NAME, MFD_CLOEXEC);
    struct shared_memory *memory;

    if (fd >= 0 && ftruncate(fd, (off_t)first) != 0) {
        close(fd);
        return NULL;
    }
    memory = memory_make(fd, 0);
    if (memory == NULL)
        return NULL;
    memory->head->magic = MEMORY_MAGIC;
    memory->head->end = first;
    return memory;
}

/* Whether every region lies within the file. */
static int head_is_good(const struct memory_head *head, uint64_t size)
{
    if (head->magic != MEMORY_MAGIC || head->count > SHARED_MEMORY_REGIONS_MAX || head->end > size)
        return 0;
    for (uint64_t i = 0; i < head->count; i++) {
        const struct memory_region *region = &head->region[i];

        if (region->bytes == 0 || region->at > size || region->bytes > size - region->at)
            return 0;
    }
    return 1;
}

struct shared_memory *shared_memory_open(int fd)
{
    struct shared_memory *memory;
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;

    if (size < (off_t)sizeof(struct memory_head)) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    memory = memory_make(fd, 1);
    if (memory != NULL && !head_is_good(memory->head, (uint64_t)size)) {
        shared_memory_free(memory);
        return NULL;
    }
    return memory;
}

void shared_memory_free(struct shared_memory *memory)
{
    if (memory == NULL)
        return;
    (void)munmap(memory->head, sizeof(*memory->head));
    close(memory->fd);
    free(memory);
}

int shared_memory_fd(const struct shared_memory *memory)
{
    return memory->fd;
}

int shared_memory_is_opened(const struct shared_memory *memory)
{
    return memory != NULL && memory->is_opened;
}

int shared_memory_is_complete(const struct shared_memory *memory)
{
    return memory->next == memory->head->count;
}

/* Adds a region at the file's end. 0 or -1. */
static int region_add(const struct shared_memory *memory, uint64_t kind, size_t bytes)
{
    struct memory_head *head = memory->head;
    uint64_t end = head->end + to_pages(bytes);

    if (head->count == SHARED_MEMORY_REGIONS_MAX || ftruncate(memory->fd, (off_t)end) != 0)
        return -1;
    head->region[head->count++] =
        (struct memory_region){.kind = kind, .at = head->end, .bytes = bytes};
    head->end = end;
    return 0;
}

void *shared_memory_map(struct shared_memory *memory, uint64_t kind, size_t *bytes)
{
    const struct memory_region *region;
    void *at = MAP_FAILED;

    if (memory == NULL) {
        at = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
        return at != MAP_FAILED ? at : NULL;
    }
    if (!memory->is_opened && region_add(memory, kind, *bytes) != 0)
        return NULL;
    if (memory->next >= memory->head->count)
        return NULL;
    region = &memory->head->region[memory->next];
    if (region->kind != kind)
        return NULL;
    memory->next++;
    *bytes = (size_t)region->bytes;
    at = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, (off_t)region->at);
    return at != MAP_FAILED ? at : NULL;
}

/* The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
 */
uint64_t shared_memory_kind(uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) + b;

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
