#ifndef APP_RECORD_RECORD_H
#define APP_RECORD_RECORD_H

/*
 * Recording of streams into FLV files (dvr): one coroutine for each recording, which reads the ring
 * as a viewer does and hands the bytes to a helper thread:
 *
 *   ring ──viewer──▶ flv_record ──▶ buffer ──offload_call──▶ thread: PATH.part ──▶ PATH
 *
 * A stream is recorded by the process that its encoder publishes to. A disk that is full or too
 * slow ends the recording, and nothing else.
 */
#include "app/stream/observer.h"

extern const struct observer record_observer;

/* What the API shows. */
struct record_state {
    int is_active;
    const char *path; /* of the file that is being written; valid until the next yield */
    uint64_t bytes;
    int64_t duration_ms;
};

void record_describe(const struct stream *stream, struct record_state *out);

/* Whether an encoder publishes the stream to this process: only then can it be recorded here. */
int record_is_here(const struct stream *stream);

/* Starts a recording of the publication, unless there is one: 0, or -1 without memory, or if
 * record_is_here() is 0. */
int record_start(struct stream *stream);
/* Ends it, for the rest of the publication. Its file is finished soon after. */
void record_stop(struct stream *stream);

#endif
