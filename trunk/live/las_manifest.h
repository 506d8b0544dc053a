#ifndef LIVE_LAS_MANIFEST_H
#define LIVE_LAS_MANIFEST_H

/*
 * Writes the manifest of LAS (Live Adaptive Streaming 1.0): the rungs of a quality ladder, for
 * players that choose among them. Pure.
 */
#include "base/buf.h"
#include "live/source.h"

/* Bytes of a manifest. */
#define LAS_MANIFEST_MAX ((size_t)64 * 1024)

/* One rung; texts are borrowed. */
struct las_representation {
    struct source_facts facts; /* kbps is not 0 */
    const char *url;           /* of its FLV */
    const char *host;          /* of the URL, without port */
    const char *quality;       /* as users see it */
    int is_default;            /* where players begin: of one rung */
    int is_fixed;              /* players change neither to it nor from it by themselves */
};

/* Appends the manifest as JSON. `count` is 1 or more. 0, or -1: no memory, or too long. */
int las_manifest_write(const struct las_representation *rungs, int count,
                       struct buf *out) ERR_MUST_CHECK;

#endif
