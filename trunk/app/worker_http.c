/*
 * The local end of the relays. A stream that is not published here is a 404 at
 * once: who asks was told by the shared table, and will look there again.
 */
#include "app/worker_http.h"

#include "app/http_live.h"
#include "app/server.h"
#include "app/stream.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct search {
    uint64_t number;
    struct source *found;
};

static void search_one(struct source *source, void *arg)
{
    const struct stream *stream = source_data(source);
    struct search *search = arg;

    if (stream != NULL && stream->claim == search->number)
        search->found = source;
}

/* The source of a publication that goes on here, or NULL. */
static struct source *publication_find(struct server *server, const char *text)
{
    struct search search = {0, NULL};
    int64_t number;

    if (str_to_i64(text, 1, INT64_MAX, &number) != 0)
        return NULL;
    search.number = (uint64_t)number;
    hub_each(server->hub, search_one, &search);
    if (search.found == NULL)
        return NULL;
    /* An edge's pull holds the claim before it has anything: who asks waits with it. */
    if (source_state(search.found) != SOURCE_LIVE &&
        ((const struct stream *)source_data(search.found))->pull == NULL)
        return NULL;
    return search.found;
}

static struct err *worker_http_serve(struct http_handler *self, struct http_exchange *x,
                                     usec_t timeout)
{
    const char *path = x->request->path;
    struct source *source;

    if (!str_starts(path, WORKER_HTTP_RELAY))
        return http_next(self, x, timeout);
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    source = publication_find(x->server, path + strlen(WORKER_HTTP_RELAY));
    if (source == NULL)
        return http_answer_error(x, 404, NULL, timeout, "nobody publishes this stream here");
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

void worker_http_free(struct http_handler *handler)
{
    free(handler);
}
