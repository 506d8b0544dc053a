#ifndef APP_CONFIG_CONFIG_LOADER_H
#define APP_CONFIG_CONFIG_LOADER_H

/*
 * A snapshot during loading: defaults, then the file's tree, then the environment. Private to
 * config.c, config_diff.c, config_snapshot.c, config_tree.c and config_env.c. Never yields.
 */
#include "app/config/config_source.h"
#include "app/config/config_table.h"
#include "app/config/config_value.h"
#include "base/conf.h"

#define CONFIG_ROWS_MAX     256 /* at least the number of rows of the table */
#define CONFIG_WARNINGS_MAX 256

/* The rows that the file or the environment has set, for one instance of a set of blocks. */
struct config_seen {
    uint8_t row[CONFIG_ROWS_MAX];
    uint8_t block[CONFIG_WHERE_COUNT];
};

struct config_vhost_slot {
    struct config_vhost vhost; /* first */
    struct config_seen seen;
};

struct config_snapshot {
    struct config config; /* first: the public part */
    int refs;
    struct config_source *source;
    struct config_arena arena;
    struct config_seen seen; /* of the directives outside of vhosts */
    char *warning[CONFIG_WARNINGS_MAX];
    int warning_count;
    int warnings_lost;
};

/* Stores a warning for config_warnings_log(). */
void config_snapshot_warn(struct config_snapshot *snapshot, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The vhost with this name, created with defaults if absent. */
struct err *config_snapshot_vhost(struct config_snapshot *snapshot, const char *name,
                                  struct config_vhost_slot **out);

/* Sets the defaults of the server's rows (base: the config), or of a vhost's (base: the vhost). */
struct err *config_snapshot_defaults(struct config_snapshot *snapshot, void *base, int in_vhost);

/* Sets the vhost's values that depend on other directives. */
void config_snapshot_settle_vhost(const struct config *config, struct config_vhost *vhost);

/* Applies a parsed file. Errors name file, line and directive. */
struct err *config_tree_apply(struct config_snapshot *snapshot, const struct conf_tree *tree);

/* Applies the SRS_… variables of an environ-style array. Errors name the variable. */
struct err *config_env_apply(struct config_snapshot *snapshot, char **environment);

#endif
