#ifndef APP_CLUSTER_FORWARD_JSON_H
#define APP_CLUSTER_FORWARD_JSON_H

/*
 * The question to forward's backend and its answer, in SRS's format: a JSON object whose action is
 * on_forward, and {"code":0,"data":{"urls":["rtmp://…"]}}. Pure.
 */
#include "app/config/origin.h"
#include "base/err.h"

#define FORWARD_URLS_MAX   16
#define FORWARD_ANSWER_MAX ((size_t)64 * 1024)

/* A publisher and its stream. No pointer is NULL. */
struct forward_question {
    const char *server_id, *service_id, *client_id, *ip;
    const char *vhost, *app, *tc_url, *stream, *param;
};

struct forward_urls {
    int count;
    char url[FORWARD_URLS_MAX][ORIGIN_URL_MAX]; /* "rtmp(s)://host[:port]/app/stream…" */
};

/* The JSON to send; the caller calls free(). NULL without memory. */
char *forward_json_question(const struct forward_question *question);

/*
 * Parses the answer. Each address is a whole RTMP address, or any form that forward's `destination`
 * accepts, completed with the stream's names. ERR_DENIED: a code other than 0; ERR_PROTO: not of
 * this form, or not an address; ERR_LIMIT: too many.
 */
struct err *forward_json_answer(const char *text, size_t len, const struct origin_stream *stream,
                                struct forward_urls *out);

#endif
