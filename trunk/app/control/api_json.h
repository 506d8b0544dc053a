#ifndef APP_CONTROL_API_JSON_H
#define APP_CONTROL_API_JSON_H

/*
 * What the API says of the server, its vhosts, streams and clients, as JSON in SRS's
 * shape. Each function adds to the object `out`. 0; 1: there is no thing of this id;
 * -1: no memory. Never yields.
 */
#include "app/core/server.h"

#include <jansson.h>

struct api_query {
    const struct server *server;
    const char *id; /* of one thing; "": all of them, from start on, count at most */
    size_t start, count;
    /* Of one worker, for all: streams in the order of their ids, and with the clients how many
       there are ("total"). */
    int is_part;
};

/* code, server, service, pid: in front of every answer. */
int api_json_head(const struct server *server, json_t *out);

/* Each puts its part of the answer into out (borrowed): 0, or -1 without memory, or where id names
 * nothing. Never yields. */
int api_json_versions(const struct api_query *query, json_t *out);
int api_json_summaries(const struct api_query *query, json_t *out);
int api_json_vhosts(const struct api_query *query, json_t *out);
int api_json_streams(const struct api_query *query, json_t *out);
int api_json_clients(const struct api_query *query, json_t *out);

/*
 * The id of a vhost or a stream: the same name has the same id on this server for
 * ever, and nothing has to be kept for it. "vid-" and 16 hexadecimal digits.
 */
#define API_ID_SIZE 24
void api_json_id(const struct server *server, const char *name, char out[API_ID_SIZE]);

#endif
