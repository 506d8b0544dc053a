#ifndef APP_STREAM_RECORDED_FILE_H
#define APP_STREAM_RECORDED_FILE_H

/* A finished recording, as observers are told of it (on_record). Never yields. */
#include <stdint.h>

/* All pointers are borrowed for the call, and none is NULL. */
struct recorded_file {
    const char *vhost, *app, *stream;
    const char *path; /* as configured, so relative to the working directory or absolute */
    uint64_t size;
    int64_t duration_ms;
    /* Of the publisher, as in struct session_info; all "" for a file that another process began. */
    const char *id, *ip, *tc_url, *param;
};

#endif
