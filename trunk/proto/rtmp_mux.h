#ifndef PROTO_RTMP_MUX_H
#define PROTO_RTMP_MUX_H

/*
 * RTMP play as a rendition: frames become chunked messages for message stream 1
 * that are the same bytes for every player. Implements media's struct mux; its chunk size is
 * RTMP_MUX_CHUNK_SIZE until chunk_size() says another, which must not be 0.
 */
#include "media/mux.h"

#define RTMP_MUX_CHUNK_SIZE 60000
#define RTMP_MUX_STREAM_ID  1

extern const struct mux rtmp_mux;

#endif
