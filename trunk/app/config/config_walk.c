/*
 * The values of a configuration, one by one, for outputs in other forms than that of a file. The
 * table is the only place that knows them all.
 */
#include "app/config/config_walk.h"

#include "app/config/config_table.h"
#include "app/config/config_value.h"
#include "base/buf.h"

#include <string.h>

#define WALK_TEXT_MAX ((size_t)256 * 1024)

struct walk {
    MAY_YIELD int (*fn)(void *arg, const struct config_walk_item *item);
    void *arg;
};

static enum config_walk_kind kind_of(const struct config_row *row)
{
    switch (row->type) {
    case CONFIG_SWITCH:
        return CONFIG_WALK_SWITCH;
    case CONFIG_INT:
    case CONFIG_MS:
    case CONFIG_SECONDS:
        return CONFIG_WALK_NUMBER;
    default:
        return CONFIG_WALK_TEXT;
    }
}

static MAY_YIELD int walk_row(const struct walk *walk, const struct config_row *row,
                              const void *base, const char *vhost)
{
    const struct config_block *block = config_table_block(row->where);
    const struct config_block *parent = config_table_block(block->parent);
    struct config_walk_item item = {
        .vhost = vhost, .block = "", .parent = "", .name = row->name, .kind = kind_of(row)};
    struct buf text;
    int rc;

    if (row->where != CONFIG_AT_ROOT && row->where != CONFIG_AT_VHOST)
        item.block = block->name;
    if (block->parent != CONFIG_AT_ROOT && block->parent != CONFIG_AT_VHOST)
        item.parent = parent->name;
    buf_init(&text, WALK_TEXT_MAX);
    rc = config_value_print(row, base, &text) != 0 || buf_append(&text, "", 1) != 0 ? -1 : 0;
    item.text = rc == 0 ? (const char *)buf_data(&text) : "";
    /* A word needs no quotes where it stands alone. */
    if (rc == 0 && (row->type == CONFIG_STRING || row->type == CONFIG_PATH))
        item.text = *(const char *const *)((const char *)base + row->offset);
    else if (rc == 0 && strcmp(item.text, "\"\"") == 0)
        item.text = "";
    if (rc == 0)
        rc = walk->fn(walk->arg, &item);
    buf_fini(&text);
    return rc;
}

/* All rows of the server, or of one vhost. */
static MAY_YIELD int walk_rows(const struct walk *walk, const void *base, const char *vhost)
{
    int rc = 0;

    for (size_t i = 0; i < config_table_count() && rc == 0; i++) {
        const struct config_row *row = config_table_row(i);

        if (config_table_in_vhost(row->where) == (vhost != NULL))
            rc = walk_row(walk, row, base, vhost);
    }
    return rc;
}

int config_walk(const struct config *config,
                MAY_YIELD int (*fn)(void *arg, const struct config_walk_item *item), void *arg)
{
    struct walk walk = {fn, arg};
    int rc = walk_rows(&walk, config, NULL);

    for (int i = 0; i < config->vhost_count && rc == 0; i++)
        rc = walk_rows(&walk, config->vhost[i], config->vhost[i]->name);
    return rc;
}
