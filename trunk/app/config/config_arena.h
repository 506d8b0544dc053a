#ifndef APP_CONFIG_CONFIG_ARENA_H
#define APP_CONFIG_CONFIG_ARENA_H

/* The memory of a configuration snapshot. Never yields. */
#include <stddef.h>

/* The memory of a snapshot, all freed at once. */
struct config_arena {
    struct config_piece *pieces;
};

/* Zeroed bytes, aligned for pointers and integers; NULL if out of memory. */
void *config_arena_alloc(struct config_arena *arena, size_t size);
char *config_arena_string(struct config_arena *arena, const char *text);
void config_arena_fini(struct config_arena *arena);

#endif
