#ifndef APP_CONTROL_HOOKS_EVENT_H
#define APP_CONTROL_HOOKS_EVENT_H

/*
 * The events of the callbacks and the bodies of their requests: JSON with the fields of SRS in its
 * order, followed by our own. Pure.
 */
#include "app/config/config.h"

#include <stdint.h>

/* What an event says about its client and its stream. No pointer is NULL; texts are untrusted. */
struct hooks_client {
    const char *id; /* the log's context id */
    const char *ip;
    const char *vhost;
    const char *app;
    const char *stream;
    const char *tc_url; /* of an RTMP client */
    const char *page_url;
    const char *param; /* "?a=b", or "" */
    const char *type;  /* "rtmp", "flv", "ts", "mp3", "aac", "ws" */
};

struct hooks_event {
    enum config_hook hook;
    const char *server_id;
    const char *service_id;
    const char *stream_id; /* of the API */
    struct hooks_client client;
    uint64_t send_bytes, recv_bytes; /* of events that end something */
    int64_t duration_ms;
    const char *cwd, *file; /* of on_dvr and on_hls */
    uint64_t file_bytes;
    const char *url, *m3u8, *m3u8_url; /* of on_hls */
    uint64_t seq_no;
};

/* "on_play" */
const char *hooks_event_name(enum config_hook hook);

/* The JSON of a request, which the caller frees. Bytes of names that are not UTF-8 become question
 * marks. NULL if out of memory. */
char *hooks_event_body(const struct hooks_event *event);

/* The vhost of exactly this name; NULL if there is none. */
const struct config_vhost *hooks_event_vhost(const struct config *config, const char *name);

/* The URLs of the event in this vhost; NULL: none. vhost may be NULL. */
const struct config_strings *hooks_event_urls(const struct config_vhost *vhost,
                                              enum config_hook hook);

/* The URL for the log: without the values of its parameters. */
#define HOOKS_URL_SHOWN_MAX 600
void hooks_event_show_url(const char *url, char out[HOOKS_URL_SHOWN_MAX]);

#endif
