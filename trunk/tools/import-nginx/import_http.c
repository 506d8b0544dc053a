/*
 * The block http: of its servers those with live streams, statistics or playlists. Everything else
 * that nginx serves stays nginx's; doc/behind-a-proxy.md says how both stand side by side.
 */
#include "base/str.h"
#include "tools/import-nginx/import.h"
#include "tools/import-nginx/nginx_value.h"

#include <string.h>

#define DEPTH_MAX CONF_DEPTH_MAX

struct found {
    const struct conf_node *flv, *stat, *hls; /* locations */
    const struct conf_node *root;             /* of "/" or of the server */
};

/* The address that a location is for: its last argument, unless it is a pattern. "": it is one. */
static const char *location_path(const struct conf_node *location)
{
    const char *path = location->arg_count > 0 ? location->args[location->arg_count - 1] : "";

    if (location->arg_count > 1 && location->args[0][0] == '~')
        return "";
    return *path == '/' ? path : "";
}

/* What a location of live streams may contain without a note. */
static int is_quiet(const char *name)
{
    static const char *const quiet[] = {
        "flv_live",         "hls_live",     "rtmp_stat",  "rtmp_stat_stylesheet",
        "rtmp_stat_format", "add_header",   "expires",    "types",
        "default_type",     "rtmp_control", "root",       "alias",
        "location",         "gzip",         "access_log", "chunked_transfer_encoding"};

    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
        if (strcmp(name, quiet[i]) == 0)
            return 1;
    return 0;
}

/* Whether it decides which clients nginx serves. */
static int restricts(const char *name)
{
    return str_starts(name, "auth_") || str_starts(name, "secure_link") ||
           str_starts(name, "limit_") || strcmp(name, "allow") == 0 || strcmp(name, "deny") == 0 ||
           strcmp(name, "satisfy") == 0 || strcmp(name, "valid_referers") == 0 ||
           strcmp(name, "if") == 0;
}

static void inner_note(struct import *im, const struct conf_node *block)
{
    for (const struct conf_node *n = block->child; n != NULL; n = n->next) {
        if (restricts(n->name))
            import_note(im, n, "restricts who may play: not carried over; see doc/access.md");
        else if (!is_quiet(n->name))
            import_note(im, n, "not carried over");
    }
}

static void location_look(struct import *im, const struct conf_node *location, struct found *found)
{
    const struct found before = *found;

    for (const struct conf_node *n = location->child; n != NULL; n = n->next) {
        if (strcmp(n->name, "flv_live") == 0 && nginx_value_is_on(n))
            found->flv = location;
        if (strcmp(n->name, "rtmp_stat") == 0 || strcmp(n->name, "rtmp_control") == 0)
            found->stat = n;
        if (str_ends(location_path(location), "hls") || strcmp(n->name, "hls_live") == 0)
            found->hls = location;
        if (strcmp(n->name, "root") == 0 && strcmp(location_path(location), "/") == 0)
            found->root = n;
    }
    if (found->flv != before.flv || found->stat != before.stat || found->hls != before.hls)
        inner_note(im, location);
}

/* Looks at all locations of a server, also at those inside of others. */
static void server_look(struct import *im, const struct conf_node *server, struct found *found)
{
    const struct conf_node *open[DEPTH_MAX];
    const struct conf_node *n = server->child;
    int depth = 0;

    for (;;) {
        while (n == NULL && depth > 0)
            n = open[--depth]->next;
        if (n == NULL)
            return;
        if (strcmp(n->name, "root") == 0 && depth == 0)
            found->root = n;
        if (strcmp(n->name, "location") == 0 && n->is_block && depth < DEPTH_MAX) {
            location_look(im, n, found);
            open[depth++] = n;
            n = n->child;
        } else {
            n = n->next;
        }
    }
}

static int is_tls(const struct conf_node *listen)
{
    for (int i = 1; i < listen->arg_count; i++)
        if (strcmp(listen->args[i], "ssl") == 0)
            return 1;
    return 0;
}

static void text_set(struct import *im, const struct conf_node *node, char *to, size_t cap)
{
    const char *text = nginx_value_first(node);

    if (strpbrk(text, "$[") != NULL || *text == '\0')
        import_note(im, node, "%.200s is no path here", text);
    else if (*to != '\0' && strcmp(to, text) != 0)
        import_note(im, node, "several; \"%.200s\" is taken", to);
    else if (str_copy(to, cap, text) != 0)
        import_note(im, node, "is too long");
}

static void server_settle(struct import *im, const struct conf_node *server, int has_tls)
{
    struct import_page *page = &im->page;

    for (const struct conf_node *n = server->child; n != NULL; n = n->next) {
        if (strcmp(n->name, "listen") == 0)
            import_listen(im, n, is_tls(n) || has_tls ? &page->listen_tls : &page->listen);
        else if (strcmp(n->name, "ssl_certificate") == 0)
            text_set(im, n, page->cert, sizeof(page->cert));
        else if (strcmp(n->name, "ssl_certificate_key") == 0)
            text_set(im, n, page->key, sizeof(page->key));
        else if (restricts(n->name))
            import_note(im, n, "restricts who may play: not carried over; see doc/access.md");
        else if (strcmp(n->name, "server_name") != 0 && strcmp(n->name, "ssl") != 0 &&
                 strcmp(n->name, "location") != 0 && strcmp(n->name, "root") != 0)
            import_note(im, n, "not carried over");
    }
}

static void found_settle(struct import *im, const struct found *found)
{
    struct import_page *page = &im->page;
    const char *path;

    if (found->root != NULL)
        text_set(im, found->root, page->dir, sizeof(page->dir));
    if (found->stat != NULL) {
        page->has_api = 1;
        import_note(im, found->stat,
                    "statistics and control are JSON at port 1985; see "
                    "doc/api.md and doc/metrics.md");
    }
    if (found->flv != NULL) {
        path = location_path(found->flv);
        if (*path == '\0' || strpbrk(path, " ;{}\"\\[") != NULL || strlen(path) < 2)
            import_note(im, found->flv, "streams are at /APP/STREAM.flv");
        else if (page->pull[0] != '\0' && strcmp(page->pull, path) != 0)
            import_note(im, found->flv, "only \"%.200s\" takes app and stream from the query",
                        page->pull);
        else if (str_copy(page->pull, sizeof(page->pull), path) != 0)
            import_note(im, found->flv, "is too long");
    }
    if (found->hls == NULL)
        return;
    import_note(im, found->hls, "playlists are at /APP/STREAM.m3u8, not at %.200s",
                location_path(found->hls));
}

static const struct conf_node *directive(const struct conf_node *block, const char *name)
{
    for (const struct conf_node *n = block->child; n != NULL; n = n->next)
        if (strcmp(n->name, name) == 0)
            return n;
    return NULL;
}

void import_http(struct import *im, const struct conf_node *http)
{
    for (const struct conf_node *n = http->child; n != NULL; n = n->next) {
        struct found found = {0};
        const struct conf_node *ssl;

        if (strcmp(n->name, "server") != 0)
            continue;
        server_look(im, n, &found);
        if (found.flv == NULL && found.stat == NULL && found.hls == NULL) {
            import_note(im, n, "has no live streams; left to nginx");
            continue;
        }
        ssl = directive(n, "ssl");
        server_settle(im, n, ssl != NULL && nginx_value_is_on(ssl));
        if (directive(n, "listen") == NULL)
            import_line(im, &im->page.listen, "listen 80;");
        found_settle(im, &found);
    }
}
