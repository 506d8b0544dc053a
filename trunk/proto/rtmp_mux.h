#ifndef PROTO_RTMP_MUX_H
#define PROTO_RTMP_MUX_H

/*
 * RTMP play as a rendition: frames become chunked messages for message stream 1, with the same
 * bytes for every player. Implements media's struct mux; its chunk size is RTMP_MUX_CHUNK_SIZE
 * until chunk_size() sets another, which must not be 0.
 */
#include "media/mux.h"

#define RTMP_MUX_CHUNK_SIZE 60000
#define RTMP_MUX_STREAM_ID  1

extern const struct mux rtmp_mux;

/* Message streams of one connection: createStream gives the ids 1 to this. */
#define RTMP_STREAMS_MAX 4
/* The same format on another message stream; for an id that createStream does not give: rtmp_mux.
 */
const struct mux *rtmp_mux_of(uint32_t stream_id);

#endif
