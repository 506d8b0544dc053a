/*
 * The configuration's grammar on any bytes. The input is up to four files, "0" to "3",
 * separated by byte 0x1e, so that includes have something to find. What was taken is written out
 * again and must read as the same tree.
 */
#include "base/buf.h"
#include "base/conf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 4
#define SEPARATOR 0x1e
/* Each of CONF_INCLUDES_MAX files, with each of its bytes as a word of its own. */
#define WRITTEN_MAX ((size_t)256 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct files {
    const uint8_t *at[FILES_MAX];
    size_t len[FILES_MAX];
    int count;
};

static void demand(int truth)
{
    if (!truth)
        abort();
}

static struct err *load(void *arg, const char *path, char **text, size_t *len)
{
    const struct files *files = arg;
    int i = path[0] - '0';

    if (path[0] == '\0' || path[1] != '\0' || i < 0 || i >= files->count)
        return err_new(ERR_NOT_FOUND, "%s: no such file", path);
    *text = malloc(files->len[i] + 1);
    demand(*text != NULL);
    memcpy(*text, files->at[i], files->len[i]);
    *len = files->len[i];
    return NULL;
}

static void split(struct files *files, const uint8_t *data, size_t size)
{
    files->count = 0;
    while (files->count < FILES_MAX) {
        const uint8_t *end = size > 0 ? memchr(data, SEPARATOR, size) : NULL;
        size_t len = end != NULL ? (size_t)(end - data) : size;

        files->at[files->count] = data;
        files->len[files->count++] = len;
        if (end == NULL)
            break;
        data += len + 1;
        size -= len + 1;
    }
}

static void put(struct buf *out, const char *text)
{
    demand(buf_append(out, text, strlen(text)) == 0);
}

static void put_word(struct buf *out, const char *word)
{
    put(out, "\"");
    for (; *word != '\0'; word++) {
        char text[3] = {'\\', *word, '\0'};

        if (*word == '\n')
            text[1] = 'n';
        put(out, *word == '"' || *word == '\\' || *word == '\n' ? text : text + 1);
    }
    put(out, "\" ");
}

/* Checks a tree, bounded as promised, and writes it as text. */
static void write_tree(const struct conf_node *root, struct buf *out)
{
    const struct conf_node *open[CONF_DEPTH_MAX];
    const struct conf_node *node = root->child;
    int depth = 0;
    int nodes = 0;

    for (;;) {
        while (node == NULL && depth > 0) {
            put(out, "}\n");
            node = open[--depth]->next;
        }
        if (node == NULL)
            return;
        demand(++nodes <= CONF_NODES_MAX && node->arg_count <= CONF_ARGS_MAX);
        demand(node->line >= 1 && node->end_line >= node->line && node->file[0] >= '0');
        demand(node->name[0] != '\0' && strlen(node->name) < CONF_WORD_MAX);
        put_word(out, node->name);
        for (int i = 0; i < node->arg_count; i++)
            put_word(out, node->args[i]);
        put(out, node->is_block ? "{\n" : ";\n");
        if (!node->is_block) {
            demand(node->child == NULL);
            node = node->next;
            continue;
        }
        demand(depth < CONF_DEPTH_MAX);
        open[depth++] = node;
        node = node->child;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct files files;
    struct conf_tree *tree;
    struct err *err;
    struct buf first;
    struct buf second;

    split(&files, data, size);
    err = conf_parse("0", load, &files, &tree);
    demand((err == NULL) == (tree != NULL));
    if (err) {
        demand(err_code(err) == ERR_CONFIG || err_code(err) == ERR_NOT_FOUND);
        demand(err_text(err)[0] != 0);
        err_free(err);
        return 0;
    }
    buf_init(&first, WRITTEN_MAX);
    buf_init(&second, WRITTEN_MAX);
    write_tree(conf_root(tree), &first);
    conf_free(tree);
    if (first.len > CONF_FILE_MAX) { /* includes have made more of it than one file may hold */
        buf_fini(&first);
        return 0;
    }

    files.at[0] = first.len > 0 ? buf_data(&first) : (const uint8_t *)"";
    files.len[0] = first.len;
    files.count = 1;
    err = conf_parse("0", load, &files, &tree);
    demand(err == NULL);
    write_tree(conf_root(tree), &second);
    conf_free(tree);
    demand(first.len == second.len);
    demand(first.len == 0 || memcmp(buf_data(&first), buf_data(&second), first.len) == 0);
    buf_fini(&first);
    buf_fini(&second);
    return 0;
}
