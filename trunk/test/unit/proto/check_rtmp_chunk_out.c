/* The sending half of the chunk stream: as specified, read back unchanged, within its limits. */
#include "proto/rtmp_chunk.h"

#include "rtmp_test.h"

Suite *check_rtmp_chunk_out_suite(void);

static struct buf wire;

static void setup(void)
{
    buf_init(&wire, TEST_BYTES_MAX);
}

static void teardown(void)
{
    buf_fini(&wire);
}

START_TEST(written_is_read)
{
    static const size_t lens[] = {0, 1, 127, 128, 129, 300};
    static const uint32_t csids[] = {2, 3, 63, 64, 319, 320, 65599};
    static const uint32_t times[] = {0, 1, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff};
    static const uint32_t sizes[] = {1, 2, 128, 4096, 0x7fffffff};
    uint8_t data[300];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]) * 7 * 6 * 5; i++) {
        struct rtmp_message m = {.type = 9, .stream_id = 1, .data = data};
        uint32_t size = sizes[i % 5];
        struct heard heard;

        m.len = lens[i / 5 % 6];
        m.csid = csids[i / 30 % 7];
        m.timestamp = times[i / 210 % 6];
        buf_consume(&wire, wire.len);
        put_control(&wire, RTMP_SET_CHUNK_SIZE, size);
        ck_assert_int_eq(rtmp_chunk_write(&wire, size, &m), 0);
        heard = hear(&test_limits, buf_data(&wire), wire.len, 1, 5);
        ck_assert_uint_eq(heard.count, 2);
        ck_assert_uint_eq(heard.last.timestamp, m.timestamp);
        ck_assert_uint_eq(heard.last.csid, m.csid);
        ck_assert_uint_eq(heard.last.stream_id, 1);
        ck_assert_uint_eq(heard.last.len, m.len);
        ck_assert_int_eq(heard.end, SCAN_MORE);
        buf_fini(&heard.text);
    }
}
END_TEST

START_TEST(bytes_as_specified)
{
    static const uint8_t want[] = {0x05, 0xff, 0xff, 0xff, 0,    0,    3,    9,    1, 0, 0, 0,
                                   0x01, 0,    0,    0,    0xaa, 0xbb, 0xc5, 0x01, 0, 0, 0, 0xcc};
    static const uint8_t data[] = {0xaa, 0xbb, 0xcc};
    struct rtmp_message m = {
        .type = 9, .timestamp = 0x01000000, .stream_id = 1, .csid = 5, .data = data, .len = 3};

    ck_assert_int_eq(rtmp_chunk_write(&wire, 2, &m), 0);
    ck_assert_uint_eq(wire.len, sizeof(want));
    ck_assert_mem_eq(buf_data(&wire), want, sizeof(want));
}
END_TEST

START_TEST(write_keeps_the_maximum)
{
    struct rtmp_message m = {.type = 9, .csid = 5, .data = (const uint8_t *)"xy", .len = 2};
    struct buf small;

    buf_init(&small, 13);
    ck_assert_int_eq(rtmp_chunk_write(&small, 128, &m), -1);
    ck_assert_uint_eq(small.len, 0);
    m.len = 1;
    ck_assert_int_eq(rtmp_chunk_write(&small, 128, &m), 0);
    ck_assert_uint_eq(small.len, 13);
    m.len = 0x1000000;
    ck_assert_int_eq(rtmp_chunk_write(&wire, 128, &m), -1);
    buf_fini(&small);
}
END_TEST

/* Headers alone, of every length: the three forms of 5.3.1.1, with and without 5.3.1.3. */
START_TEST(headers)
{
    static const struct {
        uint32_t csid;
        size_t basic;
        uint8_t bytes[3]; /* type 0 */
    } forms[] = {{2, 1, {0x02}},
                 {63, 1, {0x3f}},
                 {64, 2, {0x00, 0x00}},
                 {319, 2, {0x00, 0xff}},
                 {320, 3, {0x01, 0x00, 0x01}},
                 {65599, 3, {0x01, 0xff, 0xff}}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct rtmp_message m = {.type = 9, .stream_id = 1, .csid = forms[i].csid};
        uint8_t head[RTMP_CHUNK_HEADER_MAX];
        uint8_t next[RTMP_CHUNK_CONTINUE_MAX];

        m.timestamp = 0xfffffe;
        ck_assert_uint_eq(rtmp_chunk_header_write(head, &m), forms[i].basic + 11);
        ck_assert_mem_eq(head, forms[i].bytes, forms[i].basic);
        ck_assert_uint_eq(rtmp_chunk_continue_write(next, &m), forms[i].basic);
        ck_assert_uint_eq(next[0], forms[i].bytes[0] | 0xc0);
        m.timestamp = 0xffffff;
        ck_assert_uint_eq(rtmp_chunk_header_write(head, &m), forms[i].basic + 15);
        ck_assert_uint_eq(rtmp_chunk_continue_write(next, &m), forms[i].basic + 4);
        ck_assert_mem_eq(next + forms[i].basic, "\0\377\377\377", 4);
    }
}
END_TEST

Suite *check_rtmp_chunk_out_suite(void)
{
    Suite *suite = suite_create("rtmp_chunk_out");
    TCase *tc = tcase_create("writing");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, written_is_read);
    tcase_add_test(tc, bytes_as_specified);
    tcase_add_test(tc, write_keeps_the_maximum);
    tcase_add_test(tc, headers);
    suite_add_tcase(suite, tc);
    return suite;
}
