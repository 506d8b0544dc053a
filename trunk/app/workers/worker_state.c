/*
 * Finds a worker's state: in the server, and in each of its streams. The other files of this
 * directory depend on this file; it depends on none of them.
 */
#include "app/workers/worker_private.h"

struct worker *worker_of(const struct server *server)
{
    return server->shared_arg;
}

struct worker_stream *worker_stream_of(const struct stream *stream)
{
    return observer_state(stream, worker_of(stream->server)->row);
}
