/*
 * Creates a snapshot of the configuration: the defaults of the table, then the file, then the
 * environment, and last the values that depend on other directives. Reading a file blocks for as
 * long as a local disk takes; that happens only at the start and at a reload.
 */
#include "app/config/config_loader.h"

#include "app/config/security.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_VHOST "__defaultVhost__"
#define DAEMON_PID    "./objs/millrace.pid"
/* The value for "no limit": the largest that can be configured. */
/* Shorter parts of HLS are more requests than they save time. */
#define HLS_PART_MIN   (100 * USEC_PER_MS)
#define GOP_FRAMES_MAX 1000000

/* config_vhost_find() falls back on the first vhost: create __defaultVhost__ if absent, and move it
 * to the front. */
static struct err *put_default_vhost_first(struct config_snapshot *snapshot)
{
    struct config *config = &snapshot->config;
    struct config_vhost_slot *slot;
    struct err *err = config_snapshot_vhost(snapshot, DEFAULT_VHOST, &slot);
    int i = 0;

    if (err)
        return err;
    while (config->vhost[i] != &slot->vhost)
        i++;
    memmove(config->vhost + 1, config->vhost, (size_t)i * sizeof(config->vhost[0]));
    config->vhost[0] = &slot->vhost;
    return NULL;
}

static struct err *apply_file(struct config_snapshot *snapshot)
{
    struct config_source *source = snapshot->source;
    struct conf_tree *tree;
    struct err *err = conf_parse(source->path, config_source_load, source, &tree);

    if (err)
        return err;
    err = config_tree_apply(snapshot, tree);
    conf_free(tree);
    return err;
}

static int is_given(const struct config_snapshot *snapshot, const char *name)
{
    return snapshot->seen.row[config_table_index(config_table_find(CONFIG_AT_ROOT, name))];
}

static int is_container(char **environment)
{
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++)
        if (str_starts(*entry, "container=") && (*entry)[10] != '\0')
            return 1;
    return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

/* In a container: foreground, log to the console. As a daemon: a log file and a pid file. */
static struct err *settle_process(struct config_snapshot *snapshot, char **environment)
{
    struct config *config = &snapshot->config;

    config->in_docker = config->in_docker || is_container(environment);
    if (config->daemon && config->in_docker && config->disable_daemon_for_docker) {
        config_snapshot_warn(snapshot,
                             "daemon: this is a container, so the server stays in the foreground");
        config->daemon = 0;
    }
    if (config->daemon && config->asprocess)
        return err_new(ERR_CONFIG, "daemon and asprocess cannot both be on");
    if (!is_given(snapshot, "srs_log_tank"))
        config->log_to_file = config->daemon;
    if (!is_given(snapshot, "pid") && config->daemon)
        config->pid = DAEMON_PID;
    if (config->log_to_file && *config->log_file == '\0')
        return err_new(ERR_CONFIG, "srs_log_tank is file, but srs_log_file is empty");
    if (config->daemon && !config->log_to_file)
        config_snapshot_warn(snapshot,
                             "daemon is on and srs_log_tank is console: nothing is logged");
    return NULL;
}

/* A password that nobody has set would not protect the API. */
static struct err *settle_api(const struct config *config)
{
    const struct config_api_auth *auth = &config->http_api.auth;

    if (!auth->enabled)
        return NULL;
    if (auth->username[0] == '\0' || auth->password.count == 0)
        return err_new(ERR_CONFIG,
                       "http_api { auth { } } is on, but username or password is empty");
    if (strchr(auth->username, ':') != NULL)
        return err_new(ERR_CONFIG, "http_api { auth { username } }: a colon is not allowed");
    return NULL;
}

/* Warns if PROXY headers are enabled but no proxy is trusted. */
static void settle_proxies(struct config_snapshot *snapshot)
{
    const struct config *config = &snapshot->config;
    const struct config_http_server *http = &config->http_server;
    int is_on = config->proxy_protocol || (config->rtmps.enabled && config->rtmps.proxy_protocol) ||
                (http->enabled && http->proxy_protocol) ||
                (http->enabled && http->https.enabled && http->https.proxy_protocol) ||
                (config->http_api.enabled &&
                 (config->http_api.proxy_protocol ||
                  (config->http_api.https.enabled && config->http_api.https.proxy_protocol)));

    if (is_on && config->trusted_proxies.count == 0)
        config_snapshot_warn(snapshot,
                             "proxy_protocol is on, but trusted_proxies is empty: connections that "
                             "send a PROXY header are refused");
}

/* Warns if security has rules, and nobody may publish or play because no rule allows it. */
static void settle_security(struct config_snapshot *snapshot, const struct config_vhost *vhost)
{
    static const struct {
        enum access_action action;
        const char *name;
    } actions[] = {{ACCESS_PUBLISH, "publish"}, {ACCESS_PLAY, "play"}};
    int is_meant;

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]) && vhost->security.enabled; i++)
        if (security_is_shut(&vhost->security, actions[i].action, &is_meant) && !is_meant)
            config_snapshot_warn(snapshot,
                                 "vhost %s: nobody may %s: security is enabled and has no rule "
                                 "\"allow %s\"",
                                 vhost->name, actions[i].name, actions[i].name);
}

static int has_rules(const struct config_vhost *vhost)
{
    return vhost->enabled && (vhost->security.enabled || vhost->refer.enabled ||
                              vhost->token.enabled || vhost->http_hooks.enabled);
}

/*
 * Warns if the file has access rules, but not for hosts without a vhost of their own. SRS refuses
 * such hosts when the file has no __defaultVhost__; this server serves them.
 */
static void settle_default_vhost(struct config_snapshot *snapshot)
{
    const struct config *config = &snapshot->config;
    const struct config_vhost_slot *slot = (const struct config_vhost_slot *)config->vhost[0];

    if (slot->seen.block[CONFIG_AT_VHOST] || has_rules(&slot->vhost) || !slot->vhost.enabled)
        return;
    for (int i = 1; i < config->vhost_count; i++) {
        if (!has_rules(config->vhost[i]))
            continue;
        config_snapshot_warn(snapshot,
                             "vhost %s has access rules, but other host names are served without "
                             "any: to refuse them, add \"vhost " DEFAULT_VHOST
                             " { enabled off; }\"",
                             config->vhost[i]->name);
        return;
    }
}

void config_snapshot_settle_vhost(const struct config *config, struct config_vhost *vhost)
{
    if (vhost->chunk_size == 0)
        vhost->chunk_size = config->chunk_size;
    if (vhost->min_latency)
        vhost->play.mw_latency = 0;
    if (vhost->play.gop_cache_max_frames == 0)
        vhost->play.gop_cache_max_frames = GOP_FRAMES_MAX;
    if (vhost->hls.part > 0 && vhost->hls.part < HLS_PART_MIN)
        vhost->hls.part = HLS_PART_MIN;
}

static struct err *load_into(struct config_snapshot *snapshot)
{
    struct config *config = &snapshot->config;
    char **environment = snapshot->source->env;
    struct err *err;

    assert(config_table_count() <= CONFIG_ROWS_MAX);
    config->vhost = config_arena_alloc(&snapshot->arena, CONFIG_VHOST_MAX * sizeof(*config->vhost));
    if (config->vhost == NULL)
        return err_new(ERR_NOMEM, "no memory for the configuration");
    err = config_snapshot_defaults(snapshot, config, 0);
    if (!err && snapshot->source->path != NULL)
        err = apply_file(snapshot);
    if (!err)
        err = put_default_vhost_first(snapshot);
    if (!err)
        err = config_env_apply(snapshot, environment);
    if (!err)
        err = settle_process(snapshot, environment);
    if (!err)
        err = settle_api(config);
    if (!err)
        settle_proxies(snapshot);
    if (!err)
        settle_default_vhost(snapshot);
    for (int i = 0; i < config->vhost_count && !err; i++) {
        settle_security(snapshot, config->vhost[i]);
        config_snapshot_settle_vhost(config, config->vhost[i]);
    }
    return err;
}

struct err *config_load_source(struct config_source *source, struct config **out)
{
    struct config_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct err *err;

    assert(source != NULL && out != NULL);
    *out = NULL;
    if (snapshot == NULL) {
        config_source_free(source);
        return err_new(ERR_NOMEM, "no memory for the configuration");
    }
    snapshot->refs = 1;
    snapshot->source = source;
    err = load_into(snapshot);
    if (err) {
        config_unref(&snapshot->config);
        return err;
    }
    *out = &snapshot->config;
    return NULL;
}

struct err *config_load(const struct config_options *options, char **environment,
                        struct config **out)
{
    struct config_source *source;

    assert(options != NULL && out != NULL);
    assert(options->env_only || options->file != NULL);
    *out = NULL;
    source = config_source_new(options, environment);
    if (source == NULL)
        return err_new(ERR_NOMEM, "no memory for the configuration");
    return config_load_source(source, out);
}

const struct config_source *config_source_of(const struct config *config)
{
    return ((const struct config_snapshot *)config)->source;
}

void config_warnings_log(const struct config *config, const struct log *log)
{
    const struct config_snapshot *snapshot = (const struct config_snapshot *)config;

    for (int i = 0; i < snapshot->warning_count; i++)
        log_warn(log, "%s", snapshot->warning[i]);
    if (snapshot->warnings_lost > 0)
        log_warn(log, "and %d more warnings of the configuration", snapshot->warnings_lost);
}

struct config *config_ref(struct config *config)
{
    assert(config != NULL);
    ((struct config_snapshot *)config)->refs++;
    return config;
}

void config_unref(struct config *config)
{
    struct config_snapshot *snapshot = (struct config_snapshot *)config;

    if (config == NULL || --snapshot->refs > 0)
        return;
    config_arena_fini(&snapshot->arena);
    config_source_free(snapshot->source);
    free(snapshot);
}

const struct config_vhost *config_vhost_find(const struct config *config, const char *name)
{
    const struct config_vhost *found = config->vhost[0];

    assert(name != NULL && config->vhost_count > 0);
    for (int i = 1; i < config->vhost_count; i++)
        if (str_ieq(config->vhost[i]->name, name))
            found = config->vhost[i];
    return found->enabled ? found : NULL;
}
