/*
 * The environment: "SRS_" and a directive's path in upper case; several values are separated by
 * spaces. It overrides the file; a vhost's directive applies to all vhosts. An empty variable
 * counts as not set. Unknown names only cause a warning: container platforms set variables of their
 * own (SRS_PORT, SRS_SERVICE_HOST). Those of access rules are errors.
 */
#include "app/config/config_loader.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

#define ENV_NAME_MAX 128

/* Names besides those of the table: the doubled SRS_, the rtmp block of newer versions, and SRS's
 * own name for the address of the machine. */
static const struct {
    const char *env, *means;
} aliases[] = {
    {"SRS_SRS_LOG_TANK", "SRS_LOG_TANK"},      {"SRS_SRS_LOG_LEVEL", "SRS_LOG_LEVEL"},
    {"SRS_SRS_LOG_FILE", "SRS_LOG_FILE"},      {"SRS_RTMP_LISTEN", "SRS_LISTEN"},
    {"SRS_RTMP_CHUNK_SIZE", "SRS_CHUNK_SIZE"}, {"SRS_DEVICE_IP", "SRS_HEARTBEAT_IP"},
};

static const struct config_row *env_find(const char *name)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcmp(aliases[i].env, name) == 0)
            name = aliases[i].means;
    for (size_t i = 0; i < config_table_count(); i++)
        if (strcmp(config_table_row(i)->env, name) == 0)
            return config_table_row(i);
    return NULL;
}

static struct err *env_set(struct config_snapshot *snapshot, const struct config_row *row,
                           const char *value)
{
    struct config *config = &snapshot->config;
    struct err *err = NULL;
    char nearest[32];

    if (config_forms_clamp(row, value, nearest, sizeof(nearest))) {
        config_snapshot_warn(snapshot, "environment: %s %s is out of range: %s is used", row->env,
                             value, nearest);
        value = nearest;
    }
    if (!config_table_in_vhost(row->where)) {
        snapshot->seen.row[config_table_index(row)] = 1;
        return config_value_set_text(row, config, value, &snapshot->arena);
    }
    for (int i = 0; i < config->vhost_count && !err; i++) {
        ((struct config_vhost_slot *)config->vhost[i])->seen.row[config_table_index(row)] = 1;
        err = config_value_set_text(row, config->vhost[i], value, &snapshot->arena);
    }
    return err;
}

/* Whether a name belongs to a block that decides who may do what. */
static int is_guard(const char *name)
{
    for (int i = CONFIG_AT_ROOT + 1; i < CONFIG_WHERE_COUNT; i++) {
        char prefix[ENV_NAME_MAX];

        if (!config_table_is_guard((enum config_where)i))
            continue;
        config_table_env((enum config_where)i, "", prefix, sizeof(prefix));
        if (str_starts(name, prefix))
            return 1;
    }
    return 0;
}

/* "SRS_VHOST_HLS_ENABLED=off" asks for nothing. */
static int is_turned_off(const char *name, const char *value)
{
    size_t len = strlen(name);

    return len > 8 && strcmp(name + len - 8, "_ENABLED") == 0 && str_ieq(value, "off");
}

static struct err *env_one(struct config_snapshot *snapshot, const char *name, const char *value)
{
    const struct config_row *row = env_find(name);
    enum config_srs known;
    char nearest[ENV_NAME_MAX];
    struct err *err;

    /* Read with the command line. */
    if (strcmp(name, CONFIG_ENV_ONLY) == 0 || strcmp(name, CONFIG_ENV_FILE) == 0)
        return NULL;
    if (row != NULL) {
        err = env_set(snapshot, row, value);
        if (err)
            return err_wrap(err, "environment: %s", name);
        return NULL;
    }
    known = config_srs_knows_env(name);
    if (known == CONFIG_SRS_NEEDLESS || (known != CONFIG_SRS_UNKNOWN && is_turned_off(name, value)))
        return NULL;
    config_nearest_env(name, nearest, sizeof(nearest));
    if (known == CONFIG_SRS_UNKNOWN && is_guard(name))
        return err_new(ERR_CONFIG, "environment: %s: unknown directive%s", name, nearest);
    if (known != CONFIG_SRS_UNKNOWN)
        config_snapshot_warn(snapshot, "environment: %s is not supported: ignored", name);
    else
        config_snapshot_warn(snapshot, "environment: %s is unknown%s: ignored", name, nearest);
    return NULL;
}

struct err *config_env_apply(struct config_snapshot *snapshot, char **environment)
{
    assert(snapshot != NULL);
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        char name[ENV_NAME_MAX];
        struct err *err;

        if (!str_starts(*entry, "SRS_") || equals == NULL || equals[1] == '\0' ||
            str_copy_n(name, sizeof(name), *entry, (size_t)(equals - *entry)))
            continue;
        err = env_one(snapshot, name, equals + 1);
        if (err)
            return err;
    }
    return NULL;
}
