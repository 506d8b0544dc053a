#ifndef APP_CONFIG_CONFIG_ARENA_H
#define APP_CONFIG_CONFIG_ARENA_H

/* The memory of a configuration snapshot, which may contain secrets. Never yields. */
#include <stddef.h>

struct config_slab;

/* All freed, and wiped, at once. */
struct config_arena {
    struct config_slab *slabs;
};

/* Zeroed bytes, aligned for pointers and integers; NULL if out of memory. */
void *config_arena_alloc(struct config_arena *arena, size_t size);
/* A copy of bytes, with a terminator; of a text. */
char *config_arena_copy(struct config_arena *arena, const char *text, size_t len);
char *config_arena_string(struct config_arena *arena, const char *text);
void config_arena_fini(struct config_arena *arena);

#endif
