#ifndef APP_STREAM_FINISHED_SEGMENT_H
#define APP_STREAM_FINISHED_SEGMENT_H

/* A finished segment of HLS, as observers are told of it (on_segment). Never yields. */
#include <stdint.h>

struct stream;

struct finished_segment {
    const struct stream *stream; /* borrowed for the call */
    uint64_t number;             /* media sequence number */
    uint64_t size;               /* bytes */
    int64_t duration_ms;
    /* Of the publisher, as in struct session_info; "": not known. */
    const char *id, *ip, *tc_url, *param;
};

#endif
