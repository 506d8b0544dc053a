#ifndef BASE_JSON_DEPTH_H
#define BASE_JSON_DEPTH_H

#include <stddef.h>

/* Whether a JSON text nests at most max deep: a parser that recurses needs a stack for each level.
 * Pure. */
int json_depth_fits(const char *text, size_t len, int max);

#endif
