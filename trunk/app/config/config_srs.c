/*
 * Names that SRS has and this server does not support, so that a file written for SRS works
 * unchanged; and the nearest name for an unknown one. If a whole block is not supported, only its
 * name is listed, and its content is ignored. The lists cover the versions 2 to 7 of SRS; names of
 * old versions only are included, since a warning is better than a server that does not start. No
 * name here may decide who publishes or plays: ignoring it would allow too much.
 */
#include "app/config/config_table.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

#define NAME_MAX_LEN 64 /* the maximum for str_distance() */
#define ENV_MAX      128

struct srs_names {
    enum config_where where;
    enum config_srs kind;
    const char *const *names;
};

/* Without a meaning here: the server has no such part, or does it by itself. */
static const char *const root_needless[] = {"is_full",
                                            "ff_log_dir",
                                            "ff_log_level",
                                            "srs_log_level_v2",
                                            "srs_log_flush_interval",
                                            "pithy_print_ms",
                                            "auto_reload_for_docker",
                                            "empty_ip_ok",
                                            "tcmalloc_release_rate",
                                            "query_latest_version",
                                            "first_wait_for_qlv",
                                            "thread_numbers",
                                            "threads",
                                            "circuit_breaker",
                                            "stats",
                                            NULL};

static const char *const publish_needless[] = {"parse_sps", "try_annexb_first", NULL};

static const char *const vhost_needless[] = {"debug_srs_upnode", NULL};

static const char *const cluster_needless[] = {"debug_srs_upnode", NULL};

/* Files are not written, and what concerns only them has no meaning. */
static const char *const hls_needless[] = {"hls_td_ratio",
                                           "hls_aof_ratio",
                                           "hls_on_error",
                                           "hls_path",
                                           "hls_mount",
                                           "hls_storage",
                                           "hls_ts_file",
                                           "hls_ts_floor",
                                           "hls_acodec",
                                           "hls_vcodec",
                                           "hls_cleanup",
                                           "hls_dispose",
                                           "hls_nb_notify",
                                           "hls_wait_keyframe",
                                           "hls_dts_directly",
                                           "hls_ctx",
                                           "hls_ts_ctx",
                                           "hls_recover",
                                           "hls_master_m3u8_path_relative",
                                           "hls_use_fmp4",
                                           "hls_fmp4_file",
                                           "hls_init_file",
                                           "hls_fragments_per_key",
                                           "hls_key_file",
                                           "hls_key_file_path",
                                           "hls_key_url",
                                           NULL};

static const char *const hls_names[] = {"hls_keys", "hls_entry_prefix", "hls_m3u8_file", NULL};

static const char *const root_names[] = {"kafka", "tencentcloud_cls", "tencentcloud_apm",
                                         /* other protocols */
                                         "stream_caster", "srt_server", "rtc_server", "rtsp_server",
                                         NULL};

static const char *const vhost_names[] = {"bandcheck", "hds",  "dash", "transcode", "ingest",
                                          "exec",      "rtc",  "srt",  "rtsp",      "http_vod",
                                          "http_flv",  "nack", "twcc", NULL};

static const char *const hooks_names[] = {"on_hls_notify", NULL};

static const struct srs_names srs_names[] = {
    {CONFIG_AT_ROOT, CONFIG_SRS_NEEDLESS, root_needless},
    {CONFIG_AT_VHOST, CONFIG_SRS_NEEDLESS, vhost_needless},
    {CONFIG_AT_PUBLISH, CONFIG_SRS_NEEDLESS, publish_needless},
    {CONFIG_AT_CLUSTER, CONFIG_SRS_NEEDLESS, cluster_needless},
    {CONFIG_AT_HLS, CONFIG_SRS_NEEDLESS, hls_needless},
    {CONFIG_AT_HLS, CONFIG_SRS_NOT_SERVED, hls_names},
    {CONFIG_AT_ROOT, CONFIG_SRS_NOT_SERVED, root_names},
    {CONFIG_AT_VHOST, CONFIG_SRS_NOT_SERVED, vhost_names},
    {CONFIG_AT_HTTP_HOOKS, CONFIG_SRS_NOT_SERVED, hooks_names},
};

#define SRS_NAMES_COUNT (sizeof(srs_names) / sizeof(srs_names[0]))

enum config_srs config_srs_knows(enum config_where where, const char *name)
{
    assert(name != NULL);
    for (size_t i = 0; i < SRS_NAMES_COUNT; i++) {
        if (srs_names[i].where != where)
            continue;
        for (const char *const *known = srs_names[i].names; *known != NULL; known++)
            if (strcmp(*known, name) == 0)
                return srs_names[i].kind;
    }
    return CONFIG_SRS_UNKNOWN;
}

enum config_srs config_srs_knows_env(const char *env)
{
    char prefix[ENV_MAX];

    for (size_t i = 0; i < SRS_NAMES_COUNT; i++) {
        for (const char *const *known = srs_names[i].names; *known != NULL; known++) {
            size_t len;

            config_table_env(srs_names[i].where, *known, prefix, sizeof(prefix));
            len = strlen(prefix);
            if (strncmp(env, prefix, len) == 0 && (env[len] == '\0' || env[len] == '_'))
                return srs_names[i].kind;
            /* The doubled SRS_ of srs_log_level_v2 may be left out. */
            if (str_starts(prefix, "SRS_SRS_") && strcmp(env, prefix + 4) == 0)
                return srs_names[i].kind;
        }
    }
    return CONFIG_SRS_UNKNOWN;
}

struct nearest {
    const char *given;
    const char *name;
    int distance;
};

static void nearest_try(struct nearest *nearest, const char *name)
{
    int distance = str_distance(nearest->given, name);

    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->name = name;
    }
}

/* A name that differs in more than a third of its letters is no typing error. */
static void nearest_start(struct nearest *nearest, const char *given)
{
    size_t len = strlen(given);

    nearest->given = given;
    nearest->name = NULL;
    nearest->distance = len > NAME_MAX_LEN ? 0 : (int)(len / 3) + 2;
}

/* The block that has a directive or block with exactly this name; CONFIG_WHERE_COUNT if none
 * has. */
static enum config_where elsewhere(const char *name)
{
    for (int where = 0; where < CONFIG_WHERE_COUNT; where++)
        if (config_table_find((enum config_where)where, name) != NULL ||
            config_table_block_find((enum config_where)where, name) != CONFIG_WHERE_COUNT)
            return (enum config_where)where;
    return CONFIG_WHERE_COUNT;
}

void config_nearest(enum config_where where, const char *name, char *out, size_t cap)
{
    enum config_where other = elsewhere(name);
    struct nearest nearest;
    char path[64];

    if (other != CONFIG_WHERE_COUNT) {
        config_table_path(other, path, sizeof(path));
        if (other == CONFIG_AT_ROOT)
            (void)str_format(out, cap, " (it belongs outside of all blocks)");
        else
            (void)str_format(out, cap, " (it belongs in %s… })", path);
        return;
    }
    nearest_start(&nearest, name);
    for (size_t i = 0; i < config_table_count(); i++)
        if (config_table_row(i)->where == where)
            nearest_try(&nearest, config_table_row(i)->name);
    for (int i = CONFIG_AT_ROOT + 1; i < CONFIG_WHERE_COUNT; i++)
        if (config_table_block((enum config_where)i)->parent == where)
            nearest_try(&nearest, config_table_block((enum config_where)i)->name);
    for (size_t i = 0; i < SRS_NAMES_COUNT; i++)
        if (srs_names[i].where == where)
            for (const char *const *known = srs_names[i].names; *known != NULL; known++)
                nearest_try(&nearest, *known);
    if (nearest.name != NULL)
        (void)str_format(out, cap, " (did you mean \"%s\"?)", nearest.name);
    else
        (void)str_copy(out, cap, "");
}

void config_nearest_env(const char *env, char *out, size_t cap)
{
    struct nearest nearest;

    nearest_start(&nearest, env);
    for (size_t i = 0; i < config_table_count(); i++)
        nearest_try(&nearest, config_table_row(i)->env);
    if (nearest.name != NULL)
        (void)str_format(out, cap, " (did you mean %s?)", nearest.name);
    else
        (void)str_copy(out, cap, "");
}
