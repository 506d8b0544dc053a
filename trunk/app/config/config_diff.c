/*
 * Comparison by the table. Values are compared as they are stored, not as they are printed: two
 * secrets look the same when they are masked.
 */
#include "app/config/config_diff.h"

#include "app/config/config_loader.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How the values of a type are stored. */
enum stored { STORED_INT, STORED_INT64, STORED_STRING, STORED_LIST };

static enum stored stored_as(enum config_type type)
{
    switch (type) {
    case CONFIG_SWITCH:
    case CONFIG_CHOICE:
    case CONFIG_LOG_LEVEL:
        return STORED_INT;
    case CONFIG_INT:
    case CONFIG_INT_AUTO:
    case CONFIG_SIZE:
    case CONFIG_MS:
    case CONFIG_MS_AUTO:
    case CONFIG_SECONDS:
        return STORED_INT64;
    case CONFIG_STRING:
    case CONFIG_CONGESTION:
    case CONFIG_PATH:
    case CONFIG_URL:
    case CONFIG_DIRECTORY:
        return STORED_STRING;
    case CONFIG_ENDPOINTS:
    case CONFIG_MOUNTS:
    case CONFIG_NETWORKS:
    case CONFIG_RULES:
    case CONFIG_STREAMS:
    case CONFIG_USER:
    case CONFIG_DOMAINS:
    case CONFIG_FRAMES:
    case CONFIG_ORIGINS:
    case CONFIG_DESTINATIONS:
    case CONFIG_SOURCES:
    case CONFIG_URLS:
    case CONFIG_LADDERS:
    case CONFIG_ADVERTISE:
    case CONFIG_SECRETS:
        break;
    }
    return STORED_LIST;
}

static int is_same_list(const struct config_strings *a, const struct config_strings *b)
{
    if (a->count != b->count)
        return 0;
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->item[i], b->item[i]) != 0)
            return 0;
    return 1;
}

static int is_same(const struct config_row *row, const void *a, const void *b)
{
    const char *x = (const char *)a + row->offset;
    const char *y = (const char *)b + row->offset;

    switch (stored_as(row->type)) {
    case STORED_INT:
        return *(const int *)x == *(const int *)y;
    case STORED_INT64:
        return *(const int64_t *)x == *(const int64_t *)y;
    case STORED_STRING:
        return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
    case STORED_LIST:
        break;
    }
    return is_same_list((const struct config_strings *)x, (const struct config_strings *)y);
}

int config_diff_has_same(const struct config_vhost *before, const struct config_vhost *vhost,
                         const char *block)
{
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        if (config_table_in_vhost(row->where) &&
            strcmp(config_table_block(row->where)->name, block) == 0 &&
            !is_same(row, before, vhost))
            return 0;
    }
    return 1;
}

static const struct config_vhost *vhost_named(const struct config *config, const char *name)
{
    for (int i = 0; i < config->vhost_count; i++)
        if (str_ieq(config->vhost[i]->name, name))
            return config->vhost[i];
    return NULL;
}

const struct config_vhost *config_diff_vhost(const struct config *config, const char *name)
{
    const struct config_vhost *vhost = vhost_named(config, name);

    return vhost != NULL && vhost->enabled ? vhost : NULL;
}

/* ---- lines ---- */

struct writer {
    struct buf *out;
    struct config_diff *count;
    const char *vhost; /* NULL: outside of vhosts */
    int failed;
};

static void put_block(struct writer *w, const struct config_block *block)
{
    if (block->is_named)
        w->failed |= buf_printf(w->out, "%s %s { ", block->name, w->vhost);
    else
        w->failed |= buf_printf(w->out, "%s { ", block->name);
}

/* Opens the blocks down to this one, which are two at most; returns their number. */
static int put_blocks(struct writer *w, enum config_where where)
{
    enum config_where parent = config_table_block(where)->parent;

    if (where == CONFIG_AT_ROOT)
        return 0;
    if (parent != CONFIG_AT_ROOT)
        put_block(w, config_table_block(parent));
    put_block(w, config_table_block(where));
    return parent != CONFIG_AT_ROOT ? 2 : 1;
}

static void put_line(struct writer *w, char sign, const struct config_row *row, const void *base,
                     const char *note)
{
    int depth;

    w->failed |= buf_printf(w->out, "%c", sign);
    depth = put_blocks(w, row->where);
    w->failed |= buf_printf(w->out, "%s ", row->name);
    w->failed |= config_value_print(row, base, w->out);
    w->failed |= buf_printf(w->out, ";%.*s%s\n", 2 * depth, " } }", note);
}

/* Whether both values look the same although they differ. */
static int is_masked(const struct config_row *row, const void *a, const void *b)
{
    struct buf x, y;
    int is_equal;

    buf_init(&x, CONFIG_TEXT_MAX);
    buf_init(&y, CONFIG_TEXT_MAX);
    is_equal = config_value_print(row, a, &x) == 0 && config_value_print(row, b, &y) == 0 &&
               x.len == y.len && x.len > 0 && memcmp(buf_data(&x), buf_data(&y), x.len) == 0;
    buf_fini(&x);
    buf_fini(&y);
    return is_equal;
}

static void put_restart(struct config_diff *count, const char *name)
{
    size_t len = strlen(count->restart_names);

    (void)str_format(count->restart_names + len, sizeof(count->restart_names) - len, "%s%s",
                     count->restarts > 0 ? ", " : "", name);
    count->restarts++;
}

static void put_change(struct writer *w, const struct config_row *row, const void *before,
                       const void *now)
{
    const char *note = row->effect == CONFIG_AT_START ? "  # needs a restart"
                       : is_masked(row, before, now)  ? "  # another secret"
                                                      : "";

    w->count->changes++;
    if (row->effect == CONFIG_AT_START)
        put_restart(w->count, row->name);
    put_line(w, '-', row, before, note);
    put_line(w, '+', row, now, note);
}

static void put_changes(struct writer *w, const void *before, const void *now, int in_vhost)
{
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        if (config_table_in_vhost(row->where) == in_vhost && !is_same(row, before, now))
            put_change(w, row, before, now);
    }
}

/* A vhost that only one of them has: what it sets. */
static void put_vhost(struct writer *w, char sign, const struct config_vhost *vhost,
                      const struct config_vhost *defaults)
{
    w->count->changes++;
    w->vhost = vhost->name;
    w->failed |= buf_printf(w->out, "%cvhost %s { }\n", sign, vhost->name);
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        if (config_table_in_vhost(row->where) && !is_same(row, defaults, vhost))
            put_line(w, sign, row, vhost, "");
    }
}

/* Vhosts of `config` that `other` lacks. */
static int put_vhosts(struct writer *w, char sign, const struct config *config,
                      const struct config *other)
{
    struct config_snapshot *scratch = calloc(1, sizeof(*scratch));
    struct config_vhost defaults = {0};
    struct err *err = scratch != NULL ? config_snapshot_defaults(scratch, &defaults, 1)
                                      : err_new(ERR_NOMEM, "no memory");

    if (err == NULL)
        config_snapshot_settle_vhost(config, &defaults);
    for (int i = 0; i < config->vhost_count && err == NULL; i++)
        if (vhost_named(other, config->vhost[i]->name) == NULL)
            put_vhost(w, sign, config->vhost[i], &defaults);
    if (scratch != NULL)
        config_arena_fini(&scratch->arena);
    free(scratch);
    if (err == NULL)
        return 0;
    err_free(err);
    return -1;
}

int config_diff(const struct config *before, const struct config *config, struct buf *out,
                struct config_diff *count)
{
    struct writer w = {out, count, NULL, 0};

    memset(count, 0, sizeof(*count));
    put_changes(&w, before, config, 0);
    if (put_vhosts(&w, '-', before, config) != 0)
        return -1;
    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_vhost *vhost = vhost_named(before, config->vhost[i]->name);

        w.vhost = config->vhost[i]->name;
        if (vhost != NULL)
            put_changes(&w, vhost, config->vhost[i], 1);
    }
    if (put_vhosts(&w, '+', config, before) != 0)
        return -1;
    return w.failed ? -1 : 0;
}

/* ---- what stays ---- */

static int copy_list(struct config_arena *arena, struct config_strings *to,
                     const struct config_strings *from)
{
    struct config_strings copy = {from->count, NULL};

    if (from->count > 0)
        copy.item = config_arena_alloc(arena, (size_t)from->count * sizeof(*copy.item));
    if (from->count > 0 && copy.item == NULL)
        return -1;
    for (int i = 0; i < from->count; i++)
        if ((copy.item[i] = config_arena_string(arena, from->item[i])) == NULL)
            return -1;
    *to = copy;
    return 0;
}

static int copy_value(struct config_arena *arena, const struct config_row *row, void *to,
                      const void *from)
{
    char *x = (char *)to + row->offset;
    const char *y = (const char *)from + row->offset;
    char *text;

    switch (stored_as(row->type)) {
    case STORED_INT:
        *(int *)x = *(const int *)y;
        return 0;
    case STORED_INT64:
        *(int64_t *)x = *(const int64_t *)y;
        return 0;
    case STORED_STRING:
        text = config_arena_string(arena, *(const char *const *)y);
        if (text != NULL)
            *(const char **)x = text;
        return text != NULL ? 0 : -1;
    case STORED_LIST:
        break;
    }
    return copy_list(arena, (struct config_strings *)x, (const struct config_strings *)y);
}

struct err *config_diff_keep(struct config *config, const struct config *before)
{
    struct config_snapshot *snapshot = (struct config_snapshot *)config;

    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        /* A vhost cannot keep a value: it may be new. */
        assert(row->effect == CONFIG_AT_RELOAD || !config_table_in_vhost(row->where));
        if (row->effect == CONFIG_AT_START && !is_same(row, config, before) &&
            copy_value(&snapshot->arena, row, config, before) != 0)
            return err_new(ERR_NOMEM, "no memory for the configuration");
    }
    return NULL;
}
