/*
 * AMF0 ("Action Message Format -- AMF 0", Adobe 2007, section 2), read into a tree, and the
 * functions of that tree.
 *
 * Reading uses its own stack of AMF0_DEPTH_MAX levels instead of recursion: the peer decides how
 * deep a value nests, and a coroutine's stack is small. Freeing needs no stack: it splices each
 * level into the one above, since a tree that was built may have any depth.
 */
#include "media/amf0.h"

#include "media/amf3.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MARKER_REFERENCE    7
#define MARKER_OBJECT_END   9
#define MARKER_LONG_STRING  12
#define MARKER_UNSUPPORTED  13
#define MARKER_XML          15
#define MARKER_TYPED_OBJECT 16

#define SHORT_STRING_MAX 0xffff

static int is_keyed(const struct amf0 *value)
{
    return value != NULL && (value->type == AMF0_OBJECT || value->type == AMF0_ECMA_ARRAY);
}

static int is_container(const struct amf0 *value)
{
    return is_keyed(value) || value->type == AMF0_STRICT_ARRAY;
}

static struct amf0 *value_new(enum amf0_type type)
{
    struct amf0 *value = calloc(1, sizeof(*value));

    if (value != NULL)
        value->type = type;
    return value;
}

/* A copy that ends in '\0'; NULL without memory. */
static char *text_dup(const void *src, size_t len)
{
    char *text = malloc(len + 1);

    if (text == NULL)
        return NULL;
    if (len > 0)
        memcpy(text, src, len);
    text[len] = '\0';
    return text;
}

void amf0_free(struct amf0 *value)
{
    if (value != NULL)
        assert(value->next == NULL);
    while (value != NULL) {
        struct amf0 *next = value->next;

        if (value->child != NULL) {
            value->last->next = next;
            next = value->child;
        }
        free(value->string);
        free(value->key);
        free(value);
        value = next;
    }
}

static void append_child(struct amf0 *parent, struct amf0 *child)
{
    assert(child->next == NULL);
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->child = child;
    parent->last = child;
    parent->children++;
}

/* ---- reading ---- */

struct level {
    struct amf0 *node;
    uint32_t count; /* elements (strict array) or properties (ECMA array) announced */
};

struct reader {
    struct bytes *in;
    size_t values;
    uint32_t count; /* announced by the container just opened */
    size_t depth;   /* of the value being read */
    int is_whole;   /* the value just read is complete with its children: it was AMF3 */
};

/* Reads the text of a string of len bytes. 0 or -1. */
static int read_text(struct reader *r, struct amf0 *value, size_t len)
{
    const uint8_t *text = bytes_take(r->in, len);

    if (r->in->bad)
        return -1;
    value->string = text_dup(text, len);
    value->string_len = len;
    return value->string != NULL ? 0 : -1;
}

static double read_double(struct bytes *in)
{
    uint64_t bits = bytes_u64(in);
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

/*
 * Reads what follows a marker into value, whose type is set; only the head of a container. 0 or -1.
 */
static int read_content(struct reader *r, struct amf0 *value, uint8_t marker)
{
    struct bytes *in = r->in;

    r->count = 0;
    switch (marker) {
    case AMF0_NUMBER:
        value->number = read_double(in);
        break;
    case AMF0_BOOLEAN:
        value->boolean = bytes_u8(in) != 0;
        break;
    case AMF0_STRING:
        return read_text(r, value, bytes_u16(in));
    case MARKER_LONG_STRING:
    case MARKER_XML:
        value->type = AMF0_STRING;
        return read_text(r, value, bytes_u32(in));
    case MARKER_TYPED_OBJECT:
        value->type = AMF0_OBJECT;
        bytes_take(in, bytes_u16(in));
        break;
    case MARKER_REFERENCE:
        value->type = AMF0_UNDEFINED;
        bytes_u16(in);
        break;
    case MARKER_UNSUPPORTED:
        value->type = AMF0_UNDEFINED;
        break;
    case AMF0_ECMA_ARRAY:
    case AMF0_STRICT_ARRAY:
        r->count = bytes_u32(in);
        break;
    case AMF0_DATE:
        value->number = read_double(in);
        bytes_u16(in); /* the time zone: "reserved, should be 0" */
        break;
    case AMF0_OBJECT:
    case AMF0_NULL:
    case AMF0_UNDEFINED:
        break;
    default: /* movie clip, object end, record set */
        return -1;
    }
    return in->bad ? -1 : 0;
}

/* An AMF3 value among those of AMF0; takes over key. NULL when it is bad. */
static struct amf0 *read_amf3(struct reader *r, char *key)
{
    struct amf0 *value;

    if (amf3_read(r->in, AMF0_DEPTH_MAX - r->depth, &r->values, &value) != SCAN_DONE) {
        free(key);
        return NULL;
    }
    r->is_whole = 1;
    value->key = key;
    return value;
}

/* Reads one value without the children of a container; takes over key. NULL when it is bad. */
static struct amf0 *read_head(struct reader *r, char *key)
{
    uint8_t marker = bytes_u8(r->in);
    struct amf0 *value;

    r->is_whole = 0;
    if (marker == AMF3_MARKER && !r->in->bad)
        return read_amf3(r, key);
    if (r->in->bad || r->values >= AMF0_VALUES_MAX) {
        free(key);
        return NULL;
    }
    r->values++;
    value = value_new((enum amf0_type)marker);
    if (value == NULL) {
        free(key);
        return NULL;
    }
    value->key = key;
    if (read_content(r, value, marker) != 0) {
        amf0_free(value);
        return NULL;
    }
    /* Every element takes at least one byte: a larger count is malformed. */
    if (value->type == AMF0_STRICT_ARRAY && r->count > bytes_left(r->in)) {
        amf0_free(value);
        return NULL;
    }
    return value;
}

/* The key of the next property. 1: *key is owned by the caller; 0: the object ended; -1: bad. */
static int read_key(struct reader *r, const struct level *level, char **key)
{
    struct bytes *in = r->in;
    const uint8_t *text;
    size_t len;

    /* Some encoders omit the end mark after an array with an announced count. */
    if (level->node->type == AMF0_ECMA_ARRAY && bytes_left(in) == 0 && level->count > 0 &&
        level->node->children >= level->count)
        return 0;
    len = bytes_u16(in);
    text = bytes_take(in, len);
    if (in->bad)
        return -1;
    if (len == 0 && bytes_left(in) > 0 && *in->p == MARKER_OBJECT_END) {
        bytes_u8(in);
        return 0;
    }
    if (level->node->children >= AMF0_KEYS_MAX)
        return -1;
    /* Keys are compared as C strings; no known encoder puts a zero byte into one. */
    if (len > 0 && memchr(text, '\0', len) != NULL)
        return -1;
    *key = text_dup(text, len);
    return *key != NULL ? 1 : -1;
}

/* The next child of level. 1: *child; 0: the container is complete; -1: bad. */
static int read_child(struct reader *r, const struct level *level, struct amf0 **child)
{
    char *key = NULL;
    int found;

    if (level->node->type == AMF0_STRICT_ARRAY) {
        if (level->node->children >= level->count)
            return 0;
    } else {
        found = read_key(r, level, &key);
        if (found != 1)
            return found;
    }
    *child = read_head(r, key);
    return *child != NULL ? 1 : -1;
}

enum scan amf0_read(struct bytes *in, struct amf0 **out)
{
    struct level levels[AMF0_DEPTH_MAX];
    struct reader r = {.in = in};
    struct amf0 *root, *value;
    size_t depth = 0;
    int found;

    assert(in != NULL && out != NULL);
    *out = NULL;
    root = value = read_head(&r, NULL);
    if (root == NULL)
        return SCAN_BAD;
    for (;;) {
        if (is_container(value) && !r.is_whole) {
            if (depth == AMF0_DEPTH_MAX)
                goto free_root;
            levels[depth].node = value;
            levels[depth].count = r.count;
            depth++;
        }
        found = 0;
        while (depth > 0) {
            r.depth = depth;
            found = read_child(&r, &levels[depth - 1], &value);
            if (found != 0)
                break;
            depth--;
        }
        if (found < 0)
            goto free_root;
        if (found == 0)
            break;
        append_child(levels[depth - 1].node, value);
    }
    *out = root;
    return SCAN_DONE;
free_root:
    amf0_free(root);
    return SCAN_BAD;
}

/* ---- building ---- */

struct amf0 *amf0_number(double number)
{
    struct amf0 *value = value_new(AMF0_NUMBER);

    if (value != NULL)
        value->number = number;
    return value;
}

struct amf0 *amf0_boolean(int boolean)
{
    struct amf0 *value = value_new(AMF0_BOOLEAN);

    if (value != NULL)
        value->boolean = boolean != 0;
    return value;
}

struct amf0 *amf0_string(const char *string)
{
    struct amf0 *value = value_new(AMF0_STRING);

    assert(string != NULL);
    if (value == NULL)
        return NULL;
    value->string_len = strlen(string);
    value->string = text_dup(string, value->string_len);
    if (value->string == NULL) {
        free(value);
        return NULL;
    }
    return value;
}

struct amf0 *amf0_null(void)
{
    return value_new(AMF0_NULL);
}

struct amf0 *amf0_undefined(void)
{
    return value_new(AMF0_UNDEFINED);
}

struct amf0 *amf0_object(void)
{
    return value_new(AMF0_OBJECT);
}

struct amf0 *amf0_ecma_array(void)
{
    return value_new(AMF0_ECMA_ARRAY);
}

struct amf0 *amf0_strict_array(void)
{
    return value_new(AMF0_STRICT_ARRAY);
}

/* Removes the value after prev (NULL: the first) from object and frees it. */
static void unlink_child(struct amf0 *object, struct amf0 *prev)
{
    struct amf0 *child = prev != NULL ? prev->next : object->child;

    if (prev != NULL)
        prev->next = child->next;
    else
        object->child = child->next;
    if (object->last == child)
        object->last = prev;
    object->children--;
    child->next = NULL;
    amf0_free(child);
}

void amf0_remove(struct amf0 *object, const char *key)
{
    struct amf0 *prev = NULL;
    struct amf0 *child;

    assert(key != NULL);
    if (!is_keyed(object))
        return;
    /* A peer may have sent a key twice. */
    for (child = object->child; child != NULL; child = prev != NULL ? prev->next : object->child) {
        if (strcmp(child->key, key) == 0)
            unlink_child(object, prev);
        else
            prev = child;
    }
}

/* Replaces the value of key. 1, or 0 if there is no such key. */
static int replace_child(struct amf0 *object, const char *key, struct amf0 *value)
{
    struct amf0 *prev = NULL;
    struct amf0 *child = object->child;

    while (child != NULL && strcmp(child->key, key) != 0) {
        prev = child;
        child = child->next;
    }
    if (child == NULL)
        return 0;
    value->next = child->next;
    child->next = value;
    if (object->last == child)
        object->last = value;
    object->children++;
    unlink_child(object, prev);
    return 1;
}

int amf0_set(struct amf0 *object, const char *key, struct amf0 *value)
{
    assert(object != NULL);
    if (value == NULL)
        return -1;
    assert(value->key == NULL && value->next == NULL);
    if (!is_container(object) || is_keyed(object) != (key != NULL))
        goto free_value;
    if (key != NULL) {
        if (strlen(key) > SHORT_STRING_MAX)
            goto free_value;
        value->key = text_dup(key, strlen(key));
        if (value->key == NULL)
            goto free_value;
        if (replace_child(object, key, value))
            return 0;
    }
    if (object->children >= (key != NULL ? AMF0_KEYS_MAX : AMF0_VALUES_MAX - 1))
        goto free_value;
    append_child(object, value);
    return 0;
free_value:
    amf0_free(value);
    return -1;
}

const struct amf0 *amf0_get(const struct amf0 *object, const char *key)
{
    assert(key != NULL);
    if (!is_keyed(object))
        return NULL;
    for (const struct amf0 *child = object->child; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0)
            return child;
    }
    return NULL;
}

const char *amf0_get_string(const struct amf0 *object, const char *key)
{
    const struct amf0 *value = amf0_get(object, key);

    return value != NULL && value->type == AMF0_STRING ? value->string : NULL;
}

double amf0_get_number(const struct amf0 *object, const char *key, double fallback)
{
    const struct amf0 *value = amf0_get(object, key);

    return value != NULL && value->type == AMF0_NUMBER ? value->number : fallback;
}

int amf0_get_boolean(const struct amf0 *object, const char *key, int fallback)
{
    const struct amf0 *value = amf0_get(object, key);

    return value != NULL && value->type == AMF0_BOOLEAN ? value->boolean : fallback;
}
