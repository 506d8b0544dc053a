#ifndef APP_CONFIG_CONFIG_COMPARE_H
#define APP_CONFIG_CONFIG_COMPARE_H

/* The command line's --diff: two configurations, of which one may be a running server's. */
#include "app/config/config.h"
#include "app/config/config_diff.h"
#include "base/buf.h"

/*
 * Compares what the options' --diff names with *config: another file, or a running server's
 * configuration. A reload reads the file with the environment of that server: so does this, and
 * replaces *config. May change the folder. Appends the changes to out.
 */
struct err *config_compare(const struct config_options *options, char **environment,
                           struct config **config, struct buf *out, struct config_diff *count);

#endif
