#ifndef APP_STREAM_RUNGS_H
#define APP_STREAM_RUNGS_H

/*
 * The rungs of quality ladders (app/config/ladder.h): one timeline for all rungs of a ladder, and
 * whether their keyframes line up. A row of the observers. Never yields.
 */
#include "app/config/ladder.h"
#include "app/stream/rung_keys.h"
#include "app/stream/stream.h"

extern const struct observer rungs_observer;

/* The ladder that the stream is a rung of: 0 with *out, or -1. */
int rungs_ladder(const struct stream *stream, struct ladder *out);
enum rung_match rungs_match(const struct stream *stream);

/* What is known about the stream with this key, at whichever process: 1 if it is published. */
int rungs_look(const struct server *server, const char *key, struct source_peer *peer,
               struct source_facts *facts);

#endif
