#ifndef APP_CONTROL_API_GATHER_H
#define APP_CONTROL_API_GATHER_H

/*
 * Answers of which other processes of this server have a part. How they are gathered is a row of
 * struct tables; without it, or without tables (in unit tests), this process answers alone.
 */
#include "app/control/api_json.h"
#include "app/core/tables.h"
#include "app/http/http_exchange.h"
#include "base/yield.h"

/* Parameters of one process's request to another: the asker gets only what is public; ids after
 * this one, up to that one. */
#define API_GATHER_PUBLIC "public"
#define API_GATHER_AFTER  "after"
#define API_GATHER_UPTO   "upto"

/* A request to all processes: the name ("streams") and the function that answers for one. */
struct api_gather_call {
    const char *name;
    const struct api_query *query;
    MAY_YIELD int (*answer)(const struct api_query *query, json_t *out);
};

struct api_gather {
    /* 1 if there are other processes, and each has a part of this answer. */
    int (*is_shared)(const struct server *server, const char *name);
    /*
     * Merges all answers into the body: each object once, numbers added, and lists in an order that
     * does not depend on the process that is asked. A process that does not answer is left out. 0;
     * 1: no process knows the id; -1: out of memory.
     */
    int (*gather)(const struct api_gather_call *call, json_t *body, usec_t timeout);
};

/* The whole answer; a request from another process gets this one's part. As gather(). */
static inline int api_gather_answer(const struct api_gather_call *call, json_t *body,
                                    usec_t timeout)
{
    const struct api_query *query = call->query;
    const struct tables *tables = query->server->tables;
    const struct api_gather *row = tables != NULL ? tables->gather : NULL;

    if (row == NULL || (query->x != NULL && query->x->is_worker) ||
        !row->is_shared(query->server, call->name))
        return call->answer(query, body);
    return row->gather(call, body, timeout);
}

#endif
