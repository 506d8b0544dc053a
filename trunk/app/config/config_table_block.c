/*
 * The blocks of directives. To add one: a row here, its name in config_table.h and its struct in
 * app/config/config.h.
 */
#include "app/config/config_table.h"

#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static const struct config_block blocks[CONFIG_WHERE_COUNT] = {
    [CONFIG_AT_ROOT] = {"", CONFIG_AT_ROOT, 0, "The server as a whole, and RTMP."},
    [CONFIG_AT_RTMPS] = {"rtmps", CONFIG_AT_ROOT, 0,
                         "RTMP over TLS; see [https](https.md) for the certificate."},
    [CONFIG_AT_HTTP_SERVER] = {"http_server", CONFIG_AT_ROOT, 0,
                               "HTTP: live streams, the player page and files."},
    [CONFIG_AT_HTTPS] = {"https", CONFIG_AT_HTTP_SERVER, 0,
                         "The same over TLS; see [https](https.md)."},
    [CONFIG_AT_HTTP_PULL] = {"http_pull", CONFIG_AT_HTTP_SERVER, 0,
                             "Streams of other servers at one address; see [proxy](proxy.md)."},
    [CONFIG_AT_HTTP_API] = {"http_api", CONFIG_AT_ROOT, 0,
                            "The HTTP API, /api/v1/; see [api](api.md)."},
    [CONFIG_AT_API_AUTH] = {"auth", CONFIG_AT_HTTP_API, 0,
                            "A name and a password for the API, as HTTP Basic."},
    [CONFIG_AT_API_HTTPS] = {"https", CONFIG_AT_HTTP_API, 0,
                             "The API over TLS; see [https](https.md) for the certificate."},
    [CONFIG_AT_API_RAW] = {"raw_api", CONFIG_AT_HTTP_API, 0,
                           "What /api/v1/raw may do; see [api](api.md)."},
    [CONFIG_AT_EXPORTER] = {"exporter", CONFIG_AT_ROOT, 0,
                            "Metrics for Prometheus; see [metrics](metrics.md)."},
    [CONFIG_AT_HEARTBEAT] = {"heartbeat", CONFIG_AT_ROOT, 0,
                             "Regular reports to another server; see [heartbeat](heartbeat.md)."},
    [CONFIG_AT_VHOST] =
        {"vhost", CONFIG_AT_ROOT, 1,
         "Settings of the streams of one host name. __defaultVhost__ serves every "
         "name without a vhost of its own; it exists even if the file does not contain it."},
    [CONFIG_AT_PLAY] = {"play", CONFIG_AT_VHOST, 0, "Playback over RTMP and HTTP."},
    [CONFIG_AT_PUBLISH] = {"publish", CONFIG_AT_VHOST, 0, "Publishing."},
    [CONFIG_AT_HTTP_REMUX] = {"http_remux", CONFIG_AT_VHOST, 0, "Live streams over HTTP."},
    [CONFIG_AT_HTTP_STATIC] = {"http_static", CONFIG_AT_VHOST, 0, "Files over HTTP."},
    [CONFIG_AT_SECURITY] = {"security", CONFIG_AT_VHOST, 0,
                            "Access rules by client address; see [access](access.md)."},
    [CONFIG_AT_REFER] = {"refer", CONFIG_AT_VHOST, 0,
                         "Access rules by web page: pageUrl (RTMP), Referer or Origin (HTTP)."},
    [CONFIG_AT_TOKEN] =
        {"token", CONFIG_AT_VHOST, 0,
         "Signed URLs: a client without a valid signature may not publish or play."},
    [CONFIG_AT_CLUSTER] = {"cluster", CONFIG_AT_VHOST, 0,
                           "Streams pulled from other servers; see [edge](edge.md)."},
    [CONFIG_AT_FORWARD] = {"forward", CONFIG_AT_VHOST, 0,
                           "Streams forwarded to other servers; see [forward](forward.md)."},
    [CONFIG_AT_HTTP_HOOKS] = {"http_hooks", CONFIG_AT_VHOST, 0,
                              "Callbacks: HTTP servers that decide who may publish and play, and "
                              "are notified of events; see [hooks](hooks.md)."},
    [CONFIG_AT_DVR] = {"dvr", CONFIG_AT_VHOST, 0,
                       "Recording of streams into FLV files; see [recording](recording.md)."},
    [CONFIG_AT_HLS] = {"hls", CONFIG_AT_VHOST, 0,
                       "Playlists and segments for HLS players; see [HLS](hls.md)."},
};

const struct config_block *config_table_block(enum config_where where)
{
    assert(where >= 0 && where < CONFIG_WHERE_COUNT);
    return &blocks[where];
}

enum config_where config_table_block_find(enum config_where where, const char *name)
{
    assert(name != NULL);
    for (int i = CONFIG_AT_ROOT + 1; i < CONFIG_WHERE_COUNT; i++)
        if (blocks[i].parent == where && strcmp(blocks[i].name, name) == 0)
            return (enum config_where)i;
    return CONFIG_WHERE_COUNT;
}

int config_table_is_guard(enum config_where where)
{
    static const char *const guards[] = {"security", "refer", "token", "http_hooks", "auth"};

    for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
        if (strcmp(config_table_block(where)->name, guards[i]) == 0)
            return 1;
    return 0;
}

int config_table_in_vhost(enum config_where where)
{
    return where == CONFIG_AT_VHOST || blocks[where].parent == CONFIG_AT_VHOST;
}

void config_table_path(enum config_where where, char *out, size_t cap)
{
    const struct config_block *block = config_table_block(where);
    const struct config_block *parent = config_table_block(block->parent);

    /* Blocks are nested at most two deep. */
    assert(parent->parent == CONFIG_AT_ROOT);
    if (where == CONFIG_AT_ROOT)
        (void)str_copy(out, cap, "");
    else if (parent == &blocks[CONFIG_AT_ROOT])
        (void)str_format(out, cap, "%s { ", block->name);
    else
        (void)str_format(out, cap, "%s { %s { ", parent->name, block->name);
}

void config_table_env(enum config_where where, const char *name, char *out, size_t cap)
{
    const struct config_block *block = config_table_block(where);
    const struct config_block *parent = config_table_block(block->parent);

    (void)str_format(out, cap, "SRS_%s%s%s%s%s", parent->name, *parent->name ? "_" : "",
                     block->name, *block->name ? "_" : "", name);
    for (char *p = out; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
}
