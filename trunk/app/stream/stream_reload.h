#ifndef APP_STREAM_STREAM_RELOAD_H
#define APP_STREAM_STREAM_RELOAD_H

/*
 * Applies a reload to the streams: those of a removed vhost end, the others get the new values of
 * their vhost. Never yields.
 */
#include "app/stream/stream.h"

/* server->config is the new configuration; call it after observers_on_config(). */
void stream_reload(struct server *server, const struct config *before);

/* Ends the stream for its publisher and its viewers, because it is no longer configured; the log
 * states why. */
void stream_reload_end(struct stream *stream, const char *why);

#endif
