/*
 * The collected settings as text: the notes as comments at its top, then the server, then each
 * vhost, in the order of the table below.
 */
#include "tools/import-nginx/import.h"

#include "base/str.h"
#include "tools/import-nginx/nginx_value.h"

#include <string.h>

/* A block of a vhost begins where its name changes. */
static const struct {
    const char *block; /* "": the vhost itself */
    const char *name;
    int list; /* its lines follow this block's values; -1: none */
} keys[IMPORT_KEYS] = {
    [IMPORT_CHUNK_SIZE] = {"", "chunk_size", -1},
    [IMPORT_GOP_CACHE] = {"play", "gop_cache", -1},
    [IMPORT_GOP_FRAMES] = {"play", "gop_cache_max_frames", -1},
    [IMPORT_FIRSTPKT] = {"publish", "firstpkt_timeout", -1},
    [IMPORT_TIMEOUT] = {"publish", "normal_timeout", -1},
    [IMPORT_HSTRS] = {"http_remux", "hstrs", -1},
    [IMPORT_PULL_MODE] = {"cluster", "mode", IMPORT_ORIGIN},
    [IMPORT_DVR] = {"dvr", "enabled", -1},
    [IMPORT_DVR_PATH] = {"dvr", "dvr_path", -1},
    [IMPORT_DVR_PLAN] = {"dvr", "dvr_plan", -1},
    [IMPORT_DVR_DURATION] = {"dvr", "dvr_duration", -1},
    [IMPORT_HLS] = {"hls", "enabled", -1},
    [IMPORT_HLS_FRAGMENT] = {"hls", "hls_fragment", -1},
    [IMPORT_HLS_WINDOW] = {"hls", "hls_window", -1},
};

void import_key_name(enum import_key key, char *out, size_t cap)
{
    (void)str_format(out, cap, "%s%s%s", keys[key].block, *keys[key].block != '\0' ? " " : "",
                     keys[key].name);
}

static int put(struct buf *out, const char *text)
{
    return buf_append(out, text, strlen(text));
}

/* Each line, with this in front of it. */
static int put_lines(struct buf *out, const char *before, const struct buf *lines)
{
    size_t left = lines->len;
    const char *p = left > 0 ? (const char *)buf_data(lines) : NULL;
    int rc = 0;

    while (left > 0 && rc == 0) {
        size_t n = (size_t)((const char *)memchr(p, '\n', left) - p) + 1;

        rc = put(out, before) != 0 || buf_append(out, p, n) != 0;
        p += n;
        left -= n;
    }
    return rc;
}

static int put_value(struct buf *out, const char *before, const char *name, const char *value)
{
    return put(out, before) != 0 || put(out, name) != 0 || put(out, " ") != 0 ||
           nginx_value_put(out, value) != 0 || put(out, ";\n") != 0;
}

/* The lines of a list in a block of their own. */
static int put_block(struct buf *out, const char *name, const struct buf *lines)
{
    if (lines->len == 0)
        return 0;
    return buf_printf(out, "\n    %s {\n        enabled on;\n", name) != 0 ||
           put_lines(out, "        ", lines) != 0 || put(out, "    }\n") != 0;
}

/* Here a rule must allow what another one does not refuse. */
static int put_security(const struct import_settings *s, struct buf *out)
{
    static const char *const open[] = {
        [IMPORT_PUBLISH] = "allow publish all;\n", [IMPORT_PLAY] = "allow play all;\n"};
    int rc;

    if (s->list[IMPORT_SECURITY].len == 0)
        return 0;
    rc = put(out, "\n    security {\n        enabled on;\n") != 0 ||
         put_lines(out, "        ", &s->list[IMPORT_SECURITY]) != 0;
    for (int i = 0; i < IMPORT_ACTIONS && rc == 0; i++)
        if (!s->is_closed[i])
            rc = put(out, "        ") != 0 || put(out, open[i]) != 0;
    return rc == 0 ? put(out, "    }\n") : rc;
}

/* The values of the table that begin at key, as long as their block is the same. */
static int put_values(const struct import_settings *s, int *key, struct buf *out)
{
    const char *block = keys[*key].block;
    int is_open = 0;
    int rc = 0;

    for (; *key < IMPORT_KEYS && strcmp(keys[*key].block, block) == 0; (*key)++) {
        const char *value = s->value[*key].text;

        if (*value == '\0' || rc != 0)
            continue;
        if (*block == '\0') {
            rc = put_value(out, "    ", keys[*key].name, value);
            continue;
        }
        if (!is_open)
            rc = buf_printf(out, "\n    %s {\n", block);
        is_open = 1;
        if (rc == 0)
            rc = put_value(out, "        ", keys[*key].name, value);
        if (rc == 0 && keys[*key].list >= 0)
            rc = put_lines(out, "        ", &s->list[keys[*key].list]);
    }
    if (is_open && rc == 0)
        rc = put(out, "    }\n");
    return rc;
}

static int put_remux(const struct import_settings *s, struct buf *out)
{
    int rc = put(out, "\n    http_remux {\n        enabled on;\n"
                      "        mount [vhost]/[app]/[stream].flv;\n");

    if (rc == 0 && s->value[IMPORT_HSTRS].text[0] != '\0')
        rc = put_value(out, "        ", "hstrs", s->value[IMPORT_HSTRS].text);
    return rc == 0 ? put(out, "    }\n") : rc;
}

static int put_host(const struct import_host *host, struct buf *out)
{
    const struct import_settings *s = &host->settings;
    int rc =
        put(out, "\nvhost ") != 0 || nginx_value_put(out, host->name) != 0 || put(out, " {\n") != 0;

    for (int key = 0; key < IMPORT_KEYS && rc == 0;) {
        if (key == IMPORT_HSTRS) {
            rc = put_remux(s, out);
            key++;
        } else {
            rc = put_values(s, &key, out);
        }
    }
    if (rc == 0)
        rc = put_security(s, out);
    if (rc == 0)
        rc = put_block(out, "http_hooks", &s->list[IMPORT_HOOKS]);
    if (rc == 0)
        rc = put_block(out, "forward", &s->list[IMPORT_FORWARD]);
    return rc == 0 ? put(out, "}\n") : rc;
}

static int put_tls(const struct import_page *page, struct buf *out)
{
    if (page->listen_tls.len == 0)
        return 0;
    if (put(out, "\n    https {\n        enabled on;\n") != 0 ||
        put_lines(out, "        ", &page->listen_tls) != 0)
        return -1;
    if (page->key[0] != '\0' && put_value(out, "        ", "key", page->key) != 0)
        return -1;
    if (page->cert[0] != '\0' && put_value(out, "        ", "cert", page->cert) != 0)
        return -1;
    return put(out, "    }\n");
}

static int put_page(const struct import_page *page, struct buf *out)
{
    int rc;

    if (page->listen.len == 0 && page->listen_tls.len == 0)
        return 0;
    rc = put(out, "\nhttp_server {\n    enabled on;\n");
    if (rc == 0)
        rc = put_lines(out, "    ", &page->listen);
    if (rc == 0 && page->dir[0] != '\0')
        rc = put_value(out, "    ", "dir", page->dir);
    if (rc == 0)
        rc = put_tls(page, out);
    if (rc == 0 && page->pull[0] != '\0')
        rc = put(out, "\n    http_pull {\n        enabled on;\n") != 0 ||
             put_value(out, "        ", "mount", page->pull) != 0 || put(out, "    }\n") != 0;
    return rc == 0 ? put(out, "}\n") : rc;
}

int import_write(const struct import *im, const char *from, struct buf *out)
{
    int rc = put(out, "# Imported from ") != 0 || nginx_value_put(out, from) != 0 ||
             put(out, " by import-nginx.\n") != 0;

    if (im->notes.len > 0 && rc == 0)
        rc = put(out, "# Not carried over, or to be checked:\n") != 0 ||
             put_lines(out, "#   ", &im->notes) != 0;
    if (rc == 0)
        rc = put(out, "\n") != 0 || put_lines(out, "", &im->listen) != 0 ||
             put_lines(out, "", &im->server) != 0;
    if (rc == 0)
        rc = put_page(&im->page, out);
    if (im->page.has_api && rc == 0)
        rc = put(out, "\nhttp_api {\n    enabled on;\n    listen 1985;\n}\n");
    for (int i = 0; i < im->host_count && rc == 0; i++)
        rc = put_host(&im->host[i], out);
    return rc == 0 && !im->is_short ? 0 : -1;
}
