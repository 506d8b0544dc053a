/*
 * MADV_DONTDUMP of madvise(2) keeps the pages out of core files, of the kernel's and of debuggers'.
 * It is advice: where it fails, the memory is as good as any.
 */
#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* In front of the bytes, and as long as their alignment asks for. */
union secret_head {
    size_t size; /* of the whole mapping */
    max_align_t align;
};

void *secret_new(size_t size)
{
    union secret_head *head;

    if (size > SIZE_MAX - sizeof(*head))
        return NULL;
    size += sizeof(*head);
    head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (head == MAP_FAILED)
        return NULL;
    (void)madvise(head, size, MADV_DONTDUMP);
    head->size = size;
    return head + 1;
}

char *secret_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = secret_new(size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void secret_free(void *bytes)
{
    union secret_head *head;
    size_t size;

    if (bytes == NULL)
        return;
    head = (union secret_head *)bytes - 1;
    size = head->size;
    explicit_bzero(head, size);
    (void)munmap(head, size);
}
