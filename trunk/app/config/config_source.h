#ifndef APP_CONFIG_CONFIG_SOURCE_H
#define APP_CONFIG_CONFIG_SOURCE_H

/*
 * What a configuration was read from: the texts of its files, as they were, and the environment
 * variables that concern it. The same configuration can be loaded from it again, also by another
 * process: workers apply exactly what the master has checked, and -t --diff sees what the running
 * server has. Never yields.
 */
#include "app/config/config.h"
#include "app/config/config_arena.h"
#include "base/buf.h"
#include "base/conf.h"

/* All files and variables together, in bytes. */
#define CONFIG_SOURCE_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct config_source_file {
    char *path; /* as it was opened */
    char *text;
    size_t len;
};

struct config_source {
    char *path; /* of the main file; NULL: no file, the environment alone */
    int file_count;
    struct config_source_file file[CONF_INCLUDES_MAX + 1];
    int env_count;
    char **env; /* ends with NULL */
    size_t size;
    struct config_arena arena; /* of all texts */
    struct opener opener;      /* for files that this process may not open */
    int is_complete;           /* was read back: a file that is not in it does not exist */
};

/* Of a file and the environment as they are now; the files are read when they are parsed. NULL
 * without memory. */
struct config_source *config_source_new(const struct config_options *options, char **environment);
/* NULL is allowed. */
void config_source_free(struct config_source *source);

/* For conf_parse(); arg is the source. */
struct err *config_source_load(void *arg, const char *path, char **text, size_t *len);

/* A number for its texts, and for those that its files have now; 0: the main file cannot be read.
 * Other processes have other numbers. */
uint64_t config_source_fingerprint(const struct config_source *source);
uint64_t config_source_look(const struct config_source *source, const struct opener *opener);

/* Its length as bytes. A buffer with so much room does not grow, which would leave copies of
 * secrets in freed memory. */
size_t config_source_length(const struct config_source *source);
/* Appends it as bytes: 0, or -1. */
int config_source_write(const struct config_source *source, struct buf *out) ERR_MUST_CHECK;
/* Reads it back from the front of data and sets *used: NULL for bytes that are malformed or cut. */
struct config_source *config_source_read(const uint8_t *data, size_t len, size_t *used);

#endif
