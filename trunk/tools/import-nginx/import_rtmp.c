/*
 * The block rtmp: its servers, which are vhosts here, and their applications. nginx has settings
 * for each application, this server for each vhost: what several applications say of one setting
 * must be the same, and is noted otherwise.
 */
#include "base/str.h"
#include "tools/import-nginx/import.h"
#include "tools/import-nginx/import_app.h"
#include "tools/import-nginx/nginx_value.h"

#include <string.h>

#define DEFAULT_HOST "__defaultVhost__"

static struct import_host *host_find(struct import *im, const char *name)
{
    struct import_host *host;

    for (int i = 0; i < im->host_count; i++)
        if (str_ieq(im->host[i].name, name))
            return &im->host[i];
    if (im->host_count == IMPORT_HOSTS_MAX)
        return NULL;
    host = &im->host[im->host_count];
    if (str_copy(host->name, sizeof(host->name), name) != 0)
        return NULL;
    im->host_count++;
    return host;
}

/* Adds the lines of an application to those of its host. */
static void lines_merge(struct import *im, struct buf *to, const struct buf *from)
{
    size_t left = from->len;
    const char *p = left > 0 ? (const char *)buf_data(from) : NULL;
    char line[2 * IMPORT_VALUE_MAX];

    while (left > 0) {
        size_t n = (size_t)((const char *)memchr(p, '\n', left) - p);

        if (str_copy_n(line, sizeof(line), p, n) == 0)
            import_line(im, to, line);
        p += n + 1;
        left -= n + 1;
    }
}

static void value_merge(struct import *im, struct import_host *host, int key,
                        const struct import_value *value, const struct conf_node *app)
{
    struct import_value *old = &host->settings.value[key];
    char name[64];

    if (host->app_count == 0) {
        *old = *value;
        return;
    }
    if (strcmp(old->text, value->text) == 0 ||
        (value->text[0] == '\0' && key != IMPORT_DVR && key != IMPORT_HLS))
        return;
    if (old->text[0] == '\0')
        *old = *value;
    import_key_name(key, name, sizeof(name));
    import_note(im, value->from != NULL ? value->from : app,
                "%s differs between applications %.100s and %.100s; all of a vhost have one value: "
                "%.100s",
                name, host->app, nginx_value_first(app), old->text);
}

static void app_merge(struct import *im, struct import_host *host,
                      const struct import_settings *settings, const struct conf_node *app)
{
    static const char *const what[] = {[IMPORT_ORIGIN] = "pull",
                                       [IMPORT_SECURITY] = "allow and deny",
                                       [IMPORT_FORWARD] = "push",
                                       [IMPORT_HOOKS] = "callbacks"};

    for (int key = 0; key < IMPORT_KEYS; key++)
        value_merge(im, host, key, &settings->value[key], app);
    for (int i = 0; i < IMPORT_ACTIONS; i++)
        host->settings.is_closed[i] |= settings->is_closed[i];
    for (int i = 0; i < IMPORT_LISTS; i++) {
        struct buf *to = &host->settings.list[i];
        size_t before = to->len;
        int differs = host->app_count > 0 && (before > 0 || settings->list[i].len > 0);

        lines_merge(im, to, &settings->list[i]);
        differs = differs && (to->len != before || settings->list[i].len != before);
        if (differs)
            import_note(im, app,
                        "%s of several applications are one list here, for all of them: "
                        "check it",
                        what[i]);
    }
    if (host->app_count++ == 0)
        (void)str_copy_n(host->app, sizeof(host->app), nginx_value_first(app),
                         strnlen(nginx_value_first(app), sizeof(host->app) - 1));
}

static void app_import(struct import *im, struct import_host *host,
                       const struct conf_node *const level[], int levels)
{
    const struct conf_node *app = level[levels - 1];
    struct import_settings *settings = &im->app;

    memset(settings, 0, sizeof(*settings));
    for (int i = 0; i < IMPORT_LISTS; i++)
        buf_init(&settings->list[i], IMPORT_LISTS_MAX);
    if (*nginx_value_first(app) == '\0')
        import_note(im, app, "has no name");
    else if (import_app_read(im, level, levels, settings))
        app_merge(im, host, settings, app);
    for (int i = 0; i < IMPORT_LISTS; i++)
        buf_fini(&settings->list[i]);
}

/* An edge has one kind of streams; what an application pulls is not for the others. */
static void pull_settle(struct import *im, struct import_host *host, const struct conf_node *server)
{
    if (host->settings.list[IMPORT_ORIGIN].len == 0)
        return;
    if (host->app_count == 1) {
        import_note(im, server,
                    "pull: this vhost becomes an edge, which also relays to its origin "
                    "what is published here; see doc/edge.md");
        return;
    }
    import_note(im, server,
                "pull: other applications are beside it, so it is left out; see "
                "doc/edge.md for a vhost of its own");
    buf_reset(&host->settings.list[IMPORT_ORIGIN]);
    host->settings.value[IMPORT_PULL_MODE].text[0] = '\0';
}

static void host_import(struct import *im, const char *name, const struct conf_node *rtmp,
                        const struct conf_node *server)
{
    const struct conf_node *level[] = {rtmp, server, NULL};
    struct import_host *host = host_find(im, name);

    if (host == NULL) {
        import_note(im, server, "more than %d servers, or a name that is too long",
                    IMPORT_HOSTS_MAX);
        return;
    }
    for (const struct conf_node *n = server->child; n != NULL; n = n->next) {
        if (strcmp(n->name, "application") != 0)
            continue;
        level[2] = n;
        app_import(im, host, level, 3);
    }
    pull_settle(im, host, server);
}

static void server_import(struct import *im, const struct conf_node *rtmp,
                          const struct conf_node *server, int is_first)
{
    int names = 0;

    for (const struct conf_node *n = server->child; n != NULL; n = n->next) {
        if (strcmp(n->name, "listen") == 0)
            import_listen(im, n, &im->listen);
        if (strcmp(n->name, "server_name") != 0)
            continue;
        for (int i = 0; i < n->arg_count; i++, names++) {
            if (strpbrk(n->args[i], "*~_ ") == NULL)
                host_import(im, n->args[i], rtmp, server);
            else
                import_note(im, n, "%.100s is no vhost name here", n->args[i]);
        }
    }
    /* The first server is also that of names that are not known. */
    if (names == 0 || is_first)
        host_import(im, DEFAULT_HOST, rtmp, server);
}

void import_rtmp(struct import *im, const struct conf_node *rtmp)
{
    int count = 0;

    for (const struct conf_node *n = rtmp->child; n != NULL; n = n->next)
        if (strcmp(n->name, "server") == 0)
            server_import(im, rtmp, n, count++ == 0);
}
