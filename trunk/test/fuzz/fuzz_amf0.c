/*
 * AMF0: what is read can be written, and reads back as the same bytes; a tree
 * keeps its bounds. The same bytes as a script tag: what viewers would get is
 * metadata without a duration, or nothing.
 */
#include "media/amf0.h"
#include "media/meta.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks the tree as a stack of its own would: by links only. */
static void check_tree(const struct amf0 *root)
{
    const struct amf0 *stack[AMF0_DEPTH_MAX + 1];
    size_t depth = 0, values = 0;
    const struct amf0 *at = root;

    while (at != NULL) {
        values++;
        assert(at->type != AMF0_STRING || at->string[at->string_len] == '\0');
        assert((at->child == NULL) == (at->children == 0));
        assert((at->last == NULL) == (at->children == 0));
        assert(at->last == NULL || at->last->next == NULL);
        if (at->child != NULL) {
            assert(depth < AMF0_DEPTH_MAX);
            stack[depth++] = at;
            at = at->child;
            continue;
        }
        at = depth > 0 ? at->next : NULL;
        while (at == NULL && depth > 0) {
            depth--;
            at = depth > 0 ? stack[depth]->next : NULL;
        }
    }
    assert(values <= AMF0_VALUES_MAX);
}

static void check_round_trip(const struct amf0 *value)
{
    struct buf first, second;
    struct amf0 *again;
    struct bytes in;

    buf_init(&first, OUT_MAX);
    buf_init(&second, OUT_MAX);
    if (amf0_write(&first, value) != 0)
        abort();
    in = bytes_of(buf_data(&first), first.len);
    if (amf0_read(&in, &again) != SCAN_DONE || bytes_left(&in) != 0)
        abort();
    if (amf0_write(&second, again) != 0 || second.len != first.len)
        abort();
    assert(memcmp(buf_data(&first), buf_data(&second), first.len) == 0);
    amf0_free(again);
    buf_fini(&first);
    buf_fini(&second);
}

/* Writing beyond a buffer's maximum leaves nothing of the value. */
static void check_short(const struct amf0 *value, size_t max)
{
    struct buf out;

    buf_init(&out, max);
    if (amf0_write(&out, value) != 0)
        assert(out.len == 0);
    buf_fini(&out);
    buf_init(&out, max);
    while (amf0_write_string(&out, "a name") == 0 && amf0_write_number(&out, 1) == 0 &&
           amf0_write_boolean(&out, 1) == 0 && amf0_write_null(&out) == 0)
        continue;
    assert(out.len <= max);
    buf_fini(&out);
}

/* Whatever was read, values can be put into it, found, replaced and removed. */
static void check_build(struct amf0 *root)
{
    struct amf0 *const made[] = {amf0_number(1.5),  amf0_boolean(1),    amf0_string("text"),
                                 amf0_null(),       amf0_undefined(),   amf0_object(),
                                 amf0_ecma_array(), amf0_strict_array()};
    int is_keyed = root->type == AMF0_OBJECT || root->type == AMF0_ECMA_ARRAY;
    char *key =
        root->child != NULL && root->child->key != NULL ? strdup(root->child->key) : strdup("key");

    if (key == NULL)
        abort();
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        enum amf0_type type = made[i]->type;

        if (amf0_set(root, is_keyed ? key : NULL, made[i]) != 0)
            assert(!is_keyed || root->children >= AMF0_KEYS_MAX);
        else if (is_keyed)
            assert(amf0_get(root, key)->type == type);
    }
    if (is_keyed) {
        (void)amf0_get_number(root, key, 0);
        (void)amf0_get_boolean(root, key, 0);
        (void)amf0_get_string(root, key);
    }
    amf0_remove(root, key);
    assert(amf0_get(root, key) == NULL);
    assert((root->last == NULL) == (root->children == 0));
    free(key);
}

static void check_meta(const uint8_t *data, size_t size)
{
    struct meta_facts facts;
    struct amf0 *name, *meta;
    struct bytes in;
    struct buf out;

    buf_init(&out, OUT_MAX);
    if (meta_rewrite(data, size, "Millrace", &out, &facts) == SCAN_DONE) {
        in = bytes_of(buf_data(&out), out.len);
        if (amf0_read(&in, &name) != SCAN_DONE || amf0_read(&in, &meta) != SCAN_DONE)
            abort();
        assert(strcmp(name->string, "onMetaData") == 0 && meta->type == AMF0_ECMA_ARRAY);
        assert(amf0_get(meta, "duration") == NULL && amf0_get(meta, "filesize") == NULL);
        assert(strcmp(amf0_get_string(meta, "server"), "Millrace") == 0);
        assert(facts.frame_rate >= 0 && facts.frame_rate <= 1000);
        amf0_free(name);
        amf0_free(meta);
    } else {
        assert(out.len == 0);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct amf0 *value;
    int tries = 0;

    while (tries++ < 16 && amf0_read(&in, &value) == SCAN_DONE) {
        check_tree(value);
        check_round_trip(value);
        check_short(value, 1 + size % 200);
        check_build(value);
        amf0_free(value);
    }
    check_meta(data, size);
    return 0;
}
