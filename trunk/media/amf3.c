/*
 * AMF3 ("Action Message Format -- AMF 3", Adobe 2013, section 3). Strings and descriptions of
 * objects (traits) may be referred to, so a few bytes can stand for many: the bytes copied for one
 * value are limited. A stack of levels replaces recursion.
 */
#include "media/amf3.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN_MAX 0xffff /* of AMF0, as which it may be written again */

enum amf3_marker {
    AMF3_UNDEFINED,
    AMF3_NULL,
    AMF3_FALSE,
    AMF3_TRUE,
    AMF3_INTEGER,
    AMF3_DOUBLE,
    AMF3_STRING,
    AMF3_XML_DOC,
    AMF3_DATE,
    AMF3_ARRAY,
    AMF3_OBJECT,
    AMF3_XML,
    AMF3_BYTES
};

struct slice {
    const uint8_t *p;
    size_t len;
};

struct traits {
    size_t first; /* its names in reader.name */
    size_t count;
    int is_dynamic;
};

struct level {
    struct amf0 *node;
    int has_keys;        /* named properties still follow, up to an empty name */
    size_t first, count; /* names of an object still to come */
    size_t dense, done;  /* elements of an array without names */
};

struct reader {
    struct bytes *in;
    size_t *values;
    size_t text; /* bytes copied so far */
    struct slice string[AMF3_STRINGS_MAX];
    size_t strings;
    struct traits traits[AMF3_TRAITS_MAX];
    size_t traits_count;
    struct slice name[AMF0_KEYS_MAX];
    size_t names;
    size_t objects;    /* complex values so far, which may be referred to */
    struct level next; /* of the container just opened */
};

/* 1.3.1: up to 29 bits in one to four bytes. */
static uint32_t read_u29(struct bytes *in)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        uint8_t byte = bytes_u8(in);

        if (i == 3)
            return v << 8 | byte;
        v = v << 7 | (byte & 0x7f);
        if (!(byte & 0x80))
            break;
    }
    return v;
}

/* Reads a string or a reference to one. 0 or -1. */
static int read_slice(struct reader *r, struct slice *out)
{
    uint32_t head = read_u29(r->in);

    if (r->in->bad)
        return -1;
    if (!(head & 1)) {
        if (head >> 1 >= r->strings)
            return -1;
        *out = r->string[head >> 1];
        return 0;
    }
    out->len = head >> 1;
    out->p = bytes_take(r->in, out->len);
    if (out->p == NULL && r->in->bad)
        return -1;
    if (out->len == 0) /* the empty string is never referred to */
        return 0;
    if (r->strings == AMF3_STRINGS_MAX)
        return -1;
    r->string[r->strings++] = *out;
    return 0;
}

/* A copy that ends in '\0'; NULL without memory or beyond the bound. */
static char *copy_text(struct reader *r, const struct slice *slice)
{
    char *text;

    if (slice->len > AMF3_TEXT_MAX - r->text)
        return NULL;
    text = malloc(slice->len + 1);
    if (text == NULL)
        return NULL;
    r->text += slice->len;
    if (slice->len > 0)
        memcpy(text, slice->p, slice->len);
    text[slice->len] = '\0';
    return text;
}

static int set_string(struct reader *r, struct amf0 *value, const struct slice *slice)
{
    value->type = AMF0_STRING;
    value->string = copy_text(r, slice);
    value->string_len = slice->len;
    return value->string != NULL ? 0 : -1;
}

static double read_double(struct bytes *in)
{
    uint64_t bits = bytes_u64(in);
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

/* Reads the head of a complex value. 1: *rest has its other bits; 0: a reference to an earlier
 * value; -1: bad. */
static int read_complex(struct reader *r, uint32_t *rest)
{
    uint32_t head = read_u29(r->in);

    if (r->in->bad)
        return -1;
    *rest = head >> 1;
    if (!(head & 1))
        return *rest < r->objects ? 0 : -1;
    r->objects++;
    return 1;
}

/* XML, byte arrays and dates, which have no children. 0 or -1. */
static int read_flat(struct reader *r, struct amf0 *value, uint8_t marker)
{
    struct slice slice;
    uint32_t len;
    int found = read_complex(r, &len);

    if (found <= 0)
        return found;
    if (marker == AMF3_DATE) {
        value->type = AMF0_DATE;
        value->number = read_double(r->in);
        return 0;
    }
    slice.len = len;
    slice.p = bytes_take(r->in, len);
    return r->in->bad ? -1 : set_string(r, value, &slice);
}

static int read_array(struct reader *r, struct amf0 *value)
{
    uint32_t count;
    int found = read_complex(r, &count);

    if (found <= 0)
        return found;
    /* Every element takes at least one byte. */
    if (count > bytes_left(r->in) || bytes_left(r->in) == 0)
        return -1;
    r->next.dense = count;
    r->next.has_keys = 1;
    value->type = *r->in->p == 1 ? AMF0_STRICT_ARRAY : AMF0_ECMA_ARRAY;
    return 0;
}

/* 3.12, U29O-traits: the names that its objects have. 0 or -1. */
static int read_traits(struct reader *r, uint32_t rest)
{
    struct traits *traits = &r->traits[r->traits_count];
    struct slice class_name;

    if (rest & 2 || r->traits_count == AMF3_TRAITS_MAX || read_slice(r, &class_name) != 0)
        return -1;
    traits->first = r->names;
    traits->is_dynamic = rest >> 2 & 1;
    traits->count = rest >> 3;
    if (traits->count > AMF0_KEYS_MAX - r->names)
        return -1;
    for (size_t i = 0; i < traits->count; i++)
        if (read_slice(r, &r->name[r->names++]) != 0)
            return -1;
    r->traits_count++;
    return 0;
}

static int read_object(struct reader *r, struct amf0 *value)
{
    const struct traits *traits;
    uint32_t rest;
    size_t index;
    int found = read_complex(r, &rest);

    if (found <= 0)
        return found;
    index = rest >> 1;
    if (rest & 1) {
        index = r->traits_count;
        if (read_traits(r, rest) != 0)
            return -1;
    }
    if (index >= r->traits_count)
        return -1;
    traits = &r->traits[index];
    r->next.first = traits->first;
    r->next.count = traits->count;
    r->next.has_keys = traits->is_dynamic;
    value->type = AMF0_OBJECT;
    return 0;
}

/* Reads what follows a marker; of a container only the head, described in r->next. 0 or -1. */
static int read_content(struct reader *r, struct amf0 *value, uint8_t marker)
{
    struct slice slice;
    uint32_t u29;

    value->type = AMF0_UNDEFINED;
    memset(&r->next, 0, sizeof(r->next));
    switch (marker) {
    case AMF3_UNDEFINED:
        return 0;
    case AMF3_NULL:
        value->type = AMF0_NULL;
        return 0;
    case AMF3_FALSE:
    case AMF3_TRUE:
        value->type = AMF0_BOOLEAN;
        value->boolean = marker == AMF3_TRUE;
        return 0;
    case AMF3_INTEGER:
        u29 = read_u29(r->in);
        value->type = AMF0_NUMBER;
        value->number = u29 & 0x10000000 ? (double)u29 - 0x20000000 : (double)u29;
        return 0;
    case AMF3_DOUBLE:
        value->type = AMF0_NUMBER;
        value->number = read_double(r->in);
        return 0;
    case AMF3_STRING:
        return read_slice(r, &slice) == 0 ? set_string(r, value, &slice) : -1;
    case AMF3_XML_DOC:
    case AMF3_XML:
    case AMF3_BYTES:
    case AMF3_DATE:
        return read_flat(r, value, marker);
    case AMF3_ARRAY:
        return read_array(r, value);
    case AMF3_OBJECT:
        return read_object(r, value);
    default:
        return -1;
    }
}

/* Reads one value without the children of a container; takes over key. NULL when it is bad. */
static struct amf0 *read_head(struct reader *r, char *key)
{
    struct amf0 *value = *r->values < AMF0_VALUES_MAX ? calloc(1, sizeof(*value)) : NULL;
    uint8_t marker = bytes_u8(r->in);

    if (value == NULL) {
        free(key);
        return NULL;
    }
    (*r->values)++;
    value->key = key;
    if (r->in->bad || read_content(r, value, marker) != 0 || r->in->bad) {
        amf0_free(value);
        return NULL;
    }
    return value;
}

static char *copy_key(struct reader *r, const struct slice *slice)
{
    /* Keys are compared as C strings. */
    if (slice->len > KEY_LEN_MAX || (slice->len > 0 && memchr(slice->p, '\0', slice->len) != NULL))
        return NULL;
    return copy_text(r, slice);
}

/* Reads the name of the next child of level; *key is NULL for an element of a strict array. 1, or 0
 * at the container's end, or -1. */
static int read_key(struct reader *r, struct level *level, char **key)
{
    char number[24];
    struct slice slice = {NULL, 0};

    *key = NULL;
    if (level->count > 0) {
        slice = r->name[level->first++];
        level->count--;
    } else {
        if (level->has_keys && read_slice(r, &slice) != 0)
            return -1;
        if (slice.len == 0)
            level->has_keys = 0;
        if (!level->has_keys) {
            if (level->done == level->dense)
                return 0;
            slice.len = (size_t)snprintf(number, sizeof(number), "%zu", level->done++);
            slice.p = (const uint8_t *)number;
            if (level->node->type == AMF0_STRICT_ARRAY)
                return 1;
        }
    }
    if (level->node->children >= AMF0_KEYS_MAX)
        return -1;
    *key = copy_key(r, &slice);
    return *key != NULL ? 1 : -1;
}

static void append(struct amf0 *parent, struct amf0 *child)
{
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->child = child;
    parent->last = child;
    parent->children++;
}

static int is_container(const struct amf0 *value)
{
    return value->type == AMF0_OBJECT || value->type == AMF0_ECMA_ARRAY ||
           value->type == AMF0_STRICT_ARRAY;
}

/* Reads all children of the root. 0 or -1. */
static int read_children(struct reader *r, struct amf0 *root, size_t depth_max)
{
    struct level levels[AMF0_DEPTH_MAX];
    struct amf0 *value = root;
    size_t depth = 0;

    for (;;) {
        int found = 0;
        char *key;

        if (is_container(value)) {
            if (depth >= depth_max || depth == AMF0_DEPTH_MAX)
                return -1;
            levels[depth] = r->next;
            levels[depth++].node = value;
        }
        while (depth > 0 && (found = read_key(r, &levels[depth - 1], &key)) == 0)
            depth--;
        if (found <= 0)
            return found;
        value = read_head(r, key);
        if (value == NULL)
            return -1;
        append(levels[depth - 1].node, value);
    }
}

enum scan amf3_read(struct bytes *in, size_t depth_max, size_t *values, struct amf0 **out)
{
    struct reader *r = calloc(1, sizeof(*r));
    struct amf0 *root;

    assert(in != NULL && values != NULL && out != NULL);
    *out = NULL;
    if (r == NULL)
        return SCAN_BAD;
    r->in = in;
    r->values = values;
    root = read_head(r, NULL);
    if (root != NULL && read_children(r, root, depth_max) != 0) {
        amf0_free(root);
        root = NULL;
    }
    free(r);
    *out = root;
    return root != NULL ? SCAN_DONE : SCAN_BAD;
}
