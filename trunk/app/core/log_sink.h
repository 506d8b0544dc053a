#ifndef APP_CORE_LOG_SINK_H
#define APP_CORE_LOG_SINK_H

/*
 * Where log lines go: the console or a file. A sink never waits for its
 * reader: what a full pipe or terminal does not take is kept, up to a bound, and tried again with
 * the next line; beyond it lines are lost, and how many is said in the log once it
 * flows again. Never yields.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

#define LOG_SINK_PENDING_MAX (256 * 1024)

struct log_sink_file {
    struct log_sink sink; /* first: a struct log's sink */
    int fd;
    char *path;    /* NULL for a descriptor */
    int may_block; /* it is no plain file */
    int is_own;    /* log_sink_own() opened it */
    struct buf pending;
    unsigned lost;
};

/* Appends to a file, which is made if needed. An error leaves nothing to close. */
struct err *log_sink_open(struct log_sink_file *file, const char *path);

/* Writes to a descriptor, which stays the caller's. */
void log_sink_open_fd(struct log_sink_file *file, int fd);

/*
 * For a process that writes to a pipe or terminal together with others: between the question
 * whether there is room and the write, another may take the room. Opens the descriptor anew for
 * this process alone, where that can be done, so that a write never waits; drops what was pending,
 * which is the former process's to write.
 */
void log_sink_own(struct log_sink_file *file);

/* Undoes that: the console's descriptor is shared with all else again, wherever that leads. */
void log_sink_disown(struct log_sink_file *file, int fd);

/* Opens the path again, as after a rotation; on an error the old file goes on. No-op for a fd. */
struct err *log_sink_reopen(struct log_sink_file *file);

/* Waits for what is pending for one second at most. */
void log_sink_close(struct log_sink_file *file);

#endif
