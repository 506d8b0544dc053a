/*
 * Memory that lives as long as a snapshot: values are allocated one by one while the configuration
 * is loaded, and are all freed together.
 */
#include "app/config/config_arena.h"

#include <stdlib.h>
#include <string.h>

struct config_piece {
    struct config_piece *next;
    max_align_t bytes[];
};

void *config_arena_alloc(struct config_arena *arena, size_t size)
{
    struct config_piece *piece = calloc(1, sizeof(*piece) + size);

    if (piece == NULL)
        return NULL;
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

char *config_arena_string(struct config_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = config_arena_alloc(arena, size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void config_arena_fini(struct config_arena *arena)
{
    while (arena->pieces != NULL) {
        struct config_piece *piece = arena->pieces;

        arena->pieces = piece->next;
        free(piece);
    }
}
