/*
 * A snapshot during loading: its warnings, its vhosts, the defaults of its rows. config_tree.c
 * (from the file) and config_env.c (from the environment) fill it through these functions; config.c
 * calls both.
 */
#include "app/config/config_loader.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WARNING_MAX 512

void config_snapshot_warn(struct config_snapshot *snapshot, const char *fmt, ...)
{
    char text[WARNING_MAX];
    va_list ap;

    if (snapshot->warning_count == CONFIG_WARNINGS_MAX) {
        snapshot->warnings_lost++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snapshot->warning[snapshot->warning_count] = config_arena_string(&snapshot->arena, text);
    if (snapshot->warning[snapshot->warning_count] != NULL)
        snapshot->warning_count++;
}

struct err *config_snapshot_defaults(struct config_snapshot *snapshot, void *base, int in_vhost)
{
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);
        struct err *err;

        if (config_table_in_vhost(row->where) != in_vhost)
            continue;
        err = config_value_set_text(row, base, row->fallback, &snapshot->arena);
        if (err)
            return err_wrap(err, "default of %s", row->env);
    }
    return NULL;
}

struct err *config_snapshot_vhost(struct config_snapshot *snapshot, const char *name,
                                  struct config_vhost_slot **out)
{
    struct config *config = &snapshot->config;
    struct config_vhost_slot *slot;

    for (int i = 0; i < config->vhost_count; i++) {
        if (str_ieq(config->vhost[i]->name, name)) {
            *out = (struct config_vhost_slot *)config->vhost[i];
            return NULL;
        }
    }
    if (config->vhost_count == CONFIG_VHOST_MAX)
        return err_new(ERR_CONFIG, "more than %d vhosts", CONFIG_VHOST_MAX);
    if (*name == '\0' || strlen(name) > 255)
        return err_new(ERR_CONFIG, "a vhost name has 1 to 255 characters");
    slot = config_arena_alloc(&snapshot->arena, sizeof(*slot));
    if (slot == NULL)
        return err_new(ERR_NOMEM, "no memory for the configuration");
    slot->vhost.name = config_arena_string(&snapshot->arena, name);
    if (slot->vhost.name == NULL)
        return err_new(ERR_NOMEM, "no memory for the configuration");
    config->vhost[config->vhost_count++] = &slot->vhost;
    *out = slot;
    return config_snapshot_defaults(snapshot, &slot->vhost, 1);
}
