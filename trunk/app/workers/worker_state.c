/*
 * Where a worker's state is found: in the server, and in each of its streams. The other
 * files of this folder stand on it, and it on none of them.
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
