/*
 * Mount templates: a host part, then literal text around [app] and [stream]. A template is parsed
 * at each use, since it is only a few dozen bytes; so a reload needs no update. App may have
 * several segments, a stream is one, so "/[app]/[stream].flv" has only one meaning when an address
 * is parsed. Several templates may match one address ("[stream].flv" and "[stream].live.flv"):
 * mount_find() decides, for published streams and for streams that viewers wait for.
 */
#include "app/config/mount.h"

#include "base/bytes.h"
#include "base/str.h"
#include "media/mux.h"
#include "proto/url.h"

#include <assert.h>
#include <string.h>

#define MOUNT_VHOST  "[vhost]"
#define MOUNT_APP    "[app]"
#define MOUNT_STREAM "[stream]"

struct span {
    const char *p;
    size_t len;
};

/* host, before, variable, between, variable, after; with [stream] alone, between is empty. */
struct mount_parts {
    struct span host;
    struct span before;
    struct span between;
    struct span after;
    int has_app;
    int app_first;
};

static struct span span_of(const char *from, const char *to)
{
    struct span span = {from, (size_t)(to - from)};

    return span;
}

static const char *span_find(struct span text, const char *what)
{
    return memmem(text.p, text.len, what, strlen(what));
}

/* Parses a template; NULL, or why it is invalid (constant). */
static const char *parts_parse(const char *tmpl, struct mount_parts *parts)
{
    const char *path = strchr(tmpl, '/');
    const char *stream;
    const char *app;
    const char *first_end;

    memset(parts, 0, sizeof(*parts));
    parts->between.p = "";
    if (path == NULL)
        return "a mount needs a path";
    parts->host = span_of(tmpl, path);
    stream = strstr(path, MOUNT_STREAM);
    if (stream == NULL)
        return "a mount needs [stream] in its path";
    if (strstr(stream + 1, MOUNT_STREAM) != NULL)
        return "[stream] may occur only once";
    app = strstr(path, MOUNT_APP);
    if (app == NULL) {
        parts->before = span_of(path, stream);
        parts->after = span_of(stream + strlen(MOUNT_STREAM), path + strlen(path));
        return NULL;
    }
    if (strstr(app + 1, MOUNT_APP) != NULL)
        return "[app] may occur only once";
    parts->has_app = 1;
    parts->app_first = app < stream;
    first_end = parts->app_first ? app + strlen(MOUNT_APP) : stream + strlen(MOUNT_STREAM);
    parts->before = span_of(path, parts->app_first ? app : stream);
    parts->between = span_of(first_end, parts->app_first ? stream : app);
    first_end = parts->app_first ? stream + strlen(MOUNT_STREAM) : app + strlen(MOUNT_APP);
    parts->after = span_of(first_end, path + strlen(path));
    return parts->between.len > 0 ? NULL : "[app] and [stream] need text between them";
}

int mount_check(const char *tmpl, const char **why)
{
    struct mount_parts parts;
    const char *bracket;

    assert(tmpl != NULL && why != NULL);
    *why = parts_parse(tmpl, &parts);
    if (*why != NULL)
        return -1;
    if (mux_find_path(tmpl) == NULL) {
        *why = "a mount must end in the extension of a format, such as .flv";
        return -1;
    }
    bracket = span_find(parts.host, MOUNT_VHOST);
    if (bracket != NULL &&
        memmem(bracket + 1, (size_t)(parts.host.p + parts.host.len - bracket - 1), "[", 1) != NULL)
        *why = "[vhost] may occur only once, before the first slash";
    else if (bracket == NULL && memchr(parts.host.p, '[', parts.host.len) != NULL)
        *why = "only [vhost] may occur before the first slash";
    else if (span_find(parts.before, "[") != NULL || span_find(parts.between, "[") != NULL ||
             span_find(parts.after, "[") != NULL)
        *why = "only [app] and [stream] may occur in the path";
    else if (strstr(tmpl, "//") != NULL || strpbrk(tmpl, "?#\\% ") != NULL)
        *why = "a mount must not contain a double slash, query, escape or space";
    return *why == NULL ? 0 : -1;
}

static void put_span(struct bytes_out *out, struct span span)
{
    bytes_put(out, span.p, span.len);
}

static void put_lower(struct bytes_out *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes_put_u8(out, (uint8_t)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]));
}

/* Writes the host part with the vhost filled in; nothing for the default vhost. */
static void put_host(struct bytes_out *out, const struct mount_parts *parts, const char *vhost)
{
    const char *bracket = span_find(parts->host, MOUNT_VHOST);
    const char *rest;

    if (bracket == NULL) {
        put_lower(out, parts->host.p, parts->host.len);
        return;
    }
    if (strcmp(vhost, URL_DEFAULT_VHOST) == 0)
        return;
    rest = bracket + strlen(MOUNT_VHOST);
    put_lower(out, parts->host.p, (size_t)(bracket - parts->host.p));
    put_lower(out, vhost, strlen(vhost));
    put_lower(out, rest, (size_t)(parts->host.p + parts->host.len - rest));
}

int mount_expand(const char *tmpl, const char *vhost, const char *app, const char *stream,
                 char *out, size_t cap)
{
    struct bytes_out o = bytes_out_of(out, cap);
    struct mount_parts parts;
    const char *first;
    const char *second;

    assert(tmpl != NULL && vhost != NULL && app != NULL && stream != NULL && cap > 0);
    out[0] = '\0';
    if (parts_parse(tmpl, &parts) != NULL)
        return -1;
    put_host(&o, &parts, vhost);
    put_span(&o, parts.before);
    first = parts.has_app && parts.app_first ? app : stream;
    bytes_put(&o, first, strlen(first));
    if (parts.has_app) {
        second = parts.app_first ? stream : app;
        put_span(&o, parts.between);
        bytes_put(&o, second, strlen(second));
    }
    put_span(&o, parts.after);
    bytes_put_u8(&o, '\0');
    if (o.bad)
        out[0] = '\0';
    return o.bad ? -1 : 0;
}

/* Whether the host matches the template's host part. The text in place of [vhost] is the vhost. */
static int host_match(const struct mount_parts *parts, const char *host, struct mount_match *out)
{
    const char *bracket = span_find(parts->host, MOUNT_VHOST);
    size_t host_len = strlen(host);
    size_t before;
    size_t after;

    if (parts->host.len == 0)
        return 0;
    if (bracket == NULL)
        return host_len == parts->host.len && strncasecmp(host, parts->host.p, host_len) == 0 ? 0
                                                                                              : -1;
    before = (size_t)(bracket - parts->host.p);
    after = parts->host.len - before - strlen(MOUNT_VHOST);
    /* A host without the text around [vhost] may still belong to the default vhost. */
    if (host_len < before + after || strncasecmp(host, parts->host.p, before) != 0 ||
        strncasecmp(host + host_len - after, parts->host.p + parts->host.len - after, after) != 0)
        return str_copy(out->vhost, sizeof(out->vhost), host);
    return str_copy_n(out->vhost, sizeof(out->vhost), host + before, host_len - before - after);
}

/* Replaces host_match() if only the path counts. */
static int any_host(const struct mount_parts *parts, const char *host, struct mount_match *out)
{
    (void)parts;
    (void)host;
    (void)out;
    return 0;
}

/* Splits the text that matches "variable between variable"; 0 if both are found. */
static int middle_split(const struct mount_parts *parts, struct span middle, struct span *app,
                        struct span *stream)
{
    const char *found = NULL;
    const char *p = middle.p;
    const char *end = middle.p + middle.len;
    const char *next;

    /* The app takes as much as possible: the last match if it comes first, else the first match. */
    while ((next = memmem(p, (size_t)(end - p), parts->between.p, parts->between.len)) != NULL) {
        found = next;
        if (!parts->app_first)
            break;
        p = next + 1;
    }
    if (found == NULL)
        return -1;
    *app = span_of(middle.p, found);
    *stream = span_of(found + parts->between.len, end);
    if (!parts->app_first) {
        struct span swap = *app;

        *app = *stream;
        *stream = swap;
    }
    return app->len > 0 && app->p[0] != '/' && app->p[app->len - 1] != '/' ? 0 : -1;
}

/* An address of one frame: ".key" between the stream's name and the extension of the mount.
 * Answers the format, and cuts the name. */
static const struct mux *keyframe_of(const struct mux *mux, const char *path, struct span *stream)
{
    static const char key[] = ".key";
    const size_t len = sizeof(key) - 1;
    const struct mux *one;

    if (stream->len <= len || memcmp(stream->p + stream->len - len, key, len) != 0 ||
        strcmp(stream->p + stream->len, mux->extension) != 0)
        return mux;
    one = mux_find_path(path);
    if (one == NULL || !one->is_one_frame)
        return mux;
    stream->len -= len;
    return one;
}

typedef int (*host_match_fn)(const struct mount_parts *parts, const char *host,
                             struct mount_match *out);

static int template_match(const char *tmpl, host_match_fn match, const char *host, const char *path,
                          struct mount_match *out)
{
    struct mount_parts parts;
    struct span middle;
    struct span app = {"", 0};
    struct span stream;
    const struct mux *mux = mux_find_path(tmpl);
    size_t len = strlen(path);

    assert(host != NULL && out != NULL);
    memset(out, 0, sizeof(*out));
    if (mux == NULL || parts_parse(tmpl, &parts) != NULL)
        return -1;
    if (len <= parts.before.len + parts.after.len ||
        memcmp(path, parts.before.p, parts.before.len) != 0 ||
        memcmp(path + len - parts.after.len, parts.after.p, parts.after.len) != 0)
        return -1;
    if (match(&parts, host, out) != 0)
        return -1;
    middle = span_of(path + parts.before.len, path + len - parts.after.len);
    stream = middle;
    if (parts.has_app && middle_split(&parts, middle, &app, &stream) != 0)
        return -1;
    mux = keyframe_of(mux, path, &stream);
    if (stream.len == 0 || memchr(stream.p, '/', stream.len) != NULL ||
        str_copy_n(out->app, sizeof(out->app), app.p, app.len) != 0 ||
        str_copy_n(out->stream, sizeof(out->stream), stream.p, stream.len) != 0)
        return -1;
    return str_copy(out->extension, sizeof(out->extension), mux->extension);
}

/* Bytes of literal text. */
static size_t host_text(const struct mount_parts *parts)
{
    return parts->host.len -
           (span_find(parts->host, MOUNT_VHOST) != NULL ? strlen(MOUNT_VHOST) : 0);
}

int mount_match(const char *tmpl, const char *host, const char *path, struct mount_match *out)
{
    return template_match(tmpl, host_match, host, path, out);
}

int mount_match_path(const char *tmpl, const char *path, struct mount_match *out)
{
    return template_match(tmpl, any_host, "", path, out);
}

int mount_names_host(const char *tmpl, const char *vhost, const char *host)
{
    struct mount_match match;
    struct bytes_out o = bytes_out_of(match.vhost, sizeof(match.vhost));
    const char *path = strchr(tmpl, '/');
    struct mount_parts parts = {.host = {tmpl, path != NULL ? (size_t)(path - tmpl) : 0}};

    assert(vhost != NULL && host != NULL);
    if (parts.host.len == 0 || host_text(&parts) == 0)
        return 0;
    put_host(&o, &parts, vhost);
    bytes_put_u8(&o, '\0');
    return !o.bad && match.vhost[0] != '\0' && str_ieq(match.vhost, host);
}

static size_t path_text(const struct mount_parts *parts)
{
    return parts->before.len + parts->between.len + parts->after.len;
}

int mount_wins(const char *a, const char *b)
{
    struct mount_parts pa;
    struct mount_parts pb;

    if (parts_parse(a, &pa) != NULL || parts_parse(b, &pb) != NULL)
        return 0;
    if (path_text(&pa) != path_text(&pb))
        return path_text(&pa) > path_text(&pb);
    if (host_text(&pa) != host_text(&pb))
        return host_text(&pa) > host_text(&pb);
    return strcmp(a, b) < 0;
}

int mount_find(const struct mount_list *list, const char *host, const char *path,
               struct mount_match *out)
{
    struct mount_match match;
    int found = -1;

    assert(list != NULL && host != NULL && path != NULL && out != NULL);
    for (int i = 0; i < list->count; i++) {
        const char *tmpl = list->item[i];

        if ((list->skips_vhost && strstr(tmpl, MOUNT_VHOST) != NULL) ||
            (found >= 0 && !mount_wins(tmpl, list->item[found])) ||
            mount_match(tmpl, host, path, &match) != 0)
            continue;
        found = i;
        *out = match;
    }
    return found;
}

int mount_owns(const struct mount_list *list, int index, const char *pattern, const char *app,
               const char *stream)
{
    const char *path = strchr(pattern, '/');
    struct mount_match match;
    char host[sizeof(match.vhost)];
    int found;

    assert(index >= 0 && index < list->count && path != NULL);
    if (str_copy_n(host, sizeof(host), pattern, (size_t)(path - pattern)) != 0)
        return 1;
    found = mount_find(list, host, path, &match);
    return found < 0 || found == index ||
           (strcmp(match.stream, stream) == 0 &&
            (match.app[0] == '\0' || strcmp(match.app, app) == 0));
}
