#ifndef APP_WORKER_API_H
#define APP_WORKER_API_H

/*
 * The API of a server of several workers: what this one knows, and what the others say.
 */
#include "app/server.h"

#include <jansson.h>

/* True for an answer of which each worker has a part: "streams", "clients", … */
int worker_api_is_shared(const struct server *server, const char *name);

/*
 * Asks all other workers for `name` (and id, "" for all; at most count) and adds what they say
 * to the body. *code is 1 while nobody knows the id, 0 when somebody does. A worker that does not
 * answer is left out. 0, or -1: no memory.
 */
int worker_api_gather(const struct server *server, const char *name, const char *id, json_t *body,
                      int *code, size_t count, usec_t timeout);

/* Cuts the list `name` to those from start on, count at most. */
void worker_api_cut(json_t *body, const char *name, size_t start, size_t count);

#endif
