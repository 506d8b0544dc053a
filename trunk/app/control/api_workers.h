#ifndef APP_CONTROL_API_WORKERS_H
#define APP_CONTROL_API_WORKERS_H

/*
 * The API of a server of several workers: what this one knows, and what the others say.
 */
#include "app/control/api_json.h"

/* True for an answer of which each worker has a part: "streams", "clients", … */
int api_workers_is_shared(const struct server *server, const char *name);

/* A question to all of them: what api_json.c's function answers for one. */
struct api_workers_call {
    const char *name;
    const struct api_query *query;
    int (*answer)(const struct api_query *query, json_t *out);
};

/*
 * Puts what all workers say into the body: each thing once, numbers added, and lists in an order
 * that does not depend on who is asked. A worker that does not answer is left out. 0; 1: nobody
 * knows the id; -1: no memory.
 */
int api_workers_gather(const struct api_workers_call *call, json_t *body, usec_t timeout);

#endif
