#ifndef TOOLS_IMPORT_NGINX_IMPORT_H
#define TOOLS_IMPORT_NGINX_IMPORT_H

/*
 * A configuration of nginx with its RTMP module (or with HTTP-FLV) as one of this server. The tree
 * goes in; settings are collected, and notes of what could not be carried over:
 *
 *   tree ── import_rtmp ──> hosts ──┐
 *        ── import_http ──> pages ──┼── import_write ──> text
 *                           notes ──┘
 *
 * Pure. Everything is bounded.
 */
#include "base/buf.h"
#include "base/conf.h"

#include <stddef.h>

#define IMPORT_HOSTS_MAX 16
#define IMPORT_VALUE_MAX 512
#define IMPORT_LISTS_MAX ((size_t)64 * 1024)
#define IMPORT_NOTES_MAX ((size_t)256 * 1024)

/* Settings with one value, in the order in which they are written. The table is in import_write.c.
 */
enum import_key {
    IMPORT_CHUNK_SIZE,
    IMPORT_GOP_CACHE,
    IMPORT_GOP_FRAMES,
    IMPORT_FIRSTPKT,
    IMPORT_TIMEOUT,
    IMPORT_HSTRS,
    IMPORT_PULL_MODE,
    IMPORT_DVR,
    IMPORT_DVR_PATH,
    IMPORT_DVR_PLAN,
    IMPORT_DVR_DURATION,
    IMPORT_HLS,
    IMPORT_HLS_FRAGMENT,
    IMPORT_HLS_WINDOW,
    IMPORT_KEYS
};

/* Settings with several lines. */
enum import_list { IMPORT_ORIGIN, IMPORT_SECURITY, IMPORT_FORWARD, IMPORT_HOOKS, IMPORT_LISTS };

struct import_value {
    char text[IMPORT_VALUE_MAX]; /* "": not set */
    const struct conf_node *from;
};

/* Of one application, then of all applications of a vhost. */
enum import_action { IMPORT_PUBLISH, IMPORT_PLAY, IMPORT_ACTIONS };

struct import_settings {
    struct import_value value[IMPORT_KEYS];
    int is_closed[IMPORT_ACTIONS]; /* all others than those that are allowed are refused */
    struct buf list[IMPORT_LISTS]; /* lines */
};

struct import_host {
    char name[256];
    char app[256]; /* the first application */
    int app_count;
    struct import_settings settings;
};

struct import_page {
    struct buf listen, listen_tls; /* lines */
    char dir[IMPORT_VALUE_MAX], key[IMPORT_VALUE_MAX], cert[IMPORT_VALUE_MAX];
    char pull[IMPORT_VALUE_MAX]; /* the address that names app and stream in its query */
    int has_api;
};

struct import {
    struct import_host host[IMPORT_HOSTS_MAX];
    int host_count;
    struct import_settings app; /* of the application that is read now */
    struct import_page page;
    struct buf listen; /* RTMP, lines */
    struct buf server; /* other lines of the top level */
    struct buf notes;  /* lines, without a mark */
    int is_short;      /* no memory, or too much of something */
};

void import_init(struct import *im);
void import_fini(struct import *im);

/* Adds a line, unless it is there. */
void import_line(struct import *im, struct buf *lines, const char *line);

/* Notes what could not be carried over, with file and line. */
void import_note(struct import *im, const struct conf_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The directive's name here, with its block. */
void import_key_name(enum import_key key, char *out, size_t cap);

/* Everything that a directive of listen says, in this server's words, into lines. */
void import_listen(struct import *im, const struct conf_node *node, struct buf *lines);

/* The blocks rtmp and http, and what is outside of both. */
void import_rtmp(struct import *im, const struct conf_node *rtmp);
void import_http(struct import *im, const struct conf_node *http);
void import_main(struct import *im, const struct conf_node *root);

/* Appends the configuration. 0; -1: no memory, or too much. */
int import_write(const struct import *im, const char *from, struct buf *out) ERR_MUST_CHECK;

#endif
