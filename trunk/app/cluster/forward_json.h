#ifndef APP_CLUSTER_FORWARD_JSON_H
#define APP_CLUSTER_FORWARD_JSON_H

/*
 * What forward's backend is asked and what it answers, in SRS's words: a JSON object whose action
 * is on_forward, and {"code":0,"data":{"urls":["rtmp://…"]}}. Pure.
 */
#include "app/config/origin.h"
#include "base/err.h"

#define FORWARD_URLS_MAX   16
#define FORWARD_ANSWER_MAX ((size_t)64 * 1024)

/* A publisher and its stream. No text is NULL. */
struct forward_question {
    const char *server_id, *client_id, *ip;
    const char *vhost, *app, *tc_url, *stream, *param;
};

struct forward_urls {
    int count;
    char url[FORWARD_URLS_MAX][ORIGIN_URL_MAX]; /* "rtmp(s)://host[:port]/app/stream…" */
};

/* The JSON to send, for free(); NULL without memory. */
char *forward_json_question(const struct forward_question *question);

/*
 * What was answered. Each address is a whole RTMP address, or one that forward's destination may
 * be, completed with the stream's names. ERR_DENIED: a code that is not 0; ERR_PROTO: no answer
 * of this form, or an address that is none; ERR_LIMIT: too many.
 */
struct err *forward_json_answer(const char *text, size_t len, const struct origin_stream *stream,
                                struct forward_urls *out);

#endif
