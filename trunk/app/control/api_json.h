#ifndef APP_CONTROL_API_JSON_H
#define APP_CONTROL_API_JSON_H

/*
 * What all answers of the API share: their head, names from clients as JSON, ids, addresses, and
 * the query. Never yields.
 *
 * The function of an address adds its answer to the object `out` (borrowed). It returns 0; 1: the
 * id does not exist; -1: out of memory. Long lists are built in parts, between which other
 * coroutines run.
 */
#include "app/core/server.h"

#include <jansson.h>

/* Longer names are cut. */
#define API_TEXT_MAX 1024

struct http_exchange;

struct api_query {
    struct server *server;
    const struct http_exchange
        *x;         /* the request, for addresses that have parameters of their own */
    const char *id; /* of one object; "": all objects, at most count, beginning at index start */
    size_t start, count;
    /* Of a part: only ids after the one and up to the other; "": no limit. */
    const char *after, *upto;
    /* The asker may not see clients, nor streams that are only waited for. */
    int is_public;
    /* The answer of one worker, to be merged with others. */
    int is_part;
};

/* Adds code, server, service and pid, with which every answer begins. */
int api_json_head(const struct server *server, json_t *out);

/* The text as a JSON string; bytes that are not UTF-8 become question marks. NULL is "". */
json_t *api_json_text(const char *s);
/* {"recv_30s":…,"send_30s":…} */
json_t *api_json_kbps(const int64_t kbps[2]);
/* Appends `item` to an array and takes it over; 0 or -1. */
int api_json_put(json_t *array, json_t *item);
/* Sets a member and takes the value over; 0 or -1. */
int api_json_set(json_t *object, const char *name, json_t *value);

/*
 * The id of a vhost or a stream: "vid-" and 16 hexadecimal digits. On this server the same name
 * always has the same id, without any stored state.
 */
#define API_ID_SIZE 24
uint64_t api_json_hash(const struct server *server, const char *name);
void api_json_id(const struct server *server, const char *name, char out[API_ID_SIZE]);

/* The tcUrl without user, password and parameters, which may be keys; only ?vhost= stays. */
json_t *api_json_tc_url(const char *tc_url);
/* "/app/stream"; of another vhost than the default one "vhost/app/stream". */
json_t *api_json_url(const char *vhost, const char *app, const char *stream);

#endif
