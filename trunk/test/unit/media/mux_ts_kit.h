#ifndef TEST_MUX_TS_KIT_H
#define TEST_MUX_TS_KIT_H

/* The TS rendition with what reads its units back (ts_check.h), and the frames that go in. */
#include "media/flv.h"
#include "media/mux.h"
#include "test/unit/media/media_test.h"
#include "test/unit/media/ts_check.h"

#include <check.h>

#define PES_MAX ((size_t)256 * 1024)

struct kit {
    struct mux_state *state;
    struct ts_check check;
    uint8_t *memory;
    int units;
};

static inline void take(void *arg, const struct iovec *iov, int n)
{
    struct kit *kit = arg;

    ck_assert_int_eq(n, 1);
    kit->units++;
    ts_check_unit(&kit->check, iov[0].iov_base, iov[0].iov_len);
}

static inline void kit_open(struct kit *kit)
{
    memset(kit, 0, sizeof(*kit));
    kit->memory = malloc(PES_MAX);
    kit->state = mux_ts.open();
    ck_assert_ptr_nonnull(kit->state);
    ts_check_init(&kit->check, kit->memory, PES_MAX);
}

static inline void kit_close(struct kit *kit)
{
    mux_ts.close(kit->state);
    free(kit->memory);
}

/* One frame; answers how many units it gave. */
static inline int push(struct kit *kit, enum frame_type type, uint32_t ms, const void *body,
                       size_t len)
{
    uint8_t *copy = exact_copy(body, len);
    struct frame frame;
    int before = kit->units;

    flv_frame_parse(&frame, type, ms, copy, len);
    mux_ts.frame(kit->state, &frame, ms, take, kit);
    free(copy);
    return kit->units - before;
}

static inline void avc_header(struct kit *kit, uint8_t length_size)
{
    uint8_t body[] = {0x17, 0,   0, 0,    0, 1,  0x64, 0, 0x1f, (uint8_t)(0xfb + length_size),
                      0xe1, 0,   4, 0x67, 0, 31, 1,    1, 0,    2,
                      0x68, 0xee};

    ck_assert_int_eq(push(kit, FRAME_VIDEO, 0, body, sizeof(body)), 0);
}

static inline void asc(struct kit *kit)
{
    ck_assert_int_eq(push(kit, FRAME_AUDIO, 0, "\xaf\x00\x12\x10", 4), 0);
}

static inline int video(struct kit *kit, uint32_t ms, int is_key)
{
    uint8_t body[] = {is_key ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 3, is_key ? 0x65 : 0x41, 7, 8};

    return push(kit, FRAME_VIDEO, ms, body, sizeof(body));
}

static inline int audio(struct kit *kit, uint32_t ms)
{
    return push(kit, FRAME_AUDIO, ms, "\xaf\x01....", 6);
}

static inline const uint8_t *payload(const struct kit *kit)
{
    return kit->check.pes + kit->check.payload_at;
}

static inline size_t payload_len(const struct kit *kit)
{
    return kit->check.pes_len - kit->check.payload_at;
}

#endif
