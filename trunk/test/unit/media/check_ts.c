/* Packets, tables and PES packets by themselves, at every length around a packet's edge. */
#include "media/ts.h"

#include "test/unit/media/media_test.h"
#include "test/unit/media/ts_check.h"

#include <check.h>

Suite *check_ts_suite(void);

static struct ts_program both(void)
{
    struct ts_program program = {.pcr_pid = TS_PID_VIDEO, .count = 2};

    program.stream[0].type = TS_TYPE_H264;
    program.stream[0].pid = TS_PID_VIDEO;
    program.stream[1].type = TS_TYPE_ADTS;
    program.stream[1].pid = TS_PID_AUDIO;
    return program;
}

START_TEST(test_crc)
{
    ck_assert_uint_eq(ts_crc32((const uint8_t *)"123456789", 9), 0x0376e6e7);
    ck_assert_uint_eq(ts_crc32(NULL, 0), 0xffffffff);
}
END_TEST

START_TEST(test_tables_to_the_byte)
{
    static const char pat[] = "474000100000b00d0001c100000001f001";
    static const char pmt[] = "475001100002b0170001c10000e100f0001be100f0000fe101f000";
    struct ts_program program = both();
    struct ts_writer writer;
    uint8_t expected[64];
    const uint8_t *data;
    size_t len;

    ts_writer_init(&writer);
    ck_assert_int_eq(ts_writer_begin(&writer, 0), 0);
    ts_write_tables(&writer, &program);
    data = ts_writer_end(&writer, &len);
    ck_assert_uint_eq(len, 376);
    len = from_hex(expected, sizeof(expected), pat);
    ck_assert_mem_eq(data, expected, len);
    ck_assert_uint_eq(ts_crc32(data + 5, len - 5 + 4), 0);
    len = from_hex(expected, sizeof(expected), pmt);
    ck_assert_mem_eq(data + 188, expected, len);
    ck_assert_uint_eq(ts_crc32(data + 193, len - 5 + 4), 0);
    ck_assert_uint_eq(data[188 + len + 4], 0xff);
    ts_writer_fini(&writer);
}
END_TEST

/* One PES packet of every length, with and without a clock. */
START_TEST(test_every_length)
{
    uint8_t *payload = exact_copy("", 0), *memory = malloc(2000);
    struct ts_program program = both();
    struct ts_writer writer;
    struct ts_check check;

    free(payload);
    payload = malloc(800);
    for (size_t i = 0; i < 800; i++)
        payload[i] = (uint8_t)(i * 7);
    ts_writer_init(&writer);
    ts_check_init(&check, memory, 2000);
    for (size_t i = 1; i < 1600; i++) {
        struct ts_pes pes = {.pid = i & 1 ? TS_PID_VIDEO : TS_PID_AUDIO,
                             .stream_id = i & 1 ? TS_PES_VIDEO : TS_PES_AUDIO,
                             .pts = i * 900,
                             .dts = i * 900 - (i % 3 ? 0 : 90),
                             .len = (i + 1) / 2};
        const uint8_t *data;
        size_t len;

        pes.has_pcr = i % 4 == 1;
        pes.is_random_access = i % 5 == 0;
        pes.pcr = i * 90;
        ck_assert_int_eq(ts_writer_begin(&writer, pes.len), 0);
        if (i == 1)
            ts_write_tables(&writer, &program);
        ts_pes_begin(&writer, &pes);
        for (size_t at = 0; at < pes.len; at += 150)
            ts_pes_put(&writer, payload + at, pes.len - at < 150 ? pes.len - at : 150);
        data = ts_writer_end(&writer, &len);
        ts_check_unit(&check, data, len);
        ck_assert_uint_eq(check.pes_len - check.payload_at, pes.len);
        ck_assert_mem_eq(memory + check.payload_at, payload, pes.len);
        ck_assert_uint_eq(check.pts, pes.pts);
        ck_assert_uint_eq(check.dts, pes.dts);
        ck_assert_int_eq(check.is_random_access, pes.is_random_access);
        ck_assert_int_eq(check.has_pcr != 0, pes.has_pcr);
    }
    ts_writer_fini(&writer);
    free(payload);
    free(memory);
}
END_TEST

START_TEST(test_a_picture_beyond_16_bits_has_no_length)
{
    size_t size = 70000;
    uint8_t *payload = calloc(1, size), *memory = malloc(size + 1000);
    struct ts_program program = both();
    struct ts_writer writer;
    struct ts_check check;

    ts_writer_init(&writer);
    ts_check_init(&check, memory, size + 1000);
    for (size_t n = 65535 - 8 - 2; n < 65535 + 3; n++) {
        struct ts_pes pes = {
            .pid = TS_PID_VIDEO, .stream_id = TS_PES_VIDEO, .pts = n, .dts = n, .len = n};
        const uint8_t *data;
        size_t len;

        ck_assert_int_eq(ts_writer_begin(&writer, n), 0);
        ts_write_tables(&writer, &program);
        ts_pes_begin(&writer, &pes);
        ts_pes_put(&writer, payload, n);
        data = ts_writer_end(&writer, &len);
        ts_check_unit(&check, data, len);
        ck_assert_uint_eq(memory[4] << 8 | memory[5], n + 8 <= 65535 ? n + 8 : 0);
    }
    ts_writer_fini(&writer);
    free(payload);
    free(memory);
}
END_TEST

START_TEST(test_times_are_taken_modulo_2_33)
{
    uint8_t memory[400], byte = 1;
    struct ts_program program = both();
    struct ts_writer writer;
    struct ts_check check;
    struct ts_pes pes = {.pid = TS_PID_VIDEO, .stream_id = TS_PES_VIDEO, .has_pcr = 1, .len = 1};
    const uint8_t *data;
    size_t len;

    ts_writer_init(&writer);
    ts_check_init(&check, memory, sizeof(memory));
    pes.pcr = ((uint64_t)1 << 33) + 0x155555555;
    pes.pts = ((uint64_t)7 << 33) + 0x1aaaaaaaa;
    pes.dts = 0x1aaaaaaa9;
    ck_assert_int_eq(ts_writer_begin(&writer, 1), 0);
    ts_write_tables(&writer, &program);
    ts_pes_begin(&writer, &pes);
    ts_pes_put(&writer, &byte, 1);
    data = ts_writer_end(&writer, &len);
    ts_check_unit(&check, data, len);
    ck_assert_uint_eq(check.pcr, 0x155555555);
    ck_assert_uint_eq(check.pts, 0x1aaaaaaaa);
    ck_assert_uint_eq(check.dts, 0x1aaaaaaa9);
    ts_writer_fini(&writer);
}
END_TEST

START_TEST(test_too_long_a_frame_is_refused_and_memory_is_freed)
{
    struct ts_writer writer;

    ts_writer_init(&writer);
    ck_assert_int_eq(ts_writer_begin(&writer, TS_PAYLOAD_MAX + 1), -1);
    ck_assert_int_eq(ts_writer_begin(&writer, SIZE_MAX), -1);
    ck_assert_int_eq(ts_writer_begin(&writer, (size_t)8 << 20), 0);
    ck_assert_uint_gt(writer.packets_max, 40000);
    ck_assert_int_eq(ts_writer_begin(&writer, 100), 0);
    ck_assert_uint_lt(writer.packets_max, 2000);
    ts_writer_fini(&writer);
}
END_TEST

START_TEST(test_gap_names_the_counter_before_the_next)
{
    struct ts_program program = both();
    struct ts_writer writer;
    uint8_t gap[188];

    ts_writer_init(&writer);
    ck_assert_int_eq(ts_writer_begin(&writer, 0), 0);
    for (int i = 0; i < 5; i++)
        ts_write_tables(&writer, &program);
    ts_write_gap(&writer, TS_PID_PAT, gap);
    ck_assert_mem_eq(gap, "\x47\x00\x00\x24\xb7\x80\xff", 7);
    ck_assert_uint_eq(gap[187], 0xff);
    ts_write_gap(&writer, TS_PID_AUDIO, gap);
    ck_assert_mem_eq(gap, "\x47\x01\x01\x2f\xb7\x80\xff", 7);
    ts_writer_fini(&writer);
}
END_TEST

Suite *check_ts_suite(void)
{
    Suite *suite = suite_create("ts");
    TCase *tcase = tcase_create("ts");

    tcase_add_test(tcase, test_crc);
    tcase_add_test(tcase, test_tables_to_the_byte);
    tcase_add_test(tcase, test_every_length);
    tcase_add_test(tcase, test_a_picture_beyond_16_bits_has_no_length);
    tcase_add_test(tcase, test_times_are_taken_modulo_2_33);
    tcase_add_test(tcase, test_too_long_a_frame_is_refused_and_memory_is_freed);
    tcase_add_test(tcase, test_gap_names_the_counter_before_the_next);
    suite_add_tcase(suite, tcase);
    return suite;
}
