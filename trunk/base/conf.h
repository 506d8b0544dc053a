#ifndef BASE_CONF_H
#define BASE_CONF_H

/*
 * The configuration's grammar: "name args;", "name args { … }", '#' comments (at the start of a
 * word), single and double quotes with the backslash escapes \\ \" \' \n \t, `include file…;` at
 * any depth. The result is a tree; app/config interprets the names. Pure: files come through a
 * callback.
 */
#include "base/err.h"

#include <stddef.h>

#define CONF_DEPTH_MAX    16
#define CONF_ARGS_MAX     64
#define CONF_NODES_MAX    65536
#define CONF_FILE_MAX     (1024 * 1024)
#define CONF_INCLUDES_MAX 64 /* files in total; no direct or indirect inclusion of itself */
#define CONF_NESTING_MAX  8  /* depth of nested includes */
#define CONF_WORD_MAX     4096

struct conf_node {
    char *name;
    char **args;
    int arg_count;
    int is_block;
    const char *file;        /* for messages; owned by the tree */
    int line;                /* of the name */
    int end_line;            /* of its ';' or '{': greater than `line` when a ';' may be missing */
    struct conf_node *child; /* first directive of the block */
    struct conf_node *next;
};

struct conf_tree;

/*
 * Loads a file's text: *text is malloc'd, and the parser takes it over. A relative include is
 * requested in the including file's folder, and if that returns ERR_NOT_FOUND, as written.
 */
typedef struct err *(*conf_load)(void *arg, const char *path, char **text, size_t *len);

/* Errors: ERR_CONFIG ("file:line: what"), ERR_NOMEM, or those of the loader with their code. */
struct err *conf_parse(const char *path, conf_load load, void *arg, struct conf_tree **out);
void conf_free(struct conf_tree *tree);
/* The unnamed block of the top level; its directives start at `child`. */
const struct conf_node *conf_root(const struct conf_tree *tree);

#endif
