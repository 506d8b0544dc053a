#ifndef APP_CORE_LOG_SINK_H
#define APP_CORE_LOG_SINK_H

/*
 * Where log lines go: the console or a file. A sink never waits for its reader: when a pipe or
 * terminal is full, lines are kept in memory up to a limit and written with the next line; beyond
 * the limit they are dropped, and the log states how many once it can be written again. Never
 * yields.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/opener.h"

#define LOG_SINK_PENDING_MAX (256 * 1024)

struct log_sink_file {
    struct log_sink sink; /* first: a struct log's sink */
    int fd;
    char *path;           /* NULL for a descriptor */
    int may_block;        /* it is not a plain file */
    int is_own;           /* log_sink_own() opened it */
    struct opener opener; /* for files that this process may not open */
    struct buf pending;
    unsigned lost;
};

/* Appends to a file and creates it if needed. opener: for now and for log_sink_reopen(); NULL:
 * none. After an error there is nothing to close. */
struct err *log_sink_open(struct log_sink_file *file, const char *path,
                          const struct opener *opener);
/* Only the descriptor of such a file; -1 with errno. */
int log_sink_open_append(const char *path);

/* Writes to a descriptor, which stays the caller's. */
void log_sink_open_fd(struct log_sink_file *file, int fd);

/*
 * For a process that shares a pipe or terminal with other writers: between poll() and the write
 * another process may fill the pipe. Reopens the descriptor for this process alone where possible,
 * so that a write never blocks; drops pending lines, which the parent process writes.
 */
void log_sink_own(struct log_sink_file *file);

/* Undoes log_sink_own(): writes to the shared descriptor again. */
void log_sink_disown(struct log_sink_file *file, int fd);

/* Reopens the path, as after a rotation; on an error the old file is kept. No-op for a fd. */
struct err *log_sink_reopen(struct log_sink_file *file);

/* Continues with the destination of `to`, which was just opened and is then empty; pending lines of
 * the old one are written if that does not block. */
void log_sink_switch(struct log_sink_file *file, struct log_sink_file *to);

/* Waits at most one second for pending lines to be written. */
void log_sink_close(struct log_sink_file *file);

#endif
