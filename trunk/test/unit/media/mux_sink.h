#ifndef TEST_MUX_SINK_H
#define TEST_MUX_SINK_H

/* Where the tests of renditions have a mux write to: what its last unit was, and how many came. */
#include "media/flv.h"
#include "media/mux.h"
#include "test/unit/media/media_test.h"

#include <check.h>

struct sink {
    int units;
    size_t len;
    uint8_t data[9000];
};

static inline void take(void *arg, const struct iovec *iov, int n)
{
    struct sink *sink = arg;

    sink->units++;
    sink->len = 0;
    for (int i = 0; i < n; i++) {
        ck_assert_uint_le(sink->len + iov[i].iov_len, sizeof(sink->data));
        memcpy(sink->data + sink->len, iov[i].iov_base, iov[i].iov_len);
        sink->len += iov[i].iov_len;
    }
}

/* One tag's body into the mux; answers how many units came of it. */
static inline int mux_push(const struct mux *mux, struct mux_state *state, struct sink *sink,
                           enum frame_type type, const void *body, size_t len)
{
    uint8_t *copy = exact_copy(body, len);
    struct frame frame;
    int before = sink->units;

    flv_frame_parse(&frame, type, 0, copy, len);
    mux->frame(state, &frame, 0, take, sink);
    free(copy);
    return sink->units - before;
}

#endif
