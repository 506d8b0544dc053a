#ifndef APP_CONTROL_API_WORKERS_H
#define APP_CONTROL_API_WORKERS_H

/*
 * The API of a server with several workers: merges the answers of all workers.
 */
#include "app/control/api_json.h"

/* Parameters of a worker's request to another: the asker gets only what is public; ids after this
 * one, up to that one. */
#define API_WORKERS_PUBLIC "public"
#define API_WORKERS_AFTER  "after"
#define API_WORKERS_UPTO   "upto"

/* 1 if each worker has a part of this answer: "streams", "clients", … */
int api_workers_is_shared(const struct server *server, const char *name);

/* A request to all workers: the name and the function that answers for one. */
struct api_workers_call {
    const char *name;
    const struct api_query *query;
    MAY_YIELD int (*answer)(const struct api_query *query, json_t *out);
};

/*
 * Merges the answers of all workers into the body: each object once, numbers added, and lists in an
 * order that does not depend on the worker that is asked. A worker that does not answer is left
 * out. 0; 1: no worker knows the id; -1: out of memory.
 */
int api_workers_gather(const struct api_workers_call *call, json_t *body, usec_t timeout);

#endif
