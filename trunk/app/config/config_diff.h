#ifndef APP_CONFIG_CONFIG_DIFF_H
#define APP_CONFIG_CONFIG_DIFF_H

/*
 * What differs between two configurations, directive by directive, by the table. Never yields.
 */
#include "app/config/config.h"
#include "base/buf.h"

struct config_diff {
    int changes;             /* directives, and vhosts that were added or removed */
    int restarts;            /* of these, directives that a reload does not apply */
    char restart_names[256]; /* "workers, pid"; cut at its size */
};

/*
 * Appends a line for each value that differs, "-directive before;" and "+directive now;", with the
 * blocks around it; secrets are masked. A vhost that only one of the two has: a line for it, and
 * for each of its values that is not the default. 0 or -1; *count is set in any case.
 */
int config_diff(const struct config *before, const struct config *config, struct buf *out,
                struct config_diff *count) ERR_MUST_CHECK;

/* Sets the directives that a reload does not apply to their values in `before`: config is then what
 * is in effect after the reload. ERR_NOMEM. */
struct err *config_diff_keep(struct config *config, const struct config *before);

/* Whether the two vhosts have the same values in this block ("play", "cluster"). */
int config_diff_has_same(const struct config_vhost *before, const struct config_vhost *vhost,
                         const char *block);

/* The vhost with exactly this name that is enabled; NULL: none. */
const struct config_vhost *config_diff_vhost(const struct config *config, const char *name);

#endif
