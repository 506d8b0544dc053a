/*
 * A segment's address is that of the playlist with the number before the extension, as SRS has it;
 * a part's has its own number after that. It always names a session, by which it differs from the
 * live stream of the same name.
 */
#include "app/hls/hls_address.h"

#include "app/config/mount.h"
#include "app/http/http_target.h"
#include "base/str.h"
#include "media/mux.h"
#include "proto/url_param.h"

#include <string.h>

#define PLAYLIST ".m3u8"
#define SEGMENT  ".ts"

static char default_mount[] = "/[app]/[stream]" PLAYLIST;

static int has_mount(const struct config_vhost *vhost)
{
    const struct config_http_remux *remux = &vhost->http_remux;

    for (int i = 0; remux->enabled && i < remux->mount.count; i++)
        if (str_ends(remux->mount.item[i], PLAYLIST))
            return 1;
    return 0;
}

int hls_address_is_used(const struct config_vhost *vhost)
{
    return vhost->enabled && (vhost->hls.enabled || has_mount(vhost));
}

/* The digits before `end`, which follow the character `before`; NULL: there are none. */
static const char *digits_before(const char *path, const char *end, char before, int64_t *out)
{
    const char *digits = end;
    char number[24];

    while (digits > path && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    if (digits == end || digits == path || digits[-1] != before ||
        str_copy_n(number, sizeof(number), digits, (size_t)(end - digits)) != 0 ||
        str_to_i64(number, 0, INT64_MAX, out) != 0)
        return NULL;
    return digits - 1;
}

/* Turns the path of a segment or part into that of its playlist. 0 or -1. */
static int split(const char *path, struct hls_address *out, char playlist[1024])
{
    const char *end = path + strlen(path) - strlen(SEGMENT);
    const char *stream = digits_before(path, end, '-', &out->number);

    out->part = -1;
    if (stream == NULL) {
        stream = digits_before(path, end, '.', &out->part);
        if (stream != NULL)
            stream = digits_before(path, stream, '-', &out->number);
    }
    if (stream == NULL)
        return -1;
    out->is_segment = 1;
    return str_format(playlist, 1024, "%.*s" PLAYLIST, (int)(stream - path), path);
}

static int take(struct hls_address *out, const char *app, const char *stream)
{
    return str_copy(out->app, sizeof(out->app), app) |
           str_copy(out->stream, sizeof(out->stream), stream) |
           str_format(out->key, sizeof(out->key), "%s/%s/%s", out->vhost->name, app, stream);
}

int hls_address_find(const struct http_exchange *x, struct hls_address *out)
{
    char *mounts[] = {default_mount};
    const struct mount_list list = {mounts, 1, 0};
    struct http_address address = {x->request->host, x->request->query, x->request->path};
    struct http_target target;
    struct mount_match match;
    char path[1024];

    memset(out, 0, sizeof(*out));
    if (str_ends(address.path, SEGMENT)) {
        if (split(address.path, out, path) != 0)
            return -1;
        address.path = path;
    } else if (!str_ends(address.path, PLAYLIST)) {
        return -1;
    }
    http_target_find(x->config, &address, &target);
    out->vhost = target.vhost;
    if (out->vhost == NULL || !hls_address_is_used(out->vhost))
        return -1;
    if (target.mux != NULL && mux_is_playlist(target.mux) && target.app[0] != '\0')
        return take(out, target.app, target.stream);
    if (!out->vhost->hls.enabled || mount_find(&list, "", address.path, &match) < 0)
        return -1;
    return take(out, match.app, match.stream);
}

int hls_address_encode(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        int is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       strchr("-._~", c) != NULL;

        if ((is_plain ? buf_append(out, text, 1) : buf_printf(out, "%%%02X", c)) != 0)
            return -1;
    }
    return 0;
}

int hls_address_query(const char *session, const char *query, char *out, size_t cap)
{
    static const char *const names[] = {HLS_SESSION, "_hls_msn", "_hls_part", "_hls_skip", NULL};
    char rest[HTTP_TARGET_MAX];

    if (url_param_without(query, names, rest, sizeof(rest)) != 0 ||
        str_format(out, cap, "?" HLS_SESSION "=%s%s", session, rest[0] != '\0' ? "&" : "") != 0)
        return -1;
    return url_param_query_encode(rest, out, cap);
}
