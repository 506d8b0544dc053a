#ifndef APP_CONFIG_CONFIG_LOADER_H
#define APP_CONFIG_CONFIG_LOADER_H

/*
 * A snapshot while it is filled: defaults, then the file's tree, then the
 * environment. Private to config.c, config_snapshot.c, config_tree.c and config_env.c. Never
 * yields.
 */
#include "app/config/config_table.h"
#include "app/config/config_value.h"
#include "base/conf.h"

#define CONFIG_ROWS_MAX     256 /* at least as many as the table has rows */
#define CONFIG_WARNINGS_MAX 256

/* What the file or the environment gave, for one instance of a set of blocks. */
struct config_seen {
    uint8_t row[CONFIG_ROWS_MAX];
    uint8_t block[CONFIG_WHERE_COUNT];
};

struct config_vhost_slot {
    struct config_vhost vhost; /* first */
    struct config_seen seen;
};

struct config_snapshot {
    struct config config; /* first: what the world sees */
    int refs;
    struct config_arena arena;
    struct config_seen seen; /* of what is in no vhost */
    char *warning[CONFIG_WARNINGS_MAX];
    int warning_count;
    int warnings_lost;
};

/* Keeps a warning for config_warnings_log(). */
void config_snapshot_warn(struct config_snapshot *snapshot, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The vhost of this name, made with defaults if there is none. */
struct err *config_snapshot_vhost(struct config_snapshot *snapshot, const char *name,
                                  struct config_vhost_slot **out);

/* Sets the defaults of the server's rows (base: the config), or of a vhost's (base: the vhost). */
struct err *config_snapshot_defaults(struct config_snapshot *snapshot, void *base, int in_vhost);

/* What a parsed file says. Errors name file, line and directive. */
struct err *config_tree_apply(struct config_snapshot *snapshot, const struct conf_tree *tree);

/* What the SRS_… variables of an environ-style array say; errors name the variable. */
struct err *config_env_apply(struct config_snapshot *snapshot, char **environment);

#endif
