#ifndef APP_RECORD_RECORD_SALVAGE_H
#define APP_RECORD_RECORD_SALVAGE_H

/* Finishing a recording whose end is missing. Makes system calls: for a helper thread. */
#include <stdint.h>

struct record_salvage {
    uint64_t size;
    int64_t duration_ms;
    char *name; /* "vhost/app/stream"; the caller frees it */
};

/*
 * Cuts the file after its last whole tag and writes its metadata. 0, EBADMSG: it is no recording of
 * this server, or has no video and no audio; nothing is changed then. Else another errno.
 */
int record_salvage_file(int fd, struct record_salvage *out);

#endif
