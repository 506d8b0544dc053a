#ifndef BASE_CONF_H
#define BASE_CONF_H

/*
 * The configuration's grammar: "name args;", "name args { … }", '#' comments
 * (at the start of a word), single and double quotes with the backslash escapes \\ \" \' \n
 * \t, `include file…;` at any depth. Gives a tree; what the names mean is app/config's
 * affair. Pure: files come through a callback.
 */
#include "base/err.h"

#include <stddef.h>

#define CONF_DEPTH_MAX    16
#define CONF_ARGS_MAX     64
#define CONF_NODES_MAX    65536
#define CONF_FILE_MAX     (1024 * 1024)
#define CONF_INCLUDES_MAX 64 /* files in total; a file may not include itself, by no detour */
#define CONF_NESTING_MAX  8  /* files that include one another */
#define CONF_WORD_MAX     4096

struct conf_node {
    char *name;
    char **args;
    int arg_count;
    int is_block;
    const char *file;        /* for messages; owned by the tree */
    int line;                /* of the name */
    int end_line;            /* of its ';' or '{': beyond `line` when a ';' may be missing */
    struct conf_node *child; /* first directive of the block */
    struct conf_node *next;
};

struct conf_tree;

/*
 * Loads a file's text: *text is malloc'd and taken over. A relative include is asked
 * for in the including file's folder, and if that answers ERR_NOT_FOUND, as it is written.
 */
typedef struct err *(*conf_load)(void *arg, const char *path, char **text, size_t *len);

/* Errors are ERR_CONFIG: "file:line: what"; those of the loader keep its code; or ERR_NOMEM. */
struct err *conf_parse(const char *path, conf_load load, void *arg, struct conf_tree **out);
void conf_free(struct conf_tree *tree);
/* The nameless block of everything at the top; its lines start at `child`. */
const struct conf_node *conf_root(const struct conf_tree *tree);

#endif
