/*
 * The table of all directives (doc/style.md, "Configuration and formats"), put together from the
 * files that have the rows: config_table_server.c and its siblings, one for each subject. To add a
 * directive: a field in app/config/config.h and a row in one of these files; then run the two
 * commands that write conf/full.conf and doc/configuration.md, which a test compares with the
 * table. A new file with rows also needs an entry in parts[] and a declaration in
 * config_table_rows.h.
 */
#include "app/config/config_table.h"
#include "app/config/config_table_rows.h"

#include <assert.h>
#include <string.h>

/* Within a block, rows are printed in this order. */
static const struct config_rows *const parts[] = {
    &config_table_server, &config_table_http,    &config_table_api,   &config_table_vhost,
    &config_table_access, &config_table_cluster, &config_table_hooks, &config_table_dvr,
    &config_table_hls,    &config_table_metrics,
};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

size_t config_table_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < PART_COUNT; i++)
        count += parts[i]->count;
    return count;
}

const struct config_row *config_table_row(size_t i)
{
    size_t part = 0;

    while (part < PART_COUNT && i >= parts[part]->count)
        i -= parts[part++]->count;
    assert(part < PART_COUNT);
    return &parts[part]->row[i];
}

size_t config_table_index(const struct config_row *row)
{
    size_t before = 0, part = 0;

    while (part < PART_COUNT &&
           (row < parts[part]->row || row >= parts[part]->row + parts[part]->count))
        before += parts[part++]->count;
    assert(part < PART_COUNT);
    return before + (size_t)(row - parts[part]->row);
}

const struct config_row *config_table_find(enum config_where where, const char *name)
{
    assert(name != NULL);
    for (size_t part = 0; part < PART_COUNT; part++)
        for (size_t i = 0; i < parts[part]->count; i++)
            if (parts[part]->row[i].where == where && strcmp(parts[part]->row[i].name, name) == 0)
                return &parts[part]->row[i];
    return NULL;
}

int config_table_is_list(const struct config_row *row)
{
    return row->type >= CONFIG_ENDPOINTS && row->type <= CONFIG_SECRETS;
}
