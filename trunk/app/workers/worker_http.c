/*
 * The local end of the worker pulls. A stream that is not published here gets 404 at once: the
 * requesting worker found it in the shared registry, and will look there again.
 */
#include "app/workers/worker_http.h"

#include "app/http/http_listener.h"
#include "app/http/http_live.h"
#include "app/http/http_session.h"
#include "app/workers/worker.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* The source of a publication that still exists here, or NULL. */
static struct source *publication_find(struct server *server, const char *text)
{
    int64_t number;

    if (str_to_i64(text, 1, INT64_MAX, &number) != 0)
        return NULL;
    return worker_publication_find(server, (uint64_t)number);
}

static struct err *worker_http_serve(struct http_handler *self, struct http_exchange *x,
                                     usec_t timeout)
{
    const char *path = x->request->path;
    struct source *source;

    if (!str_starts(path, WORKER_HTTP_PATH))
        return http_next(self, x, timeout);
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    source = publication_find(x->server, path + strlen(WORKER_HTTP_PATH));
    if (source == NULL)
        return http_answer_error(x, 404, NULL, timeout, "this worker does not publish this stream");
    return http_live_serve_worker(x, source, timeout);
}

struct http_handler *worker_http_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = worker_http_serve;
    handler->next = next;
    return handler;
}

const struct listener_type worker_http_listener = {.name = "worker",
                                                   .protocol = &http_listener_protocol,
                                                   .flags = HTTP_SESSION_WORKER,
                                                   .is_internal = 1};
