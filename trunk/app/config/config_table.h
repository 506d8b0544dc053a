#ifndef APP_CONFIG_CONFIG_TABLE_H
#define APP_CONFIG_CONFIG_TABLE_H

/*
 * The directive table: one row is one directive. Parsing, checks, defaults, environment, -t,
 * conf/full.conf and doc/configuration.md are all generated from it. Private to the config_*.c
 * files and their tests. Never yields.
 */
#include "app/config/config.h"

#include <stddef.h>
#include <stdint.h>

/* A block of the file; CONFIG_AT_ROOT is the file itself. */
enum config_where {
    CONFIG_AT_ROOT,
    CONFIG_AT_RTMPS,
    CONFIG_AT_HTTP_SERVER,
    CONFIG_AT_HTTPS,
    CONFIG_AT_HTTP_PULL,
    CONFIG_AT_HTTP_API,
    CONFIG_AT_API_AUTH,
    CONFIG_AT_API_HTTPS,
    CONFIG_AT_API_RAW,
    CONFIG_AT_EXPORTER,
    CONFIG_AT_HEARTBEAT,
    CONFIG_AT_VHOST, /* vhosts and their blocks may occur several times, by name */
    CONFIG_AT_PLAY,
    CONFIG_AT_PUBLISH,
    CONFIG_AT_HTTP_REMUX,
    CONFIG_AT_HTTP_STATIC,
    CONFIG_AT_SECURITY,
    CONFIG_AT_REFER,
    CONFIG_AT_TOKEN,
    CONFIG_AT_CLUSTER,
    CONFIG_AT_FORWARD,
    CONFIG_AT_HTTP_HOOKS,
    CONFIG_AT_DVR,
    CONFIG_AT_HLS,
    CONFIG_WHERE_COUNT
};

struct config_block {
    const char *name;         /* "http_remux"; "" at the root */
    enum config_where parent; /* the root is its own parent */
    int is_named;             /* "vhost NAME {" */
    const char *doc;
};

enum config_type {
    CONFIG_SWITCH,     /* on|off into int */
    CONFIG_INT,        /* into int64_t */
    CONFIG_INT_AUTO,   /* the same, or "auto": the minimum minus one */
    CONFIG_SIZE,       /* bytes, with k, m or g, into int64_t */
    CONFIG_MS,         /* milliseconds with up to three decimals, into usec_t */
    CONFIG_MS_AUTO,    /* the same, or "auto" = -1 */
    CONFIG_SECONDS,    /* into usec_t */
    CONFIG_CHOICE,     /* one of the row's choices; its index into int */
    CONFIG_LOG_LEVEL,  /* into int, see log_level_parse() */
    CONFIG_STRING,     /* into const char * */
    CONFIG_PATH,       /* the same, a path; the row's minimum is its enum config_path_kind */
    CONFIG_URL,        /* "http://…" or "https://…", into const char *; may be empty */
    CONFIG_DIRECTORY,  /* see app/config/directory_url.h, or empty; its password is never printed */
    CONFIG_CONGESTION, /* see net_congestion_check(), into const char *; may be empty */
    CONFIG_ENDPOINTS,  /* "8080", "ip:port", "[v6]:port", "unix:/path", into config_strings */
    CONFIG_MOUNTS,     /* see app/config/mount.h, into config_strings */
    CONFIG_NETWORKS,   /* see app/config/trust.h, into config_strings; may be empty */
    CONFIG_RULES,      /* see app/config/security.h, into config_strings; may be empty */
    CONFIG_STREAMS,    /* "all", "app/stream", into config_strings */
    CONFIG_USER,       /* a user and its group, into config_strings; may be empty */
    CONFIG_DOMAINS,    /* host names, into config_strings; may be empty */
    CONFIG_FRAMES,     /* self, none, *, or a site's origin, into config_strings */
    CONFIG_ORIGINS,    /* see app/config/origin.h, into config_strings; may be empty */
    CONFIG_DESTINATIONS, /* see origin_destination_check(); may be empty */
    CONFIG_SOURCES,      /* name and address alternately, see origin_source_check(); may be empty */
    CONFIG_URLS,         /* "http://…" or "https://…", into config_strings; may be empty */
    CONFIG_LADDERS,      /* see app/config/ladder.h, into config_strings; may be empty */
    CONFIG_ADVERTISE,    /* see app/config/directory_place.h; may be empty */
    CONFIG_SECRETS       /* keys, into config_strings; may be empty; never printed */
};

/* When a changed value takes effect. */
enum config_effect {
    CONFIG_AT_START, /* after a restart */
    CONFIG_AT_RELOAD /* also after a reload (SIGHUP) */
};

struct config_row {
    const char *name;
    enum config_where where;
    size_t offset; /* in struct config, or in struct config_vhost for a vhost's directives */
    enum config_type type;
    const char *fallback; /* the default as written in a file; words separated by spaces */
    int64_t min, max;     /* of numbers as written; for lists the number of items */
    const char *const *choices;
    const char *env; /* its environment variable */
    enum config_effect effect;
    const char *doc;
};

/* The rows, in printing order; i must be below the count. Constant. */
size_t config_table_count(void);
const struct config_row *config_table_row(size_t i);

/* The index of the row in the table. */
size_t config_table_index(const struct config_row *row);

/* The directive with this name in a block; NULL if there is none. */
const struct config_row *config_table_find(enum config_where where, const char *name);

/* The properties of this block. Never NULL. */
const struct config_block *config_table_block(enum config_where where);

/* The block with this name in a block; CONFIG_WHERE_COUNT if there is none. */
enum config_where config_table_block_find(enum config_where where, const char *name);

/* Whether the block decides who may publish, play or use the API: nothing in it may be ignored. */
int config_table_is_guard(enum config_where where);

/* Whether values of this block belong to a vhost rather than to the server. */
int config_table_in_vhost(enum config_where where);

/* Whether the row takes several values and may be repeated. */
int config_table_is_list(const struct config_row *row);

/* Writes the path of blocks down to `where`, such as "vhost { http_remux { "; "" at the root. */
void config_table_path(enum config_where where, char *out, size_t cap);

/* What a name of SRS is that has no row and no block here. */
enum config_srs {
    CONFIG_SRS_UNKNOWN,   /* SRS has no such name either, or it is too important to ignore */
    CONFIG_SRS_NEEDLESS,  /* ignored: it would change nothing here */
    CONFIG_SRS_NOT_SERVED /* ignored with a warning, unless it is turned off */
};
enum config_srs config_srs_knows(enum config_where where, const char *name);
/* The same for an environment variable, "SRS_RTC_SERVER_LISTEN". */
enum config_srs config_srs_knows_env(const char *env);

/* Writes the environment variable of a name in a block, "SRS_VHOST_PLAY_ATC". */
void config_table_env(enum config_where where, const char *name, char *out, size_t cap);

/*
 * The row for a line in a vhost as old versions of SRS had it ("forward 127.0.0.1:19350;"), NULL if
 * there is none; *enabled: the row that the line also sets to on, or NULL. name: that of the line,
 * or "mr.latency" in a block with old lines.
 */
const struct config_row *config_forms_row(const char *name, const struct config_row **enabled);
/* The block for the name of a block in old versions; CONFIG_WHERE_COUNT if there is none.
 * *has_old_lines: its lines are looked up as "name.line". */
enum config_where config_forms_block(enum config_where parent, const char *name,
                                     int *has_old_lines);
/* Whether a number out of the row's range is replaced by the nearest one, as SRS would; writes it.
 */
int config_forms_clamp(const struct config_row *row, const char *word, char *out, size_t cap);

/* Completes "unknown directive" with the nearest name: writes " (did you mean …?)" or "". */
void config_nearest(enum config_where where, const char *name, char *out, size_t cap);
void config_nearest_env(const char *env, char *out, size_t cap);

#endif
