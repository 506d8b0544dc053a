#ifndef APP_CONFIG_MOUNT_H
#define APP_CONFIG_MOUNT_H

/*
 * The mount template of http_remux ("[vhost]/[app]/[stream].flv"), both ways:
 * a stream's address, and the stream an address means (hstrs). Pure.
 */
#include <stddef.h>

struct mount_match {
    char vhost[256]; /* the host, lower case; "" when the template has no [vhost] */
    char app[256];   /* "" when the template has no [app] */
    char stream[256];
    char extension[8]; /* ".flv" */
};

/* Writes the pattern for serve_mux_add(): for __defaultVhost__ the [vhost] part is left out
 * ("/app/stream.flv"). 0, -1 if cut. */
int mount_expand(const char *tmpl, const char *vhost, const char *app, const char *stream,
                 char *out, size_t cap);

/* 0 when host and path (cleaned) could be this template's; app may be several segments. Else -1. */
int mount_match(const char *tmpl, const char *host, const char *path, struct mount_match *out);

/* The same for the path alone: the host part may be any. */
int mount_match_path(const char *tmpl, const char *path, struct mount_match *out);

/*
 * Whether the template's host part has text of its own ("cdn.example", "live.[vhost]") and is, with
 * the vhost's name filled in, exactly this host. [vhost] alone names no host.
 */
int mount_names_host(const char *tmpl, const char *vhost, const char *host);

/* Whether template a wins over b where both match: a total order, so that the order of a list does
 * not count. */
int mount_wins(const char *a, const char *b);

/* The templates of a vhost. */
struct mount_list {
    char *const *item;
    int count;
    int skips_vhost; /* those with [vhost] count for nothing: the address is another vhost's */
};

/*
 * The template that an address belongs to, whatever the order of the list: of those that fit, the
 * one with the most literal text in its path, then in its host part. Its index, with the stream in
 * *out; -1 when none fits.
 */
int mount_find(const struct mount_list *list, const char *host, const char *path,
               struct mount_match *out);

/*
 * Whether a stream is reached at the pattern that template `index` gives it: not when a longer
 * template makes it another stream's address.
 */
int mount_owns(const struct mount_list *list, int index, const char *pattern, const char *app,
               const char *stream);

/*
 * A template is an optional host part, "[vhost]" or literal text, up to the first slash, then a
 * path with [app] at most once and [stream] once, text between the two, and the format's extension
 * at the end. 0, or -1 with *why (constant) when a configured template cannot work.
 */
int mount_check(const char *tmpl, const char **why);

#endif
