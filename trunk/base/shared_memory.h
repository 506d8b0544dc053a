#ifndef BASE_SHARED_MEMORY_H
#define BASE_SHARED_MEMORY_H

/*
 * Memory that several processes share, as regions of one memory file (memfd_create(2)). Forked
 * children inherit the mappings. A program that has replaced this one by execve(2) has only the
 * descriptor: it opens the file and requests the same regions in the same order.
 *
 *      page 0: head │ region 0 │ region 1 │ …       each region begins at a page
 *              kind and size of each region
 *
 * A region has a kind: a number that its owner computes from everything that determines its layout
 * (sizes of its structs). A program that requests another kind gets no memory, so two programs
 * never interpret the same bytes differently. Memory is used on demand. Never yields.
 */
#include <stddef.h>
#include <stdint.h>

struct shared_memory;

#define SHARED_MEMORY_REGIONS_MAX 64

/* A new file without regions. NULL, with errno. */
struct shared_memory *shared_memory_new(void);
/* Opens the file that another program has made; takes the descriptor over, also on error. NULL: it
 * is not such a file. */
struct shared_memory *shared_memory_open(int fd);
/* Closes the descriptor; regions stay mapped until their owners unmap them. NULL is allowed. */
void shared_memory_free(struct shared_memory *memory);

/* The descriptor, which is closed on exec and still belongs to the memory. */
int shared_memory_fd(const struct shared_memory *memory);
/* Whether the regions are another program's, and have contents. */
int shared_memory_is_opened(const struct shared_memory *memory);
/* Whether all regions of an opened file have been mapped. */
int shared_memory_is_complete(const struct shared_memory *memory);

/*
 * Maps the next region. In a new file it is *bytes long and zeroed; in an opened one its contents
 * are kept, and *bytes is set to its length. memory NULL: the region is shared with forked children
 * only. The caller unmaps it (munmap(2)). NULL without memory, or if the opened file has another
 * kind of region here.
 */
void *shared_memory_map(struct shared_memory *memory, uint64_t kind, size_t *bytes);

/* Combines two numbers into one that is different for different pairs, in practice. */
uint64_t shared_memory_kind(uint64_t a, uint64_t b);

#endif
