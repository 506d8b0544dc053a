#ifndef MEDIA_AMF0_H
#define MEDIA_AMF0_H

/*
 * AMF0 (Adobe's "Action Message Format, AMF 0", 2007) as a tree of values.
 * Bounded: AMF0_DEPTH_MAX levels, AMF0_KEYS_MAX keys in one object,
 * AMF0_VALUES_MAX values in one tree, strings within the input. No recursion
 * on input. Pure.
 */
#include "base/buf.h"
#include "base/bytes.h"
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define AMF0_DEPTH_MAX  32
#define AMF0_KEYS_MAX   512
#define AMF0_VALUES_MAX 4096

enum amf0_type {
    AMF0_NUMBER = 0,
    AMF0_BOOLEAN = 1,
    AMF0_STRING = 2, /* long strings (12) and XML (15) too */
    AMF0_OBJECT = 3, /* typed objects (16) too, their class name dropped */
    AMF0_NULL = 5,
    AMF0_UNDEFINED = 6, /* references (7) and unsupported (13) too */
    AMF0_ECMA_ARRAY = 8,
    AMF0_STRICT_ARRAY = 10,
    AMF0_DATE = 11 /* number = ms since 1970, UTC */
};

struct amf0 {
    enum amf0_type type;
    double number; /* NUMBER, DATE */
    int boolean;
    char *string; /* STRING: owned, ends in '\0', may hold others */
    size_t string_len;
    char *key;          /* this value's name in its object or ECMA array; owned; else NULL */
    struct amf0 *child; /* first property or element */
    struct amf0 *last;  /* last property or element */
    struct amf0 *next;  /* next sibling */
    size_t children;
};

/* Reads one value. SCAN_DONE and a tree that the caller frees, or SCAN_BAD. */
enum scan amf0_read(struct bytes *in, struct amf0 **out);

/* NULL is allowed. */
void amf0_free(struct amf0 *value);

/* Builders; NULL without memory. */
struct amf0 *amf0_number(double number);
struct amf0 *amf0_boolean(int boolean);
struct amf0 *amf0_string(const char *string);
struct amf0 *amf0_null(void);
struct amf0 *amf0_undefined(void);
struct amf0 *amf0_object(void);
struct amf0 *amf0_ecma_array(void);
struct amf0 *amf0_strict_array(void);

/*
 * Adds or replaces key in an object or ECMA array (a NULL key appends to a strict
 * array). Takes over value in every case. 0, or -1 (also for a NULL value or
 * beyond a bound); then value is freed.
 */
int amf0_set(struct amf0 *object, const char *key, struct amf0 *value);
/* Removes key; nothing happens if there is none. */
void amf0_remove(struct amf0 *object, const char *key);

/* Look-ups in an object or ECMA array; object may be NULL or another type: then not found. */
const struct amf0 *amf0_get(const struct amf0 *object, const char *key);
const char *amf0_get_string(const struct amf0 *object, const char *key); /* NULL if none */
double amf0_get_number(const struct amf0 *object, const char *key, double fallback);
int amf0_get_boolean(const struct amf0 *object, const char *key, int fallback);

/* Appends the encoding; 0, or -1 beyond the buffer's maximum. */
int amf0_write(struct buf *out, const struct amf0 *value) ERR_MUST_CHECK;
/* Shorthands that append one value. */
int amf0_write_number(struct buf *out, double number) ERR_MUST_CHECK;
int amf0_write_string(struct buf *out, const char *string) ERR_MUST_CHECK;
int amf0_write_boolean(struct buf *out, int boolean) ERR_MUST_CHECK;
int amf0_write_null(struct buf *out) ERR_MUST_CHECK;

#endif
