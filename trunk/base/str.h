#ifndef BASE_STR_H
#define BASE_STR_H

/* Small helpers over bounded strings. Pure. */
#include <stddef.h>
#include <stdint.h>

/* Copies at most cap-1 bytes and appends '\0'. Returns 0, or -1 if truncated. */
int str_copy(char *dst, size_t cap, const char *src);

/* The same for len bytes that need not end in '\0'. */
int str_copy_n(char *dst, size_t cap, const char *src, size_t len);

/* snprintf that returns -1 when the text was truncated. */
int str_format(char *dst, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A whole decimal number within [min, max]; 0, or -1. */
int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out);

/* The value of a hexadecimal digit of either case; -1 for other characters. */
int str_hex_digit(char c);

/* Case-insensitive equality and prefix tests. */
int str_ieq(const char *a, const char *b);
int str_starts(const char *s, const char *prefix);
int str_ends(const char *s, const char *suffix);

/* Edit distance (insert, delete, replace), for "did you mean"; both at most 64 bytes, else 64. */
int str_distance(const char *a, const char *b);

#endif
