/*
 * Applies the grammar's tree to the structs: looks each directive up in the table for its block. A
 * stack with the depth of the table holds the open blocks, so that no file can cause recursion.
 */
#include "app/config/config_loader.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

#define TREE_DEPTH 4

struct tree_frame {
    enum config_where where;
    const struct conf_node *node; /* the next node */
    void *base;                   /* the struct to which the rows' offsets apply */
    struct config_seen *seen;
};

struct tree_walk {
    struct config_snapshot *snapshot;
    struct tree_frame frame[TREE_DEPTH];
    int depth;
};

static struct err *tree_fail(const struct conf_node *node, struct err *err)
{
    const char *hint = node->end_line > node->line ? " (is a ';' missing?)" : "";

    return err_wrap(err, "%s:%d: %s%s", node->file, node->line, node->name, hint);
}

static void tree_push(struct tree_walk *walk, const struct tree_frame *frame)
{
    assert(walk->depth < TREE_DEPTH);
    walk->frame[walk->depth++] = *frame;
}

static struct err *tree_row(struct tree_walk *walk, const struct tree_frame *frame,
                            const struct conf_node *node, const struct config_row *row)
{
    uint8_t *seen = &frame->seen->row[config_table_index(row)];
    struct config_words words = {node->args, node->arg_count, *seen};
    struct err *err;

    if (node->is_block)
        return tree_fail(node, err_new(ERR_CONFIG, "takes a value and ';', not a block"));
    if (*seen && !config_table_is_list(row))
        config_snapshot_warn(walk->snapshot, "%s:%d: %s is given twice: this one counts",
                             node->file, node->line, node->name);
    *seen = 1;
    err = config_value_set(row, frame->base, &words, &walk->snapshot->arena);
    if (err)
        return tree_fail(node, err);
    return NULL;
}

/* Opens "vhost NAME {". */
static struct err *tree_vhost(struct tree_walk *walk, const struct conf_node *node)
{
    struct tree_frame frame = {CONFIG_AT_VHOST, node->child, NULL, NULL};
    struct config_vhost_slot *slot;
    struct err *err;

    if (node->arg_count != 1)
        return tree_fail(node, err_new(ERR_CONFIG, "takes one name"));
    err = config_snapshot_vhost(walk->snapshot, node->args[0], &slot);
    if (err)
        return tree_fail(node, err);
    if (slot->seen.block[CONFIG_AT_VHOST]++)
        config_snapshot_warn(walk->snapshot, "%s:%d: vhost %s is given twice: both count",
                             node->file, node->line, node->args[0]);
    frame.base = &slot->vhost;
    frame.seen = &slot->seen;
    tree_push(walk, &frame);
    return NULL;
}

static struct err *tree_block(struct tree_walk *walk, const struct tree_frame *outer,
                              const struct conf_node *node, enum config_where where)
{
    struct tree_frame frame = {where, node->child, outer->base, outer->seen};

    if (!node->is_block)
        return tree_fail(node, err_new(ERR_CONFIG, "is a block: \"%s { … }\"", node->name));
    if (config_table_block(where)->is_named)
        return tree_vhost(walk, node);
    if (node->arg_count > 0)
        return tree_fail(node, err_new(ERR_CONFIG, "nothing stands between it and its '{'"));
    if (frame.seen->block[where]++ == 1)
        config_snapshot_warn(walk->snapshot, "%s:%d: %s is given twice: both count", node->file,
                             node->line, node->name);
    tree_push(walk, &frame);
    return NULL;
}

/* Newer versions of SRS put listen and chunk_size into a block of their own. */
static int is_rtmp_block(const struct tree_walk *walk, const struct conf_node *node)
{
    return walk->depth == 1 && node->is_block && node->arg_count == 0 &&
           strcmp(node->name, "rtmp") == 0;
}

static struct err *tree_node(struct tree_walk *walk, const struct tree_frame *frame,
                             const struct conf_node *node)
{
    const struct config_row *row = config_table_find(frame->where, node->name);
    enum config_where where = config_table_block_find(frame->where, node->name);
    char nearest[128];

    if (row != NULL)
        return tree_row(walk, frame, node, row);
    if (where != CONFIG_WHERE_COUNT && !node->is_block &&
        config_srs_was_line(frame->where, node->name)) {
        config_snapshot_warn(walk->snapshot,
                             "%s:%d: %s is not served as a line, it is a block: passed over",
                             node->file, node->line, node->name);
        return NULL;
    }
    if (where != CONFIG_WHERE_COUNT)
        return tree_block(walk, frame, node, where);
    if (is_rtmp_block(walk, node)) {
        struct tree_frame rtmp = {CONFIG_AT_ROOT, node->child, frame->base, frame->seen};

        tree_push(walk, &rtmp);
        return NULL;
    }
    config_nearest(frame->where, node->name, nearest, sizeof(nearest));
    if (!config_srs_knows(frame->where, node->name))
        return tree_fail(node, err_new(ERR_CONFIG, "unknown directive%s", nearest));
    /* Give a hint if the directive is supported in another block; a similar name is not enough. */
    config_snapshot_warn(walk->snapshot, "%s:%d: %s is not served%s: passed over", node->file,
                         node->line, node->name,
                         str_starts(nearest, " (it belongs") ? nearest : "");
    return NULL;
}

struct err *config_tree_apply(struct config_snapshot *snapshot, const struct conf_tree *tree)
{
    struct tree_frame root = {CONFIG_AT_ROOT, conf_root(tree)->child, &snapshot->config,
                              &snapshot->seen};
    struct tree_walk walk = {.snapshot = snapshot};
    struct err *err = NULL;

    tree_push(&walk, &root);
    while (!err && walk.depth > 0) {
        struct tree_frame *frame = &walk.frame[walk.depth - 1];
        const struct conf_node *node = frame->node;

        if (node == NULL) {
            walk.depth--;
            continue;
        }
        frame->node = node->next;
        err = tree_node(&walk, frame, node);
    }
    return err;
}
