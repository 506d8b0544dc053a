#ifndef BASE_SECRET_H
#define BASE_SECRET_H

/*
 * Memory for keys, passwords and texts that contain them: it is left out of core files, and wiped
 * before it goes back to the system. Whole pages: for few, large pieces. Never yields.
 */
#include <stddef.h>

/* Zeroed bytes, aligned for any type; NULL without memory. */
void *secret_new(size_t size);
/* A copy of a text; NULL without memory. */
char *secret_copy(const char *text);
/* NULL is allowed. */
void secret_free(void *bytes);

#endif
