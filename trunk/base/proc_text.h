#ifndef BASE_PROC_TEXT_H
#define BASE_PROC_TEXT_H

/*
 * Numbers in the files that the kernel writes under /proc, proc(5). Reading such a file takes
 * microseconds.
 */
#include <stddef.h>
#include <stdint.h>

/* Reads a file into out, with a terminator. The number of bytes, cut at cap - 1; 0: not readable.
 */
size_t proc_text_read(const char *path, char *out, size_t cap);

/*
 * Finds the line that begins with `prefix` and reads up to n decimal numbers after it, skipping
 * words that are none. Returns how many were read; the rest of out is 0.
 */
int proc_text_numbers(const char *text, const char *prefix, uint64_t *out, int n);

/* The fields of /proc/PID/stat, in their order and under their names in proc(5). */
#define PROC_TEXT_STAT_COUNT 42
#define PROC_TEXT_STAT_SIZE  1024

struct proc_text_stat {
    char comm[64];
    char state;
    int count;                           /* of values; older kernels have fewer */
    int64_t value[PROC_TEXT_STAT_COUNT]; /* by the index of its name; pid first */
};

/* The name of a value: "pid", "ppid", "utime", …; "comm" and "state" are not among them. */
const char *proc_text_stat_name(int i);
/* The index of this name. It must be one. */
int proc_text_stat_index(const char *name);
/* 0, or -1: malformed. */
int proc_text_stat_parse(const char *text, struct proc_text_stat *out);

#endif
