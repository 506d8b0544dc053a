/*
 * AMF3: whatever comes, the tree keeps its bounds and can be written as AMF0, which reads back; and
 * the same value where AMF0 switches to AMF3.
 */
#include "media/amf3.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const struct amf0 *value)
{
    struct buf out;
    struct amf0 *again;
    struct bytes in;

    buf_init(&out, OUT_MAX);
    if (amf0_write(&out, value) != 0)
        abort();
    in = bytes_of(buf_data(&out), out.len);
    if (amf0_read(&in, &again) != SCAN_DONE || bytes_left(&in) != 0)
        abort();
    assert(again->type == value->type && again->children == value->children);
    amf0_free(again);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    struct amf0 *value, *switched;
    size_t values = 0;
    struct bytes in;
    enum scan scan;

    if (copy == NULL)
        return 0;
    copy[0] = AMF3_MARKER;
    if (size > 0)
        memcpy(copy + 1, data, size);
    in = bytes_of(copy + 1, size);
    scan = amf3_read(&in, AMF0_DEPTH_MAX, &values, &value);
    assert(values <= AMF0_VALUES_MAX);
    in = bytes_of(copy, size + 1);
    if (amf0_read(&in, &switched) != scan)
        abort();
    if (scan == SCAN_DONE)
        check_tree(value);
    amf0_free(value);
    amf0_free(switched);
    free(copy);
    return 0;
}
