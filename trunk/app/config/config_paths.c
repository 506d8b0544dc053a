/*
 * Rows of type CONFIG_PATH have the kind of the path as their minimum. Listeners' addresses may be
 * paths of UNIX sockets.
 */
#include "app/config/config_paths.h"

#include "app/config/config_table.h"
#include "base/str.h"

#include <string.h>

#define UNIX_PREFIX "unix:"

struct paths {
    int (*visit)(void *arg, const struct config_path *path);
    void *arg;
};

static int paths_sockets(const struct paths *paths, const struct config_row *row,
                         const struct config_strings *list)
{
    int rc = 0;

    for (int i = 0; i < list->count && rc == 0; i++) {
        struct config_path path = {CONFIG_PATH_SOCKET, row->name, list->item[i], 0};

        if (!str_starts(path.text, UNIX_PREFIX))
            continue;
        path.text += sizeof(UNIX_PREFIX) - 1;
        rc = paths->visit(paths->arg, &path);
    }
    return rc;
}

static int paths_row(const struct paths *paths, const struct config_row *row, const void *base)
{
    const char *at = (const char *)base + row->offset;
    struct config_path path = {CONFIG_PATH_READ, row->name, NULL, 0};

    if (row->type == CONFIG_ENDPOINTS)
        return paths_sockets(paths, row, (const struct config_strings *)(const void *)at);
    if (row->type != CONFIG_PATH)
        return 0;
    path.kind = (enum config_path_kind)row->min;
    path.text = *(const char *const *)(const void *)at;
    path.is_default = strcmp(path.text, row->fallback) == 0;
    return *path.text != '\0' ? paths->visit(paths->arg, &path) : 0;
}

static int paths_rows(const struct paths *paths, const void *base, int in_vhost)
{
    int rc = 0;

    for (size_t i = 0; i < config_table_count() && rc == 0; i++) {
        const struct config_row *row = config_table_row(i);

        if (config_table_in_vhost(row->where) == in_vhost)
            rc = paths_row(paths, row, base);
    }
    return rc;
}

int config_paths(const struct config *config,
                 int (*visit)(void *arg, const struct config_path *path), void *arg)
{
    const struct paths paths = {visit, arg};
    int rc = paths_rows(&paths, config, 0);

    for (int i = 0; i < config->vhost_count && rc == 0; i++)
        rc = paths_rows(&paths, config->vhost[i], 1);
    return rc;
}
