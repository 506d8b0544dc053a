/*
 * A row for each directive of nginx's RTMP modules that can stand in an application or around it:
 * what becomes of it. Inner blocks replace what outer ones say; of lists, the whole list.
 */
#include "tools/import-nginx/import_app.h"

#include "base/str.h"
#include "tools/import-nginx/import_rules.h"
#include "tools/import-nginx/nginx_value.h"

#include <string.h>

#define FORMAT_OF_HOOKS                                                                        \
    "is called with JSON, and must answer 0, as SRS does it: change the web application; see " \
    "doc/hooks.md"

enum kind {
    KIND_QUIET,  /* nothing to carry over: it is always so here, or has no meaning */
    KIND_NOTE,   /* text says what to do */
    KIND_FLAG,   /* on or off */
    KIND_COUNT,  /* a number from min to max */
    KIND_MS,     /* a time, into ms */
    KIND_SEC,    /* a time, into seconds */
    KIND_BYTES,  /* a size, as a line of the top level; text is its name */
    KIND_HOOK,   /* an address of a callback; text is its name here */
    KIND_ACCESS, /* allow, deny */
    KIND_PUSH,
    KIND_PULL,
    KIND_LIVE,
    KIND_RECORD /* record and its path: together, at the end */
};

static const struct rule {
    const char *name;
    enum kind kind;
    int key; /* of values */
    int64_t min, max;
    const char *text;
} rules[] = {
    {"live", KIND_LIVE, 0, 0, 0, NULL},
    {"chunk_size", KIND_COUNT, IMPORT_CHUNK_SIZE, 128, 65536, NULL},
    {"max_message", KIND_BYTES, 0, 64 * 1024, 256 * 1024 * 1024, "max_message"},
    {"gop_cache", KIND_FLAG, IMPORT_GOP_CACHE, 0, 0, NULL},
    {"gop_max_frame_count", KIND_COUNT, IMPORT_GOP_FRAMES, 0, 1000000, NULL},
    {"gop_cache_count", KIND_NOTE, 0, 0, 0, "viewers begin at the latest keyframe; see rewind"},
    {"publish_time_fix", KIND_QUIET, 0, 0, 0, NULL},
    {"drop_idle_publisher", KIND_MS, IMPORT_TIMEOUT, 10, 3600000, NULL},
    {"idle_streams", KIND_FLAG, IMPORT_HSTRS, 0, 0, NULL},
    {"on_connect", KIND_HOOK, 0, 0, 0, "on_connect"},
    {"on_disconnect", KIND_HOOK, 0, 0, 0, "on_close"},
    {"on_publish", KIND_HOOK, 0, 0, 0, "on_publish"},
    {"on_publish_done", KIND_HOOK, 0, 0, 0, "on_unpublish"},
    {"on_play", KIND_HOOK, 0, 0, 0, "on_play"},
    {"on_play_done", KIND_HOOK, 0, 0, 0, "on_stop"},
    {"on_done", KIND_HOOK, 0, 0, 0, "on_unpublish"},
    {"on_record_done", KIND_HOOK, 0, 0, 0, "on_dvr"},
    {"on_update", KIND_NOTE, 0, 0, 0, "there are no calls while a client is connected"},
    {"notify_method", KIND_NOTE, 0, 0, 0, "callbacks are POST requests"},
    {"notify_update_timeout", KIND_QUIET, 0, 0, 0, NULL},
    {"notify_update_strict", KIND_QUIET, 0, 0, 0, NULL},
    {"notify_relay_redirect", KIND_NOTE, 0, 0, 0, "a callback's 302 redirects the client itself"},
    {"allow", KIND_ACCESS, 0, 0, 0, NULL},
    {"deny", KIND_ACCESS, 0, 0, 0, NULL},
    {"push", KIND_PUSH, 0, 0, 0, NULL},
    {"push_reconnect", KIND_QUIET, 0, 0, 0, NULL},
    {"pull", KIND_PULL, 0, 0, 0, NULL},
    {"pull_reconnect", KIND_QUIET, 0, 0, 0, NULL},
    {"session_relay", KIND_QUIET, 0, 0, 0, NULL},
    {"relay_buffer", KIND_QUIET, 0, 0, 0, NULL},
    {"record", KIND_RECORD, 0, 0, 0, NULL},
    {"record_path", KIND_RECORD, 0, 0, 0, NULL},
    {"record_unique", KIND_QUIET, 0, 0, 0, NULL},
    {"record_append", KIND_NOTE, 0, 0, 0, "each recording has a file of its own"},
    {"record_suffix", KIND_NOTE, 0, 0, 0, "see dvr_path"},
    {"record_interval", KIND_SEC, IMPORT_DVR_DURATION, 1, 86400, NULL},
    {"record_max_size", KIND_NOTE, 0, 0, 0, "files are limited by time: dvr_duration"},
    {"record_max_frames", KIND_NOTE, 0, 0, 0, "files are limited by time: dvr_duration"},
    {"record_lock", KIND_QUIET, 0, 0, 0, NULL},
    {"record_notify", KIND_QUIET, 0, 0, 0, NULL},
    {"recorder", KIND_NOTE, 0, 0, 0, "a vhost has one recorder; see doc/recording.md"},
    {"hls", KIND_FLAG, IMPORT_HLS, 0, 0, NULL},
    {"hls_fragment", KIND_SEC, IMPORT_HLS_FRAGMENT, 1, 60, NULL},
    {"hls_playlist_length", KIND_SEC, IMPORT_HLS_WINDOW, 1, 3600, NULL},
    {"hls_path", KIND_NOTE, 0, 0, 0, "segments are in memory, at /APP/STREAM.m3u8"},
    {"hls_nested", KIND_NOTE, 0, 0, 0, "playlists are at /APP/STREAM.m3u8"},
    {"hls_cleanup", KIND_QUIET, 0, 0, 0, NULL},
    {"hls_continuous", KIND_QUIET, 0, 0, 0, NULL},
    {"hls_fragment_naming", KIND_QUIET, 0, 0, 0, NULL},
    {"hls_fragment_slicing", KIND_QUIET, 0, 0, 0, NULL},
    {"hls_sync", KIND_QUIET, 0, 0, 0, NULL},
    {"hls_type", KIND_NOTE, 0, 0, 0, "playlists are live ones"},
    {"hls_variant", KIND_NOTE, 0, 0, 0, "see ladder in doc/ladder.md"},
    {"hls_keys", KIND_NOTE, 0, 0, 0, "segments are not encrypted; use HTTPS and tokens"},
    {"dash", KIND_NOTE, 0, 0, 0, "there is no DASH; players of HLS or FLV can be used"},
    {"exec", KIND_NOTE, 0, 0, 0,
     "this server starts no programs: start it beside the server, "
     "or from a callback"},
    {"exec_push", KIND_NOTE, 0, 0, 0, "this server starts no programs"},
    {"exec_pull", KIND_NOTE, 0, 0, 0, "this server starts no programs; see on_demand"},
    {"exec_static", KIND_NOTE, 0, 0, 0, "this server starts no programs"},
    {"exec_publish", KIND_NOTE, 0, 0, 0, "this server starts no programs; see on_publish"},
    {"exec_publish_done", KIND_NOTE, 0, 0, 0, "this server starts no programs; see on_unpublish"},
    {"exec_play", KIND_NOTE, 0, 0, 0, "this server starts no programs; see on_play"},
    {"exec_play_done", KIND_NOTE, 0, 0, 0, "this server starts no programs; see on_stop"},
    {"exec_record_done", KIND_NOTE, 0, 0, 0, "this server starts no programs; see on_dvr"},
    {"exec_options", KIND_QUIET, 0, 0, 0, NULL},
    {"play", KIND_NOTE, 0, 0, 0, "files are played over HTTP: put them below http_server's dir"},
    {"max_connections", KIND_NOTE, 0, 0, 0, "see max_viewers and max_publishers"},
    {"max_streams", KIND_QUIET, 0, 0, 0, NULL},
    {"access_log", KIND_NOTE, 0, 0, 0, "each client has lines in the server's log"},
    {"timeout", KIND_QUIET, 0, 0, 0, NULL},
    {"ping", KIND_QUIET, 0, 0, 0, NULL},
    {"ping_timeout", KIND_QUIET, 0, 0, 0, NULL},
    {"ack_window", KIND_QUIET, 0, 0, 0, NULL},
    {"out_queue", KIND_QUIET, 0, 0, 0, NULL},
    {"out_cork", KIND_QUIET, 0, 0, 0, NULL},
    {"buflen", KIND_QUIET, 0, 0, 0, NULL},
    {"meta", KIND_QUIET, 0, 0, 0, NULL},
    {"interleave", KIND_QUIET, 0, 0, 0, NULL},
    {"wait_key", KIND_QUIET, 0, 0, 0, NULL},
    {"wait_video", KIND_QUIET, 0, 0, 0, NULL},
    {"sync", KIND_QUIET, 0, 0, 0, NULL},
    {"play_restart", KIND_QUIET, 0, 0, 0, NULL},
    {"publish_notify", KIND_QUIET, 0, 0, 0, NULL},
    {"busy", KIND_QUIET, 0, 0, 0, NULL},
    {"so_keepalive", KIND_QUIET, 0, 0, 0, NULL},
    {"server_names_hash_bucket_size", KIND_QUIET, 0, 0, 0, NULL},
    {"server_names_hash_max_size", KIND_QUIET, 0, 0, 0, NULL},
    {"server", KIND_QUIET, 0, 0, 0, NULL},
    {"server_name", KIND_QUIET, 0, 0, 0, NULL},
    {"application", KIND_QUIET, 0, 0, 0, NULL},
    {"listen", KIND_QUIET, 0, 0, 0, NULL},
};

struct app {
    struct import *im;
    struct import_settings *out;
    struct import_rules rules;
    const struct conf_node *record, *record_path;
    int is_live;
};

static const struct rule *rule_find(const char *name)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

static void value_set(struct app *app, int key, const struct conf_node *node, const char *text)
{
    struct import_value *value = &app->out->value[key];

    value->from = node;
    if (str_copy(value->text, sizeof(value->text), text) != 0) {
        value->text[0] = '\0';
        import_note(app->im, node, "is too long");
    }
}

/* A value as a number within the row's limits. 0; -1: noted. */
static int number(struct app *app, const struct rule *rule, const struct conf_node *node,
                  int64_t *out)
{
    const char *text = nginx_value_first(node);
    int rc;

    if (rule->kind == KIND_COUNT)
        rc = str_to_i64(text, 0, INT64_MAX / 2, out);
    else if (rule->kind == KIND_BYTES)
        rc = nginx_value_size(text, out);
    else
        rc = nginx_value_time(text, rule->kind == KIND_MS ? 1 : 1000, out);
    if (rc == 0 && rule->kind == KIND_SEC)
        *out = (*out + 999) / 1000;
    if (rc == 0 && *out >= rule->min && *out <= rule->max)
        return 0;
    import_note(app->im, node, "%.100s is not from %lld to %lld here", text, (long long)rule->min,
                (long long)rule->max);
    return -1;
}

static void number_set(struct app *app, const struct rule *rule, const struct conf_node *node)
{
    char text[64];
    int64_t value;

    if (number(app, rule, node, &value) != 0)
        return;
    if (rule->kind == KIND_BYTES) {
        (void)str_format(text, sizeof(text), "%s %lld;", rule->text, (long long)value);
        import_line(app->im, &app->im->server, text);
        return;
    }
    (void)str_format(text, sizeof(text), "%lld", (long long)value);
    value_set(app, rule->key, node, text);
}

static void apply(struct app *app, const struct rule *rule, const struct conf_node *node)
{
    switch (rule->kind) {
    case KIND_NOTE:
        if (rule->text != NULL && strcmp(nginx_value_first(node), "off") != 0)
            import_note(app->im, node, "%s", rule->text);
        break;
    case KIND_FLAG:
        value_set(app, rule->key, node, nginx_value_is_on(node) ? "on" : "off");
        break;
    case KIND_COUNT:
    case KIND_MS:
    case KIND_SEC:
    case KIND_BYTES:
        number_set(app, rule, node);
        break;
    case KIND_LIVE:
        app->is_live = nginx_value_is_on(node);
        break;
    case KIND_RECORD:
        if (strcmp(node->name, "record") == 0)
            app->record = node;
        else
            app->record_path = node;
        break;
    case KIND_HOOK:
        import_note(app->im, node, FORMAT_OF_HOOKS);
        import_rules_hook(&app->rules, node, rule->text);
        break;
    case KIND_ACCESS:
        import_rules_access(&app->rules, node);
        break;
    case KIND_PUSH:
        import_rules_push(&app->rules, node);
        break;
    case KIND_PULL:
        import_rules_pull(&app->rules, node);
        break;
    case KIND_QUIET:
        break;
    }
}

/* record, record_path and record_interval are one block here. */
static void record_settle(struct app *app)
{
    const char *folder = app->record_path != NULL ? nginx_value_first(app->record_path) : "/tmp";
    char path[IMPORT_VALUE_MAX];
    int is_all = 0;
    int is_off = app->record == NULL;

    for (int i = 0; app->record != NULL && i < app->record->arg_count; i++) {
        is_off |= strcmp(app->record->args[i], "off") == 0;
        is_all |= strcmp(app->record->args[i], "all") == 0;
        if (strcmp(app->record->args[i], "manual") == 0) {
            import_note(app->im, app->record,
                        "the API starts and stops recordings; see "
                        "doc/recording.md");
            is_off = 1;
        }
    }
    if (is_off) {
        app->out->value[IMPORT_DVR_DURATION].text[0] = '\0';
        return;
    }
    if (!is_all)
        import_note(app->im, app->record, "all of a stream is recorded");
    if (str_format(path, sizeof(path), "%s/[stream].[timestamp].flv", folder) != 0)
        return;
    value_set(app, IMPORT_DVR, app->record, "on");
    value_set(app, IMPORT_DVR_PATH, app->record, path);
    value_set(app, IMPORT_DVR_PLAN, app->record,
              app->out->value[IMPORT_DVR_DURATION].text[0] != '\0' ? "segment" : "session");
}

int import_app_read(struct import *im, const struct conf_node *const level[], int levels,
                    struct import_settings *out)
{
    struct app app = {.im = im, .out = out};
    const struct conf_node *name = level[levels - 1];

    for (int i = 0; i < levels; i++) {
        import_rules_enter(&app.rules);
        for (const struct conf_node *n = level[i]->child; n != NULL; n = n->next) {
            const struct rule *rule = rule_find(n->name);

            if (rule != NULL)
                apply(&app, rule, n);
            else
                import_note(im, n, "not known to this server");
        }
    }
    if (!app.is_live) {
        import_note(im, name, "%.100s is not live; left out", nginx_value_first(name));
        return 0;
    }
    record_settle(&app);
    if (strcmp(out->value[IMPORT_HLS].text, "on") != 0)
        out->value[IMPORT_HLS_FRAGMENT].text[0] = out->value[IMPORT_HLS_WINDOW].text[0] = '\0';
    import_rules_settle(im, &app.rules, nginx_value_first(name), out);
    if (out->list[IMPORT_ORIGIN].len > 0)
        value_set(&app, IMPORT_PULL_MODE, name, "remote");
    return 1;
}
