/* RTMP play as a rendition: a player's parser gets exactly the input. */
#include "proto/rtmp_mux.h"

#include "media/flv.h"
#include "rtmp_test.h"

Suite *check_rtmp_mux_suite(void);

static void collect(void *arg, const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(buf_append(arg, iov[i].iov_base, iov[i].iov_len), 0);
}

/* One frame through the muxer and back; frames beyond what RTMP can say give nothing.
 * chunk_size 0: the muxer's own. */
static void round_trip_cut(enum frame_type type, uint32_t timestamp, size_t len,
                           uint32_t chunk_size, uint32_t stream_id)
{
    const struct mux *mux = rtmp_mux_of(stream_id);
    struct rtmp_chunk_limits limits = {0xffffff, 8, (size_t)64 * 1024 * 1024};
    struct mux_state *state = mux->open();
    uint8_t *data = malloc(len + 1);
    struct frame frame = {.type = type, .data = data, .len = len};
    struct heard heard;
    struct buf wire;

    ck_assert_ptr_nonnull(state);
    ck_assert_ptr_nonnull(data);
    memset(data, 0x5a, len + 1);
    buf_init(&wire, TEST_BYTES_MAX);
    put_control(&wire, RTMP_SET_CHUNK_SIZE, chunk_size > 0 ? chunk_size : RTMP_MUX_CHUNK_SIZE);
    if (chunk_size > 0)
        mux->chunk_size(state, chunk_size);
    mux->frame(state, &frame, timestamp, collect, &wire);
    heard = hear(&limits, buf_data(&wire), wire.len, wire.len, wire.len);
    ck_assert_int_eq(heard.end, SCAN_MORE);
    if (len > 0xffffff) {
        ck_assert_uint_eq(heard.count, 1);
    } else {
        ck_assert_uint_eq(heard.count, 2);
        ck_assert_uint_eq(heard.last.type, (unsigned)type);
        ck_assert_uint_eq(heard.last.timestamp, timestamp);
        ck_assert_uint_eq(heard.last.stream_id,
                          stream_id >= 1 && stream_id <= RTMP_STREAMS_MAX ? stream_id : 1);
        ck_assert_uint_eq(heard.last.len, len);
    }
    buf_fini(&heard.text);
    buf_fini(&wire);
    mux->close(state);
    free(data);
}

static void round_trip(enum frame_type type, uint32_t timestamp, size_t len)
{
    round_trip_cut(type, timestamp, len, 0, 1);
}

START_TEST(chunk_sizes)
{
    static const uint32_t sizes[] = {1, 128, 4096, 65536, 0x7fffffff};
    static const size_t lens[] = {0, 1, 15, 16, 17, 127, 128, 129, 4095, 4096, 4097, 70000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
            round_trip_cut(FRAME_VIDEO, 40, lens[n], sizes[i], 1);
            round_trip_cut(FRAME_AUDIO, 0x01000000, lens[n], sizes[i], 1);
        }
    }
    round_trip_cut(FRAME_VIDEO, 0x01000000, 0xffffff, 128, 1);
}
END_TEST

START_TEST(frames)
{
    static const size_t lens[] = {
        0, 1, RTMP_MUX_CHUNK_SIZE - 1, RTMP_MUX_CHUNK_SIZE, RTMP_MUX_CHUNK_SIZE + 1, 200000};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        round_trip(FRAME_AUDIO, 0, lens[i]);
        round_trip(FRAME_VIDEO, 0xffffff, lens[i]);
        round_trip(FRAME_SCRIPT, 0xffffffff, lens[i]);
    }
}
END_TEST

START_TEST(longest_frame)
{
    round_trip(FRAME_VIDEO, 0x01000000, 0xffffff);
    round_trip(FRAME_VIDEO, 0x01000000, 0x1000000);
}
END_TEST

START_TEST(message_streams)
{
    for (uint32_t id = 0; id <= RTMP_STREAMS_MAX + 1; id++)
        round_trip_cut(FRAME_VIDEO, 40, 70000, 0, id);
    ck_assert_ptr_eq(rtmp_mux_of(UINT32_MAX), &rtmp_mux);
}
END_TEST

/* Message by message, cut into chunks or not; a cut message is none. */
START_TEST(pieces)
{
    static const uint32_t stamps[] = {0, 0xfffffe, 0xffffff, 0x01000000};
    static const size_t lens[] = {6, 127, 128, 129, 256, 257, 1000};
    static const uint8_t heads[][5] = {
        {0x27, 1, 0, 0, 0}, {0x17, 1, 0, 0, 0}, {0x17, 0, 0, 0, 0}, {0xaf, 1, 0, 0, 0}};
    uint8_t data[1000] = {0};

    for (size_t s = 0; s < 4; s++)
        for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++)
            for (size_t h = 0; h < 4; h++) {
                struct mux_state *state = rtmp_mux.open();
                enum mux_piece kind = MUX_PIECE_INIT;
                struct frame frame;
                struct buf wire;

                buf_init(&wire, TEST_BYTES_MAX);
                rtmp_mux.chunk_size(state, 128);
                memcpy(data, heads[h], sizeof(heads[h]));
                flv_frame_parse(&frame, h == 3 ? FRAME_AUDIO : FRAME_VIDEO, 0, data, lens[n]);
                rtmp_mux.frame(state, &frame, stamps[s], collect, &wire);
                rtmp_mux.frame(state, &frame, stamps[s], collect, &wire);
                ck_assert_uint_eq(rtmp_mux.piece(state, buf_data(&wire), wire.len, &kind),
                                  wire.len / 2);
                ck_assert_int_eq(kind, h < 2 ? MUX_PIECE_VIDEO : MUX_PIECE_OTHER);
                for (size_t len = 0; len < wire.len / 2; len++)
                    ck_assert_uint_eq(rtmp_mux.piece(state, buf_data(&wire), len, &kind), 0);
                buf_fini(&wire);
                rtmp_mux.close(state);
            }
}
END_TEST

Suite *check_rtmp_mux_suite(void)
{
    Suite *suite = suite_create("rtmp_mux");
    TCase *tc = tcase_create("mux");

    tcase_add_test(tc, frames);
    tcase_add_test(tc, chunk_sizes);
    tcase_add_test(tc, message_streams);
    tcase_add_test(tc, longest_frame);
    tcase_add_test(tc, pieces);
    suite_add_tcase(suite, tc);
    return suite;
}
