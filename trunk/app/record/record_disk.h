#ifndef APP_RECORD_RECORD_DISK_H
#define APP_RECORD_RECORD_DISK_H

/*
 * Recordings on disk: all system calls, for a helper thread (co/offload.h). Nothing here knows
 * coroutines. A file has the name PATH.part, and the lock of the process that writes it, until it
 * is finished.
 */
#include "app/core/privileges.h"
#include "app/record/record_path.h"
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* A file that is being written. Belongs to the loop between two calls, to the thread in a call. */
struct record_file {
    int fd; /* -1: not open */
    char path[RECORD_PATH_MAX];
    char part[RECORD_PATH_MAX + sizeof(RECORD_PART)];
    struct buf data; /* to be written next */
    uint64_t size;   /* bytes that are written */
    struct buf meta; /* the final metadata, and its place */
    uint64_t meta_at;
    int64_t duration_ms; /* of a file that was repaired */
    int is_kept;         /* it has the final name */
    int error;           /* errno of the last call; 0: it worked */
};

/* The arguments of offload_call(); arg is a struct record_file. */

/* Opens path, or a numbered one if that exists, with its folders. */
void record_disk_open(void *arg);
/* Appends data, and empties it. */
void record_disk_write(void *arg);
/* Writes the metadata and renames the file. Closes it in every case. */
void record_disk_finish(void *arg);
/* The same after an error: whatever can be played is kept, the rest of the last tag is not. */
void record_disk_salvage(void *arg);
/* Closes and removes it. */
void record_disk_remove(void *arg);
/* Frees the struct; a file that is still open stays as it is. */
void record_disk_drop(void *arg);

/* Makes this folder, and those above it, and gives those that it made to the user of the privileges
 * (NULL: to nobody). One that cannot be made may be there already, in a place where this process
 * may not write. 0 or errno. */
int record_disk_folders(const char *path, const struct privileges *owner);

/* Gives an open file its final name, without replacing another one. 0 or errno. */
int record_disk_keep(struct record_file *file);

/* NULL without memory. */
struct record_file *record_disk_new(size_t data_max);

#endif
