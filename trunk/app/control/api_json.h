#ifndef APP_CONTROL_API_JSON_H
#define APP_CONTROL_API_JSON_H

/*
 * The JSON of the API, in the shape of SRS: the server, its vhosts, streams and clients. Each
 * function adds to the object `out`. 0; 1: the id does not exist; -1: out of memory. Never yields.
 */
#include "app/core/server.h"

#include <jansson.h>

struct api_query {
    const struct server *server;
    const char *id; /* of one object; "": all objects, at most count, beginning at index start */
    size_t start, count;
    /* 1: the answer of one worker, to be merged with others: streams in the order of their ids, and
     * clients with their total number ("total"). */
    int is_part;
};

/* Adds code, server, service and pid, with which every answer begins. */
int api_json_head(const struct server *server, json_t *out);

/* Each adds its part of the answer to out (borrowed). 0; 1: the id does not exist; -1: out of
 * memory. Never yields. */
int api_json_versions(const struct api_query *query, json_t *out);
int api_json_summaries(const struct api_query *query, json_t *out);
int api_json_vhosts(const struct api_query *query, json_t *out);
int api_json_streams(const struct api_query *query, json_t *out);
int api_json_clients(const struct api_query *query, json_t *out);

/*
 * The id of a vhost or a stream: "vid-" and 16 hexadecimal digits. On this server the same name
 * always has the same id, without any stored state.
 */
#define API_ID_SIZE 24
void api_json_id(const struct server *server, const char *name, char out[API_ID_SIZE]);

#endif
