/*
 * Shared immutable bytes: metadata, sequence headers, preambles. A preamble is held by the
 * rendition that made it and by each viewer whose open batch contains it, so it is counted.
 */
#include "live/blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct blob *blob_new(const void *data, size_t len)
{
    struct blob *blob = malloc(sizeof(*blob) + len);

    if (blob == NULL)
        return NULL;
    blob->refs = 1;
    blob->len = len;
    if (len > 0)
        memcpy(blob->data, data, len);
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    assert(blob->refs > 0 && blob->refs < UINT32_MAX);
    blob->refs++;
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (blob != NULL && --blob->refs == 0)
        free(blob);
}

int blob_is(const struct blob *blob, const uint8_t *data, size_t len)
{
    return blob != NULL && blob->len == len && memcmp(blob->data, data, len) == 0;
}

int blob_replace(struct blob **kept, const uint8_t *data, size_t len)
{
    struct blob *blob;

    if (blob_is(*kept, data, len))
        return 0;
    blob = blob_new(data, len);
    if (blob == NULL)
        return 0;
    blob_unref(*kept);
    *kept = blob;
    return 1;
}
