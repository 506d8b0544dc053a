#ifndef TOOLS_IMPORT_NGINX_IMPORT_APP_H
#define TOOLS_IMPORT_NGINX_IMPORT_APP_H

/* The directives of one application. Pure. */
#include "tools/import-nginx/import.h"

/*
 * Reads the settings of an application out of the blocks around it and its own: level[0] is the
 * outermost, level[levels - 1] the application. Whether the application is live; if not, it is
 * noted. `out` is empty before.
 */
int import_app_read(struct import *im, const struct conf_node *const level[], int levels,
                    struct import_settings *out);

#endif
