/*
 * The configuration's grammar ("name args;", "{}", "#", quotes, "include file;"). A tokenizer
 * (conf_word.c) over a stack of files builds the tree; blocks and includes are stacks of fixed
 * height, so no input can cause recursion. The words of one directive are collected in a buffer and
 * then stored, with the node itself, in one allocation. An include inserts the file's directives at
 * its place, also inside a block, but every file must close the blocks that it opens.
 */
#include "base/conf.h"

#include "base/conf_private.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONF_PATH_MAX 4096

/* A node and its text; linked so that conf_free() need not walk the tree. */
struct conf_item {
    struct conf_item *older;
    size_t size; /* of the whole item */
    struct conf_node node;
    char text[];
};

struct conf_file {
    struct conf_file *older; /* list of all files read */
    struct conf_text in;
    int blocks;                      /* open blocks when the file began */
    const struct conf_node *include; /* its include directive in progress, or NULL */
    int include_at;                  /* the next argument */
};

struct conf_tree {
    struct conf_node root;
    struct conf_item *items;
    struct conf_file *files;
};

struct conf_parser {
    struct conf_tree *tree;
    conf_load load;
    void *arg;
    struct conf_file *file[CONF_NESTING_MAX]; /* each includes the next one */
    int file_count;
    int file_total;
    int node_total;
    struct conf_node *block[CONF_DEPTH_MAX + 1]; /* the root and the open blocks */
    struct conf_node **tail[CONF_DEPTH_MAX + 1]; /* where the next child of each is linked */
    int block_count;
    struct conf_words words; /* of the current directive */
};

static struct conf_file *conf_top(const struct conf_parser *parser)
{
    assert(parser->file_count > 0);
    return parser->file[parser->file_count - 1];
}

/* Makes a node from the collected words. */
static struct err *conf_node_make(struct conf_parser *parser, struct conf_node **out)
{
    struct conf_file *file = conf_top(parser);
    size_t text_len = parser->words.text.len;
    /* The pointers come first: malloc aligns them. */
    size_t args_size = (size_t)parser->words.count * sizeof(char *);
    struct conf_item *item;
    char *word;

    if (++parser->node_total > CONF_NODES_MAX)
        return conf_fail(&file->in, parser->words.line, "more than %d directives", CONF_NODES_MAX);
    item = calloc(1, sizeof(*item) + args_size + text_len);
    if (item == NULL)
        return conf_no_memory();
    item->size = sizeof(*item) + args_size + text_len;
    item->older = parser->tree->items;
    parser->tree->items = item;
    item->node.args = (char **)(void *)item->text;
    word = item->text + args_size;
    memcpy(word, buf_data(&parser->words.text), text_len);
    item->node.name = word;
    for (int i = 1; i < parser->words.count; i++) {
        word += strlen(word) + 1;
        item->node.args[i - 1] = word;
    }
    item->node.arg_count = parser->words.count - 1;
    item->node.file = file->in.path;
    item->node.line = parser->words.line;
    item->node.end_line = file->in.line;
    *out = &item->node;
    return NULL;
}

static void conf_words_clear(struct conf_parser *parser)
{
    buf_consume(&parser->words.text, parser->words.text.len);
    parser->words.count = 0;
}

/* Adds the collected directive to the open block and returns it. */
static struct err *conf_node_add(struct conf_parser *parser, struct conf_node **out)
{
    int top = parser->block_count - 1;
    struct err *err = conf_node_make(parser, out);

    if (err)
        return err;
    conf_words_clear(parser);
    *parser->tail[top] = *out;
    parser->tail[top] = &(*out)->next;
    return NULL;
}

static struct err *conf_block_open(struct conf_parser *parser)
{
    struct conf_file *file = conf_top(parser);
    struct conf_node *node;
    struct err *err;

    if (parser->words.count == 0)
        return conf_fail(&file->in, file->in.line, "'{' without a name before it");
    if (parser->block_count > CONF_DEPTH_MAX)
        return conf_fail(&file->in, file->in.line, "blocks nested deeper than %d", CONF_DEPTH_MAX);
    err = conf_node_add(parser, &node);
    if (err)
        return err;
    node->is_block = 1;
    parser->block[parser->block_count] = node;
    parser->tail[parser->block_count] = &node->child;
    parser->block_count++;
    return NULL;
}

static struct err *conf_block_close(struct conf_parser *parser)
{
    struct conf_file *file = conf_top(parser);

    if (parser->words.count > 0)
        return conf_fail(&file->in, parser->words.line, "%s: ';' is missing",
                         (const char *)buf_data(&parser->words.text));
    if (parser->block_count <= file->blocks)
        return conf_fail(&file->in, file->in.line, "'}' without a '{'");
    parser->block_count--;
    return NULL;
}

/* Texts may contain keys and passwords. */
static void conf_text_free(struct conf_text *text)
{
    if (text->text != NULL)
        explicit_bzero(text->text, text->len);
    free(text->text);
    text->text = NULL;
}

static struct err *conf_file_end(struct conf_parser *parser)
{
    struct conf_file *file = conf_top(parser);

    if (parser->words.count > 0)
        return conf_fail(&file->in, parser->words.line, "%s: ';' is missing at the end of the file",
                         (const char *)buf_data(&parser->words.text));
    if (parser->block_count > file->blocks)
        return conf_fail(&file->in, parser->block[parser->block_count - 1]->line,
                         "%s: '{' is never closed", parser->block[parser->block_count - 1]->name);
    parser->file_count--;
    conf_text_free(&file->in);
    return NULL;
}

/* Loads a file and makes it the current one. */
static struct err *conf_file_open(struct conf_parser *parser, const char *path)
{
    struct conf_file *file = calloc(1, sizeof(*file));
    struct err *err;

    if (file == NULL)
        return conf_no_memory();
    file->in.path = strdup(path);
    file->older = parser->tree->files;
    parser->tree->files = file;
    if (file->in.path == NULL)
        return conf_no_memory();
    err = parser->load(parser->arg, path, &file->in.text, &file->in.len);
    if (err)
        return err;
    if (file->in.len > CONF_FILE_MAX)
        return err_new(ERR_CONFIG, "%s: larger than %d bytes", path, CONF_FILE_MAX);
    file->in.line = 1;
    file->blocks = parser->block_count;
    if (file->in.len >= 3 && memcmp(file->in.text, "\xef\xbb\xbf", 3) == 0)
        file->in.at = 3; /* a byte order mark, which some editors write */
    parser->file[parser->file_count++] = file;
    parser->file_total++;
    return NULL;
}

/* Opens `name` relative to the folder of the including file, else as written. */
static struct err *conf_include_open(struct conf_parser *parser, const char *name)
{
    const char *from = conf_top(parser)->in.path;
    const char *slash = strrchr(from, '/');
    char path[CONF_PATH_MAX];
    struct err *err;

    if (*name == '/' || slash == NULL)
        return conf_file_open(parser, name);
    if (str_format(path, sizeof(path), "%.*s/%s", (int)(slash - from), from, name))
        return err_new(ERR_CONFIG, "the path is too long");
    err = conf_file_open(parser, path);
    if (err && err_code(err) == ERR_NOT_FOUND) {
        struct err *second = conf_file_open(parser, name);

        if (second && err_code(second) == ERR_NOT_FOUND) {
            err_free(second);
            return err;
        }
        err_free(err);
        return second;
    }
    return err;
}

/* Opens the next file of the current include. */
static struct err *conf_include_next(struct conf_parser *parser)
{
    struct conf_file *from = conf_top(parser);
    const struct conf_node *node = from->include;
    const char *name = node->args[from->include_at++];
    struct err *err;

    if (from->include_at == node->arg_count)
        from->include = NULL;
    if (parser->file_count == CONF_NESTING_MAX)
        return conf_fail(&from->in, node->line, "include files nested deeper than %d",
                         CONF_NESTING_MAX);
    if (parser->file_total == CONF_INCLUDES_MAX)
        return conf_fail(&from->in, node->line, "more than %d files", CONF_INCLUDES_MAX);
    err = conf_include_open(parser, name);
    if (err)
        return err_wrap(err, "%s:%d: include", from->in.path, node->line);
    for (int i = 0; i < parser->file_count - 1; i++)
        if (strcmp(parser->file[i]->in.path, conf_top(parser)->in.path) == 0)
            return conf_fail(&from->in, node->line, "include %s: the file includes itself", name);
    return NULL;
}

static struct err *conf_include(struct conf_parser *parser)
{
    struct conf_file *from = conf_top(parser);
    struct conf_node *node;
    struct err *err = conf_node_make(parser, &node);

    if (err)
        return err;
    conf_words_clear(parser);
    if (node->arg_count == 0)
        return conf_fail(&from->in, node->line, "include: file name is missing");
    from->include = node;
    from->include_at = 0;
    return NULL;
}

static struct err *conf_directive(struct conf_parser *parser)
{
    struct conf_node *node;

    if (parser->words.count == 0)
        return NULL; /* an extra ';' is allowed */
    if (strcmp((const char *)buf_data(&parser->words.text), "include") == 0)
        return conf_include(parser);
    return conf_node_add(parser, &node);
}

static struct err *conf_step(struct conf_parser *parser)
{
    enum conf_token token;
    struct err *err = conf_next(&conf_top(parser)->in, &parser->words, &token);

    if (err)
        return err;
    switch (token) {
    case CONF_OPEN:
        return conf_block_open(parser);
    case CONF_CLOSE:
        return conf_block_close(parser);
    case CONF_SEMICOLON:
        return conf_directive(parser);
    case CONF_END:
        return conf_file_end(parser);
    case CONF_WORD:
        break;
    }
    return NULL;
}

static struct err *conf_run(struct conf_parser *parser)
{
    while (parser->file_count > 0) {
        struct err *err;

        if (conf_top(parser)->include != NULL)
            err = conf_include_next(parser);
        else
            err = conf_step(parser);
        if (err)
            return err;
    }
    return NULL;
}

struct err *conf_parse(const char *path, conf_load load, void *arg, struct conf_tree **out)
{
    struct conf_parser parser = {.load = load, .arg = arg};
    struct err *err;

    assert(path != NULL && load != NULL && out != NULL);
    *out = NULL;
    parser.tree = calloc(1, sizeof(*parser.tree));
    if (parser.tree == NULL)
        return conf_no_memory();
    parser.tree->root.name = "";
    parser.tree->root.is_block = 1;
    parser.tree->root.file = "";
    parser.block[0] = &parser.tree->root;
    parser.tail[0] = &parser.tree->root.child;
    parser.block_count = 1;
    buf_init(&parser.words.text, (size_t)CONF_WORD_MAX * (CONF_ARGS_MAX + 1));
    /* At once: a buffer that grows later leaves copies of secrets in freed memory. */
    err = buf_reserve(&parser.words.text, CONF_WORD_MAX) != NULL ? NULL : conf_no_memory();
    if (!err)
        err = conf_file_open(&parser, path);
    if (!err)
        err = conf_run(&parser);
    if (parser.words.text.data != NULL)
        explicit_bzero(parser.words.text.data, parser.words.text.cap);
    buf_fini(&parser.words.text);
    if (err) {
        conf_free(parser.tree);
        return err;
    }
    *out = parser.tree;
    return NULL;
}

void conf_free(struct conf_tree *tree)
{
    if (tree == NULL)
        return;
    while (tree->items != NULL) {
        struct conf_item *item = tree->items;

        tree->items = item->older;
        explicit_bzero(item, item->size);
        free(item);
    }
    while (tree->files != NULL) {
        struct conf_file *file = tree->files;

        tree->files = file->older;
        free(file->in.path);
        conf_text_free(&file->in);
        free(file);
    }
    free(tree);
}

const struct conf_node *conf_root(const struct conf_tree *tree)
{
    assert(tree != NULL);
    return &tree->root;
}
