#ifndef TOOLS_IMPORT_NGINX_NGINX_TEXT_H
#define TOOLS_IMPORT_NGINX_NGINX_TEXT_H

/* The text of an nginx configuration as base/conf.h can read it. Pure. */
#include <stddef.h>

/*
 * A copy of the text, of the same number of lines, in which blocks whose contents follow rules of
 * their own (map, types, geo, Lua, …) are empty, ${name} is [name], and each quote ends on its
 * line. NULL without memory; the caller frees it. *out_len: its length.
 */
char *nginx_text_clean(const char *text, size_t len, size_t *out_len);

#endif
