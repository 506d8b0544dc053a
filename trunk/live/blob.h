#ifndef LIVE_BLOB_H
#define LIVE_BLOB_H

/* Shared immutable bytes, reference counted. Private to live. Never yields. */
#include <stddef.h>
#include <stdint.h>

struct blob {
    uint32_t refs;
    size_t len;
    uint8_t data[];
};

/* A copy of len bytes, with one reference. */
struct blob *blob_new(const void *data, size_t len); /* NULL without memory */
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob); /* NULL is allowed */

/* Whether the blob contains exactly these bytes; NULL is allowed. */
int blob_is(const struct blob *blob, const uint8_t *data, size_t len);
/* Replaces *kept by a copy of these bytes. 1; 0 when they are the same, or without memory. */
int blob_replace(struct blob **kept, const uint8_t *data, size_t len);

#endif
