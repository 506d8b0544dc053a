#ifndef APP_CONFIG_CONFIG_ARENA_H
#define APP_CONFIG_CONFIG_ARENA_H

/* The memory that a snapshot of the configuration owns. Never yields. */
#include <stddef.h>

/* Memory of a snapshot, all freed at once. */
struct config_arena {
    struct config_piece *pieces;
};

/* Zeroed bytes, aligned for pointers and integers; NULL without memory. */
void *config_arena_alloc(struct config_arena *arena, size_t size);
char *config_arena_string(struct config_arena *arena, const char *text);
void config_arena_fini(struct config_arena *arena);

#endif
