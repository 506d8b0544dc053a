/*
 * AMF0 written from a tree ("Action Message Format -- AMF 0", Adobe 2007,
 * section 2). Like reading, it keeps the open levels in an array instead of recursing, and refuses
 * a tree that nests deeper than a reader would accept.
 */
#include "media/amf0.h"

#include <assert.h>
#include <string.h>

#define MARKER_OBJECT_END  9
#define MARKER_LONG_STRING 12

#define SHORT_STRING_MAX 0xffff

static int is_keyed(const struct amf0 *value)
{
    return value->type == AMF0_OBJECT || value->type == AMF0_ECMA_ARRAY;
}

static int is_container(const struct amf0 *value)
{
    return is_keyed(value) || value->type == AMF0_STRICT_ARRAY;
}

static int put_be(struct buf *out, uint64_t v, size_t n)
{
    uint8_t b[8];

    assert(n <= sizeof(b));
    for (size_t i = n; i > 0; i--) {
        b[i - 1] = (uint8_t)v;
        v >>= 8;
    }
    return buf_append(out, b, n);
}

static int put_marker(struct buf *out, uint8_t marker)
{
    return buf_append(out, &marker, 1);
}

static int put_double(struct buf *out, uint8_t marker, double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return put_marker(out, marker) != 0 || put_be(out, bits, 8) != 0 ? -1 : 0;
}

static int put_string(struct buf *out, const char *string, size_t len)
{
    int is_long = len > SHORT_STRING_MAX;

    if (len > UINT32_MAX)
        return -1;
    if (put_marker(out, is_long ? MARKER_LONG_STRING : AMF0_STRING) != 0 ||
        put_be(out, len, is_long ? 4 : 2) != 0)
        return -1;
    return buf_append(out, string, len);
}

/* Writes a value without its children and end mark. */
static int put_head(struct buf *out, const struct amf0 *value)
{
    switch (value->type) {
    case AMF0_NUMBER:
        return put_double(out, AMF0_NUMBER, value->number);
    case AMF0_DATE:
        return put_double(out, AMF0_DATE, value->number) != 0 ? -1 : put_be(out, 0, 2);
    case AMF0_BOOLEAN:
        return amf0_write_boolean(out, value->boolean);
    case AMF0_STRING:
        return put_string(out, value->string, value->string_len);
    case AMF0_ECMA_ARRAY:
    case AMF0_STRICT_ARRAY:
        if (put_marker(out, (uint8_t)value->type) != 0)
            return -1;
        return put_be(out, value->children, 4);
    case AMF0_OBJECT:
    case AMF0_NULL:
    case AMF0_UNDEFINED:
        return put_marker(out, (uint8_t)value->type);
    }
    return -1;
}

static int put_key(struct buf *out, const struct amf0 *value)
{
    size_t len;

    if (value->key == NULL)
        return 0;
    len = strlen(value->key);
    assert(len <= SHORT_STRING_MAX);
    return put_be(out, len, 2) != 0 ? -1 : buf_append(out, value->key, len);
}

static int put_tree(struct buf *out, const struct amf0 *value)
{
    const struct amf0 *open[AMF0_DEPTH_MAX]; /* containers whose children are being written */
    const struct amf0 *at = value;
    size_t depth = 0;

    for (;;) {
        if ((depth > 0 && put_key(out, at) != 0) || put_head(out, at) != 0)
            return -1;
        if (is_container(at)) {
            if (depth == AMF0_DEPTH_MAX)
                return -1;
            open[depth++] = at;
            at = at->child;
        } else {
            at = depth > 0 ? at->next : NULL;
        }
        while (at == NULL && depth > 0) {
            depth--;
            if (is_keyed(open[depth]) && put_be(out, MARKER_OBJECT_END, 3) != 0)
                return -1;
            at = depth > 0 ? open[depth]->next : NULL;
        }
        if (at == NULL)
            return 0;
    }
}

int amf0_write(struct buf *out, const struct amf0 *value)
{
    size_t before = out->len;

    assert(value != NULL);
    if (put_tree(out, value) == 0)
        return 0;
    out->len = before; /* never leave half a value */
    return -1;
}

int amf0_write_number(struct buf *out, double number)
{
    return put_double(out, AMF0_NUMBER, number);
}

int amf0_write_string(struct buf *out, const char *string)
{
    return put_string(out, string, strlen(string));
}

int amf0_write_boolean(struct buf *out, int boolean)
{
    return put_marker(out, AMF0_BOOLEAN) != 0 ? -1 : put_be(out, boolean != 0, 1);
}

int amf0_write_null(struct buf *out)
{
    return put_marker(out, AMF0_NULL);
}
