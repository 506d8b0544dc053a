/*
 * Forms of old versions of SRS, which its later versions still read: before its version 3 most
 * directives of a vhost stood in the vhost itself, and some blocks had other names. Also the values
 * that SRS takes although they are out of range.
 */
#include "app/config/config_loader.h"

#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A line in a vhost, or in a block of config_forms_block(), "block.line". */
struct old_line {
    const char *name;
    enum config_where where; /* where it belongs today */
    const char *row;
    int turns_on; /* the line also turns the block on */
};

static const struct old_line old_lines[] = {
    {"mode", CONFIG_AT_CLUSTER, "mode", 0},
    {"origin", CONFIG_AT_CLUSTER, "origin", 0},
    {"token_traverse", CONFIG_AT_CLUSTER, "token_traverse", 0},
    {"vhost", CONFIG_AT_CLUSTER, "vhost", 0},
    {"gop_cache", CONFIG_AT_PLAY, "gop_cache", 0},
    {"gop_cache_max_frames", CONFIG_AT_PLAY, "gop_cache_max_frames", 0},
    {"queue_length", CONFIG_AT_PLAY, "queue_length", 0},
    {"time_jitter", CONFIG_AT_PLAY, "time_jitter", 0},
    {"mix_correct", CONFIG_AT_PLAY, "mix_correct", 0},
    {"atc", CONFIG_AT_PLAY, "atc", 0},
    {"atc_auto", CONFIG_AT_PLAY, "atc_auto", 0},
    {"mw_latency", CONFIG_AT_PLAY, "mw_latency", 0},
    {"mw_msgs", CONFIG_AT_PLAY, "mw_msgs", 0},
    {"send_min_interval", CONFIG_AT_PLAY, "send_min_interval", 0},
    {"reduce_sequence_header", CONFIG_AT_PLAY, "reduce_sequence_header", 0},
    {"publish_1stpkt_timeout", CONFIG_AT_PUBLISH, "firstpkt_timeout", 0},
    {"publish_normal_timeout", CONFIG_AT_PUBLISH, "normal_timeout", 0},
    {"mr.enabled", CONFIG_AT_PUBLISH, "mr", 0},
    {"mr.latency", CONFIG_AT_PUBLISH, "mr_latency", 0},
    {"refer", CONFIG_AT_REFER, "all", 1},
    {"refer_play", CONFIG_AT_REFER, "play", 1},
    {"refer_publish", CONFIG_AT_REFER, "publish", 1},
    {"forward", CONFIG_AT_FORWARD, "destination", 1},
};

static const struct {
    enum config_where parent;
    const char *name;
    enum config_where where; /* the block of today */
    int has_old_lines;       /* its directives have other names: "mr.latency" */
} old_blocks[] = {
    {CONFIG_AT_ROOT, "http_stream", CONFIG_AT_HTTP_SERVER, 0},
    {CONFIG_AT_VHOST, "http", CONFIG_AT_HTTP_STATIC, 0},
    {CONFIG_AT_VHOST, "mr", CONFIG_AT_PUBLISH, 1},
};

/* Rows that take the nearest value in range, with a warning: SRS reads any number here. */
static const struct {
    const char *env;
    int zero_is_max; /* 0 means "no limit" to SRS */
} clamped[] = {
    {"SRS_CHUNK_SIZE", 0},
    {"SRS_VHOST_CHUNK_SIZE", 0},
    {"SRS_VHOST_OUT_ACK_SIZE", 0},
    {"SRS_VHOST_IN_ACK_SIZE", 0},
    {"SRS_VHOST_PLAY_GOP_CACHE_MAX_FRAMES", 0},
    {"SRS_VHOST_PLAY_QUEUE_LENGTH", 1},
    {"SRS_VHOST_PLAY_MW_LATENCY", 0},
    {"SRS_VHOST_PLAY_MW_MSGS", 0},
    {"SRS_VHOST_PLAY_SEND_MIN_INTERVAL", 0},
    {"SRS_VHOST_PUBLISH_FIRSTPKT_TIMEOUT", 0},
    {"SRS_VHOST_PUBLISH_NORMAL_TIMEOUT", 0},
    {"SRS_VHOST_PUBLISH_KICKOFF_FOR_IDLE", 0},
    {"SRS_VHOST_PUBLISH_MR_LATENCY", 0},
    {"SRS_VHOST_HTTP_REMUX_FAST_CACHE", 0},
    {"SRS_VHOST_DVR_DVR_DURATION", 0},
    {"SRS_VHOST_HLS_HLS_FRAGMENT", 0},
    {"SRS_VHOST_HLS_HLS_WINDOW", 0},
    {"SRS_GRACE_START_WAIT", 0},
    {"SRS_GRACE_FINAL_WAIT", 0},
};

const struct config_row *config_forms_row(const char *name, const struct config_row **enabled)
{
    assert(name != NULL && enabled != NULL);
    *enabled = NULL;
    for (size_t i = 0; i < sizeof(old_lines) / sizeof(old_lines[0]); i++) {
        const struct old_line *line = &old_lines[i];

        if (strcmp(line->name, name) != 0)
            continue;
        if (line->turns_on)
            *enabled = config_table_find(line->where, "enabled");
        return config_table_find(line->where, line->row);
    }
    return NULL;
}

enum config_where config_forms_block(enum config_where parent, const char *name, int *has_old_lines)
{
    assert(name != NULL && has_old_lines != NULL);
    for (size_t i = 0; i < sizeof(old_blocks) / sizeof(old_blocks[0]); i++) {
        if (old_blocks[i].parent != parent || strcmp(old_blocks[i].name, name) != 0)
            continue;
        *has_old_lines = old_blocks[i].has_old_lines;
        return old_blocks[i].where;
    }
    *has_old_lines = 0;
    return CONFIG_WHERE_COUNT;
}

/* Parses "12", "-3", "1.5"; the fraction is dropped. */
static int number_parse(const char *word, int64_t *out)
{
    size_t sign = word[0] == '-';
    size_t digits = strspn(word + sign, "0123456789");
    const char *rest = word + sign + digits;

    if (digits == 0 || digits > 15 ||
        (*rest != '\0' && (*rest != '.' || rest[1 + strspn(rest + 1, "0123456789")] != '\0')))
        return -1;
    *out = strtoll(word, NULL, 10);
    return 0;
}

int config_forms_clamp(const struct config_row *row, const char *word, char *out, size_t cap)
{
    int64_t value, nearest;

    for (size_t i = 0; i < sizeof(clamped) / sizeof(clamped[0]); i++) {
        if (strcmp(clamped[i].env, row->env) != 0)
            continue;
        if (number_parse(word, &value) != 0)
            return 0;
        nearest = value < row->min ? row->min : value > row->max ? row->max : value;
        if (value == 0 && row->min > 0 && clamped[i].zero_is_max)
            nearest = row->max;
        /* "-0.5" and "10000.5" are out of range by their fractions. */
        if (nearest == value && (value != row->max || strchr(word, '.') == NULL) && word[0] != '-')
            return 0;
        return str_format(out, cap, "%lld", (long long)nearest) == 0;
    }
    return 0;
}
