/*
 * What all parts of the import share: lines that are there once, notes with their place, and the
 * directives that say where to listen. Notes come from a file that anybody may have written, so
 * control characters, of which words have none but tabs and newlines, become spaces.
 */
#include "tools/import-nginx/import.h"

#include "base/str.h"
#include "tools/import-nginx/nginx_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_LEN 1024

void import_init(struct import *im)
{
    memset(im, 0, sizeof(*im));
    for (int i = 0; i < IMPORT_HOSTS_MAX; i++)
        for (int k = 0; k < IMPORT_LISTS; k++)
            buf_init(&im->host[i].settings.list[k], IMPORT_LISTS_MAX);
    buf_init(&im->page.listen, IMPORT_LISTS_MAX);
    buf_init(&im->page.listen_tls, IMPORT_LISTS_MAX);
    buf_init(&im->listen, IMPORT_LISTS_MAX);
    buf_init(&im->server, IMPORT_LISTS_MAX);
    buf_init(&im->notes, IMPORT_NOTES_MAX);
}

void import_fini(struct import *im)
{
    for (int i = 0; i < IMPORT_HOSTS_MAX; i++)
        for (int k = 0; k < IMPORT_LISTS; k++)
            buf_fini(&im->host[i].settings.list[k]);
    buf_fini(&im->page.listen);
    buf_fini(&im->page.listen_tls);
    buf_fini(&im->listen);
    buf_fini(&im->server);
    buf_fini(&im->notes);
}

static int has_line(const struct buf *lines, const char *line, size_t len)
{
    const char *p = (const char *)buf_data(lines);
    size_t left = lines->len;

    while (left > 0) {
        size_t n = (size_t)((const char *)memchr(p, '\n', left) - p);

        if (n == len && memcmp(p, line, len) == 0)
            return 1;
        p += n + 1;
        left -= n + 1;
    }
    return 0;
}

void import_line(struct import *im, struct buf *lines, const char *line)
{
    size_t len = strlen(line);

    if (lines->len > 0 && has_line(lines, line, len))
        return;
    if (buf_append(lines, line, len) != 0 || buf_append(lines, "\n", 1) != 0)
        im->is_short = 1;
}

void import_note(struct import *im, const struct conf_node *node, const char *fmt, ...)
{
    char text[LINE_MAX_LEN], line[2 * LINE_MAX_LEN];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)str_format(line, sizeof(line), "%s:%d: %.64s: %s",
                     node->file + (str_starts(node->file, "./") ? 2 : 0), node->line, node->name,
                     text);
    for (char *p = line; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    import_line(im, &im->notes, line);
}

/* The address of a listen directive. 0; -1: this server cannot listen there. */
static int address_read(const char *text, char *out, size_t cap)
{
    if (str_starts(text, "*:"))
        return str_copy(out, cap, text + 2);
    if (str_starts(text, "[::]:"))
        return str_copy(out, cap, text + strlen("[::]:"));
    if (str_starts(text, "0.0.0.0:") || str_starts(text, "unix:") || *text == '[' ||
        strspn(text, "0123456789") == strlen(text))
        return str_copy(out, cap, text);
    if (str_starts(text, "localhost:"))
        return str_format(out, cap, "127.0.0.1:%s", text + strlen("localhost:"));
    if (strspn(text, "0123456789.:") != strlen(text))
        return -1;
    return strchr(text, ':') != NULL ? str_copy(out, cap, text)
                                     : str_format(out, cap, "%s:80", text);
}

void import_listen(struct import *im, const struct conf_node *node, struct buf *lines)
{
    char address[IMPORT_VALUE_MAX], line[IMPORT_VALUE_MAX + 16];

    if (*nginx_value_first(node) == '\0' ||
        address_read(nginx_value_first(node), address, sizeof(address)) != 0) {
        import_note(im, node, "%.200s is no address here; add a listen with an IP address",
                    nginx_value_first(node));
        return;
    }
    for (int i = 1; i < node->arg_count; i++)
        if (strcmp(node->args[i], "proxy_protocol") == 0)
            import_note(im, node, "set proxy_protocol on, and trusted_proxies to the proxy");
    (void)str_format(line, sizeof(line), "listen %s;", address);
    import_line(im, lines, line);
}

/* ---- what is outside of rtmp and http ---- */

static void connections(struct import *im, const struct conf_node *events)
{
    for (const struct conf_node *n = events->child; n != NULL; n = n->next) {
        char line[64];
        int64_t count;

        if (strcmp(n->name, "worker_connections") != 0)
            continue;
        if (str_to_i64(nginx_value_first(n), 1, 1000000, &count) != 0) {
            import_note(im, n, "is no number from 1 to 1000000");
            continue;
        }
        (void)str_format(line, sizeof(line), "max_connections %lld;", (long long)count);
        import_line(im, &im->server, line);
    }
}

static void workers(struct import *im, const struct conf_node *node)
{
    char line[64];
    int64_t count;

    if (strcmp(nginx_value_first(node), "auto") == 0) {
        import_line(im, &im->server, "workers auto;");
    } else if (str_to_i64(nginx_value_first(node), 1, 64, &count) == 0) {
        (void)str_format(line, sizeof(line), "workers %lld;", (long long)count);
        import_line(im, &im->server, line);
    } else {
        import_note(im, node, "is no number from 1 to 64");
    }
}

void import_main(struct import *im, const struct conf_node *root)
{
    static const char *const quiet[] = {
        "load_module", "rtmp_auto_push",      "rtmp_auto_push_reconnect", "rtmp_socket_dir",
        "pid",         "worker_rlimit_nofile"};

    for (const struct conf_node *n = root->child; n != NULL; n = n->next) {
        int is_quiet = 0;

        for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
            is_quiet |= strcmp(n->name, quiet[i]) == 0;
        if (strcmp(n->name, "rtmp") == 0)
            import_rtmp(im, n);
        else if (strcmp(n->name, "http") == 0)
            import_http(im, n);
        else if (strcmp(n->name, "events") == 0)
            connections(im, n);
        else if (strcmp(n->name, "worker_processes") == 0)
            workers(im, n);
        else if (strcmp(n->name, "user") == 0)
            import_note(im, n, "see user, which also needs root at the start");
        else if (strcmp(n->name, "error_log") == 0)
            import_note(im, n, "see srs_log_tank, srs_log_file and srs_log_level");
        else if (!is_quiet)
            import_note(im, n, "not carried over");
    }
}
