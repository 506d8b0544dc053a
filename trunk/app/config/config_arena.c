/*
 * Memory that lives as long as a snapshot: values are allocated one by one while the configuration
 * is loaded, and are all freed together. Some of them are keys and passwords, so all of it is
 * memory for secrets (base/secret.h), in slabs.
 */
#include "app/config/config_arena.h"

#include "base/secret.h"

#include <stdint.h>
#include <string.h>

#define SLAB_SIZE ((size_t)64 * 1024)

struct config_slab {
    struct config_slab *next;
    size_t used, size; /* of the bytes */
    max_align_t bytes[];
};

static struct config_slab *slab_new(struct config_arena *arena, size_t size)
{
    size_t room = SLAB_SIZE - sizeof(struct config_slab);
    struct config_slab *slab;

    if (size > room)
        room = size;
    slab = secret_new(sizeof(*slab) + room);
    if (slab == NULL)
        return NULL;
    slab->size = room;
    /* A slab that one large value fills follows the current one, which still has room. */
    if (arena->slabs != NULL && size > SLAB_SIZE / 2) {
        slab->next = arena->slabs->next;
        arena->slabs->next = slab;
    } else {
        slab->next = arena->slabs;
        arena->slabs = slab;
    }
    return slab;
}

void *config_arena_alloc(struct config_arena *arena, size_t size)
{
    struct config_slab *slab = arena->slabs;
    void *bytes;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (slab == NULL || slab->size - slab->used < size)
        slab = slab_new(arena, size);
    if (slab == NULL)
        return NULL;
    bytes = (char *)slab->bytes + slab->used;
    slab->used += size;
    return bytes;
}

char *config_arena_copy(struct config_arena *arena, const char *text, size_t len)
{
    char *copy = config_arena_alloc(arena, len + 1);

    if (copy != NULL)
        memcpy(copy, text, len);
    return copy;
}

char *config_arena_string(struct config_arena *arena, const char *text)
{
    return config_arena_copy(arena, text, strlen(text));
}

void config_arena_fini(struct config_arena *arena)
{
    while (arena->slabs != NULL) {
        struct config_slab *slab = arena->slabs;

        arena->slabs = slab->next;
        secret_free(slab);
    }
}
