#ifndef APP_CONFIG_MOUNT_H
#define APP_CONFIG_MOUNT_H

/*
 * The mount template of http_remux ("[vhost]/[app]/[stream].flv"), in both directions: the address
 * of a stream, and the stream of an address (hstrs). Pure.
 */
#include <stddef.h>

struct mount_match {
    char vhost[256]; /* the host, lower case; "" if the template has no [vhost] */
    char app[256];   /* "" if the template has no [app] */
    char stream[256];
    char extension[12]; /* ".flv" */
};

/* Writes the pattern for serve_mux_add(), without the [vhost] part for __defaultVhost__
 * ("/app/stream.flv"). 0, or -1 if cut. */
int mount_expand(const char *tmpl, const char *vhost, const char *app, const char *stream,
                 char *out, size_t cap);

/* 0 if host and path (cleaned) match this template; app may be several segments. Else -1. */
int mount_match(const char *tmpl, const char *host, const char *path, struct mount_match *out);

/* The same for the path alone, with any host. */
int mount_match_path(const char *tmpl, const char *path, struct mount_match *out);

/*
 * Whether the template's host part has literal text ("cdn.example", "live.[vhost]") and equals this
 * host after the vhost's name is filled in. [vhost] alone names no host.
 */
int mount_names_host(const char *tmpl, const char *vhost, const char *host);

/* Whether template a takes precedence over b if both match: a total order, so that the order of a
 * list does not matter. */
int mount_wins(const char *a, const char *b);

/* The templates of a vhost. */
struct mount_list {
    char *const *item;
    int count;
    int skips_vhost; /* ignore templates with [vhost]: the address belongs to another vhost */
};

/*
 * The template that an address belongs to, whatever the order of the list: of those that match, the
 * one with the most literal text in its path, then in its host part. Returns its index, with the
 * stream in *out; -1 if none matches.
 */
int mount_find(const struct mount_list *list, const char *host, const char *path,
               struct mount_match *out);

/*
 * Whether the pattern that template `index` gives a stream leads to this stream. It does not if a
 * longer template makes it the address of another stream.
 */
int mount_owns(const struct mount_list *list, int index, const char *pattern, const char *app,
               const char *stream);

/*
 * Checks a configured template: an optional host part, "[vhost]" or literal text, up to the first
 * slash, then a path with [app] at most once and [stream] once, text between the two, and the
 * format's extension at the end. 0, or -1 with *why (constant).
 */
int mount_check(const char *tmpl, const char **why);

#endif
