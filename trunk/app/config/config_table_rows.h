#ifndef APP_CONFIG_CONFIG_TABLE_ROWS_H
#define APP_CONFIG_CONFIG_TABLE_ROWS_H

/*
 * What the files with directive rows share (config_table_*.c), and the list of these files' tables,
 * in printing order. Private to them and config_table.c.
 *
 * A row: name, block and field, type, default, minimum and maximum, choices, environment variable,
 * effect, description; see struct config_row. Names, units and most defaults are those of SRS. The
 * environment variable follows a rule (SRS_ and the path in upper case) and is written out so that
 * it can be searched for; a test checks the rule.
 */
#include "app/config/config_paths.h"
#include "app/config/config_table.h"

#include <stddef.h>
#include <stdint.h>

/* The rows of one file. */
struct config_rows {
    const struct config_row *row;
    size_t count;
};

#define CONFIG_ROWS(rows)                        \
    {                                            \
        (rows), sizeof(rows) / sizeof((rows)[0]) \
    }

extern const struct config_rows config_table_server;
extern const struct config_rows config_table_http;
extern const struct config_rows config_table_api;
extern const struct config_rows config_table_vhost;
extern const struct config_rows config_table_access;
extern const struct config_rows config_table_cluster;
extern const struct config_rows config_table_hooks;
extern const struct config_rows config_table_dvr;
extern const struct config_rows config_table_hls;
extern const struct config_rows config_table_metrics;

#define RESTART CONFIG_AT_START
#define RELOAD  CONFIG_AT_RELOAD

/* The values of a row without a range, and of a row without choices. */
#define NO_RANGE   0, 0
#define NO_CHOICES NULL
/* The range of a path is what the server does there: for the sandbox. */
#define PATH_READ   CONFIG_PATH_READ, 0
#define PATH_SECRET CONFIG_PATH_SECRET, 0
#define PATH_SERVE  CONFIG_PATH_SERVE, 0
#define PATH_STORE  CONFIG_PATH_STORE, 0
#define PATH_LOG    CONFIG_PATH_LOG, 0

#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define HOUR_MS (3600 * (int64_t)1000)

#endif
