/*
 * Applies the grammar's tree to the structs: looks each directive up in the table for its block. A
 * stack with the depth of the table holds the open blocks, so that no file can cause recursion.
 */
#include "app/config/config_loader.h"

#include "app/config/address_mask.h"
#include "app/config/ladder.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

#define TREE_DEPTH 4

struct tree_frame {
    enum config_where where;
    const struct conf_node *node; /* the next node */
    void *base;                   /* the struct to which the rows' offsets apply */
    struct config_seen *seen;
    const char *old; /* a block of old versions of SRS, whose lines have old names too; or NULL */
};

struct tree_walk {
    struct config_snapshot *snapshot;
    struct tree_frame frame[TREE_DEPTH];
    int depth;
};

static struct err *tree_fail(const struct conf_node *node, struct err *err)
{
    const char *hint = node->end_line > node->line ? " (is a ';' missing?)" : "";
    char name[101];

    /* An address without its directive is read as one. */
    address_mask_text(node->name, name, sizeof(name));
    return err_wrap(err, "%s:%d: %s%s", node->file, node->line, name, hint);
}

static void tree_push(struct tree_walk *walk, const struct tree_frame *frame)
{
    assert(walk->depth < TREE_DEPTH);
    walk->frame[walk->depth++] = *frame;
}

/* Replaces a number out of range by the nearest one, for rows where SRS takes any number. */
static void tree_clamp(struct tree_walk *walk, const struct conf_node *node,
                       const struct config_row *row, struct config_words *words, char **nearest)
{
    char text[32];

    if (words->count != 1 || !config_forms_clamp(row, words->args[0], text, sizeof(text)))
        return;
    *nearest = config_arena_string(&walk->snapshot->arena, text);
    if (*nearest == NULL)
        return;
    config_snapshot_warn(walk->snapshot, "%s:%d: %s %s is out of range: %s is used", node->file,
                         node->line, node->name, words->args[0], text);
    words->args = nearest;
}

static struct err *tree_row(struct tree_walk *walk, const struct tree_frame *frame,
                            const struct conf_node *node, const struct config_row *row)
{
    uint8_t *seen = &frame->seen->row[config_table_index(row)];
    struct config_words words = {node->args, node->arg_count, *seen};
    char *nearest = NULL;
    struct err *err;

    if (node->is_block)
        return tree_fail(node, err_new(ERR_CONFIG, "takes a value and ';', not a block"));
    if (*seen && !config_table_is_list(row))
        config_snapshot_warn(walk->snapshot, "%s:%d: %s appears twice; using this one", node->file,
                             node->line, node->name);
    *seen = 1;
    tree_clamp(walk, node, row, &words, &nearest);
    err = config_value_set(row, frame->base, &words, &walk->snapshot->arena);
    if (err)
        return tree_fail(node, err);
    return NULL;
}

/* "ladder NAME { rung app/stream; … }" is the same as "ladder NAME app/stream …;". */
static struct err *tree_ladder(struct tree_walk *walk, const struct tree_frame *frame,
                               const struct conf_node *node, const struct config_row *row)
{
    uint8_t *seen = &frame->seen->row[config_table_index(row)];
    char *args[1 + LADDER_RUNGS_MAX];
    struct config_words words = {args, 1, *seen};
    struct err *err;

    if (node->arg_count != 1)
        return tree_fail(node, err_new(ERR_CONFIG, "takes one name before '{'"));
    args[0] = node->args[0];
    for (const struct conf_node *rung = node->child; rung != NULL; rung = rung->next) {
        if (strcmp(rung->name, "rung") != 0 || rung->is_block || rung->arg_count != 1)
            return tree_fail(rung,
                             err_new(ERR_CONFIG, "a ladder contains only \"rung app/stream;\""));
        if (strchr(rung->args[0], '/') == NULL)
            return tree_fail(rung, err_new(ERR_CONFIG, "a rung is app/stream"));
        if (words.count > LADDER_RUNGS_MAX)
            return tree_fail(
                rung, err_new(ERR_CONFIG, "a ladder has no more than %d rungs", LADDER_RUNGS_MAX));
        args[words.count++] = rung->args[0];
    }
    *seen = 1;
    err = config_value_set(row, frame->base, &words, &walk->snapshot->arena);
    return err != NULL ? tree_fail(node, err) : NULL;
}

/* Opens "vhost NAME {". */
static struct err *tree_vhost(struct tree_walk *walk, const struct conf_node *node)
{
    struct tree_frame frame = {CONFIG_AT_VHOST, node->child, NULL, NULL, NULL};
    struct config_vhost_slot *slot;
    struct err *err;

    if (node->arg_count != 1)
        return tree_fail(node, err_new(ERR_CONFIG, "takes one name"));
    err = config_snapshot_vhost(walk->snapshot, node->args[0], &slot);
    if (err)
        return tree_fail(node, err);
    if (slot->seen.block[CONFIG_AT_VHOST]++)
        config_snapshot_warn(walk->snapshot, "%s:%d: vhost %s appears twice; both are used",
                             node->file, node->line, node->args[0]);
    frame.base = &slot->vhost;
    frame.seen = &slot->seen;
    tree_push(walk, &frame);
    return NULL;
}

static struct err *tree_block(struct tree_walk *walk, const struct tree_frame *outer,
                              const struct conf_node *node, enum config_where where, int is_old)
{
    struct tree_frame frame = {where, node->child, outer->base, outer->seen,
                               is_old ? node->name : NULL};

    if (!node->is_block)
        return tree_fail(node, err_new(ERR_CONFIG, "is a block: \"%s { … }\"", node->name));
    if (config_table_block(where)->is_named)
        return tree_vhost(walk, node);
    if (node->arg_count > 0)
        return tree_fail(node, err_new(ERR_CONFIG, "takes no name before '{'"));
    if (!is_old && frame.seen->block[where]++ == 1)
        config_snapshot_warn(walk->snapshot, "%s:%d: %s appears twice; both are used", node->file,
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

/* Applies a form of old versions of SRS; *is_done: it is one. */
static struct err *tree_old(struct tree_walk *walk, const struct tree_frame *frame,
                            const struct conf_node *node, int *is_done)
{
    const struct config_row *row = NULL;
    const struct config_row *enabled = NULL;
    enum config_where where;
    char name[64];
    int has_old_lines;

    *is_done = 1;
    if (frame->old != NULL && str_format(name, sizeof(name), "%s.%s", frame->old, node->name) == 0)
        row = config_forms_row(name, &enabled);
    else if (frame->where == CONFIG_AT_VHOST && !node->is_block)
        row = config_forms_row(node->name, &enabled);
    if (row != NULL) {
        char *on = "on";
        struct config_words words = {&on, 1, 0};
        struct err *err = NULL;

        if (enabled != NULL && !frame->seen->row[config_table_index(enabled)])
            err = config_value_set(enabled, frame->base, &words, &walk->snapshot->arena);
        return err ? err : tree_row(walk, frame, node, row);
    }
    where = config_forms_block(frame->where, node->name, &has_old_lines);
    if (where != CONFIG_WHERE_COUNT)
        return tree_block(walk, frame, node, where, has_old_lines);
    *is_done = 0;
    return NULL;
}

/* Whether a block that is not supported is off, which is the default of all of them. */
static int is_turned_off(const struct conf_node *node)
{
    if (!node->is_block)
        return 0;
    for (const struct conf_node *child = node->child; child != NULL; child = child->next)
        if (strcmp(child->name, "enabled") == 0 && child->arg_count == 1 &&
            !str_ieq(child->args[0], "off"))
            return 0;
    return 1;
}

/* A name that has no row and no block here. */
static struct err *tree_unknown(struct tree_walk *walk, const struct tree_frame *frame,
                                const struct conf_node *node)
{
    enum config_srs known = config_srs_knows(frame->where, node->name);
    char nearest[128];

    if (known == CONFIG_SRS_NEEDLESS || (known != CONFIG_SRS_UNKNOWN && is_turned_off(node)))
        return NULL;
    config_nearest(frame->where, node->name, nearest, sizeof(nearest));
    if (known == CONFIG_SRS_UNKNOWN)
        return tree_fail(node, err_new(ERR_CONFIG, "unknown directive%s", nearest));
    config_snapshot_warn(walk->snapshot, "%s:%d: %s is not supported: ignored", node->file,
                         node->line, node->name);
    return NULL;
}

static struct err *tree_node(struct tree_walk *walk, const struct tree_frame *frame,
                             const struct conf_node *node)
{
    const struct config_row *row = config_table_find(frame->where, node->name);
    enum config_where where = config_table_block_find(frame->where, node->name);
    struct err *err = NULL;
    int is_done = 0;

    if (frame->old != NULL || row == NULL)
        err = tree_old(walk, frame, node, &is_done);
    if (err || is_done)
        return err;
    if (frame->old != NULL)
        return tree_unknown(walk, frame, node);
    if (row != NULL && row->type == CONFIG_LADDERS && node->is_block)
        return tree_ladder(walk, frame, node, row);
    if (row != NULL)
        return tree_row(walk, frame, node, row);
    if (where != CONFIG_WHERE_COUNT)
        return tree_block(walk, frame, node, where, 0);
    if (is_rtmp_block(walk, node)) {
        struct tree_frame rtmp = {CONFIG_AT_ROOT, node->child, frame->base, frame->seen, NULL};

        tree_push(walk, &rtmp);
        return NULL;
    }
    return tree_unknown(walk, frame, node);
}

struct err *config_tree_apply(struct config_snapshot *snapshot, const struct conf_tree *tree)
{
    struct tree_frame root = {CONFIG_AT_ROOT, conf_root(tree)->child, &snapshot->config,
                              &snapshot->seen, NULL};
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
