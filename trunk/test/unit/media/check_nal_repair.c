/* H.264 and HEVC with faulty NAL units: detected, and written correctly. */
#include "media/nal_repair.h"

#include "media/flv.h"
#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_nal_repair_suite(void);

#define LIT(text) text, sizeof(text) - 1
/* Headers of messages: H.264, and HEVC enhanced and by its legacy id. */
#define AVC     "\x17\1\0\0\0"
#define AVC_H   "\x17\0\0\0\0"
#define HEVC    "\x91hvc1\0\0\0"
#define HEVC_X  "\x93hvc1"
#define HEVC_ID "\x1c\1\0\0\0"

static const struct {
    const char *in;
    size_t in_len;
    enum nal_fault fault;
    const char *out;
    size_t out_len; /* 0: cannot be repaired */
} rows[] = {
    {LIT(AVC "\0\0\0\1\x65"
             "abc"),
     NAL_START_CODES,
     LIT(AVC "\0\0\0\4\x65"
             "abc")},
    {LIT(AVC "\0\0\0\1\x06s\0\0\1\x65"
             "abc\0\0\0"),
     NAL_START_CODES,
     LIT(AVC "\0\0\0\2\x06s\0\0\0\4\x65"
             "abc")},
    {LIT(AVC "\0\0\1\x65"
             "abc\0\0\0\1\x41"
             "d"),
     NAL_START_CODES,
     LIT(AVC "\0\0\0\4\x65"
             "abc\0\0\0\2\x41"
             "d")},
    {LIT(AVC "\0\0\0\0\0\1\x65"
             "abc"),
     NAL_START_CODES,
     LIT(AVC "\0\0\0\4\x65"
             "abc")},
    {LIT(HEVC "\0\0\0\1\x26\1abc"), NAL_START_CODES, LIT(HEVC "\0\0\0\5\x26\1abc")},
    {LIT(HEVC_X "\0\0\0\1\x26\1abc"), NAL_START_CODES, LIT(HEVC_X "\0\0\0\5\x26\1abc")},
    {LIT(HEVC_ID "\0\0\0\1\x26\1abc"), NAL_START_CODES, LIT(HEVC_ID "\0\0\0\5\x26\1abc")},
    {LIT(AVC "\0\0\0\0\0\0\0\4\x65"
             "abc"),
     NAL_EMPTY_UNITS,
     LIT(AVC "\0\0\0\4\x65"
             "abc")},
    {LIT(AVC "\0\0\0\4\x65"
             "abc\0\0\0\0\0\0\0\1\x41"),
     NAL_EMPTY_UNITS,
     LIT(AVC "\0\0\0\4\x65"
             "abc\0\0\0\1\x41")},
    {LIT(AVC "\0\0\1\0\0\1"), NAL_START_CODES, LIT("")},
    /* Valid, whatever they look like: a unit of one byte, and a broken one that is not repairable.
     */
    {LIT(AVC "\0\0\0\4\x65"
             "abc"),
     NAL_INTACT, LIT("")},
    {LIT(AVC "\0\0\0\1\x0b"), NAL_INTACT, LIT("")},
    {LIT(AVC "\0\0\0\0\0\0\0\0"), NAL_INTACT,
     LIT("")}, /* no NAL unit with bytes: not ours to repair */
    {LIT(AVC "\0\0\0\x09\x65"
             "abc"),
     NAL_INTACT, LIT("")},
    {LIT("\x17\2\0\0\0"), NAL_INTACT, LIT("")},
    {LIT("\x91"
         "av01\0\0\0\1\0\0\0"),
     NAL_INTACT, LIT("")},
    {LIT("\x12\0\0\0\1\0\0\0"), NAL_INTACT, LIT("")},
    /* Sequence headers. */
    {LIT(AVC_H "\0\0\0\1\x67\x64\0\x1f\xac\0\0\1\x68\xee"), NAL_RAW_HEADER,
     LIT(AVC_H "\1\x64\0\x1f\xff\xe1\0\5\x67\x64\0\x1f\xac\1\0\2\x68\xee")},
    {LIT(AVC_H "\0\0\0\1\x09\xf0\0\0\0\1\x68\xee\0\0\1\x67\x64\0\x1f\xac"), NAL_RAW_HEADER,
     LIT(AVC_H "\1\x64\0\x1f\xff\xe1\0\5\x67\x64\0\x1f\xac\1\0\2\x68\xee")},
    {LIT(AVC_H "\0\0\0\1\x67\x64\0\x1f\xac"), NAL_RAW_HEADER, LIT("")},
    {LIT(AVC_H "\0\0\0\1\x67\x64\0\0\0\1\x68\xee"), NAL_RAW_HEADER, LIT("")},
};

static enum nal_fault run(struct nal_repair *repair, const void *in, size_t in_len, size_t max,
                          struct buf *out, int *rc)
{
    uint8_t *copy = exact_copy(in, in_len);
    enum nal_fault fault;
    struct frame frame;

    flv_frame_parse(&frame, FRAME_VIDEO, 0, copy, in_len);
    fault = nal_repair_look(repair, &frame);
    buf_init(out, max);
    *rc = -1;
    if (fault != NAL_INTACT)
        *rc = nal_repair_write(repair, &frame, fault, out);
    free(copy);
    return fault;
}

START_TEST(each_fault)
{
    struct nal_repair repair = {0};
    struct buf out;
    int rc;

    ck_assert_int_eq(run(&repair, rows[_i].in, rows[_i].in_len, 1000, &out, &rc), rows[_i].fault);
    ck_assert_int_eq(rc, rows[_i].out_len > 0 ? 0 : -1);
    if (rc == 0) {
        ck_assert_uint_eq(out.len, rows[_i].out_len);
        ck_assert_mem_eq(buf_data(&out), rows[_i].out, out.len);
    }
    buf_fini(&out);
    if (rc == 0) {
        run(&repair, rows[_i].in, rows[_i].in_len, rows[_i].out_len - 1, &out, &rc);
        ck_assert_int_eq(rc, -1);
        buf_fini(&out);
    }
}
END_TEST

/* Lengths have the size in the header; units that are too long for it are refused. */
START_TEST(short_lengths)
{
    struct nal_repair repair = {0};
    char big[5 + 4 + 300] = AVC "\0\0\0\1";
    struct buf out;
    int rc;

    ck_assert_int_eq(run(&repair, LIT(AVC_H "\1\x64\0\x1f\xfc\xe0\0"), 100, &out, &rc), NAL_INTACT);
    buf_fini(&out);
    ck_assert_int_eq(run(&repair,
                         LIT(AVC "\0\0\0\1\x65"
                                 "abc"),
                         100, &out, &rc),
                     NAL_START_CODES);
    ck_assert_uint_eq(out.len, 5 + 1 + 4);
    ck_assert_mem_eq(buf_data(&out),
                     AVC "\4\x65"
                         "abc",
                     out.len);
    buf_fini(&out);
    memset(big + 9, 0x65, 300);
    ck_assert_int_eq(run(&repair, big, sizeof(big), 1000, &out, &rc), NAL_START_CODES);
    ck_assert_int_eq(rc, -1);
    buf_fini(&out);
}
END_TEST

/* A length of 256 to 511 looks like a start code of three bytes. */
START_TEST(lengths_like_codes)
{
    struct nal_repair repair = {0};
    char frame[5 + 4 + 300] = AVC "\0\0\1\x2c";
    struct buf out;
    int rc;

    memset(frame + 9, 0x65, 300);
    ck_assert_int_eq(run(&repair, frame, sizeof(frame), 1000, &out, &rc), NAL_INTACT);
    buf_fini(&out);
}
END_TEST

/* A record of x265 (1922x1082, two temporal layers) and its parameter sets. */
#define VPS "40010c02ffff01600000030090000003000003007800009594aca048"
#define SPS                                \
    "420102016000000300900000030000030078" \
    "0000a003c8801107112659594aca94985e02d0100000030010000003019080"
#define PPS "4401c073c189"
#define RECORD                                     \
    "01016000000090000000000078f000fcfdf8f8000013" \
    "03a00001001c" VPS "a1000100"                  \
    "31" SPS "a2000100"                            \
    "06" PPS

START_TEST(hevc_record)
{
    static const char *const sets[] = {"00000001" VPS, "00000001" SPS, "000001" PPS};
    struct nal_repair repair = {0};
    uint8_t body[512] = "\x90hvc1", record[512];
    size_t len = 5, record_len = from_hex(record, sizeof(record), RECORD);
    struct buf out;
    int rc;

    for (int i = 0; i < 3; i++)
        len += from_hex(body + len, sizeof(body) - len, sets[i]);
    ck_assert_int_eq(run(&repair, body, len, 1000, &out, &rc), NAL_RAW_HEADER);
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_eq(out.len, 5 + record_len);
    ck_assert_mem_eq(buf_data(&out), "\x90hvc1", 5);
    ck_assert_mem_eq(buf_data(&out) + 5, record, record_len);
    ck_assert_uint_eq(repair.nal_length_size, 4);
    buf_fini(&out);
    /* Without one of them there is no header. */
    len -= from_hex(record, sizeof(record), sets[2]);
    ck_assert_int_eq(run(&repair, body, len, 1000, &out, &rc), NAL_RAW_HEADER);
    ck_assert_int_eq(rc, -1);
    buf_fini(&out);
}
END_TEST

/* More parameter sets than a header may contain, and bytes that are only start codes. */
START_TEST(hostile)
{
    static const struct {
        const char *bytes;
        size_t len;
        int is_frame; /* something is left when it is one */
    } patterns[] = {{LIT("\0\0\1"), 0}, {LIT("\0\0\1\x67"), 1}, {LIT("\0\0\0\1"), 0},
                    {LIT("\1"), 0},     {LIT("\0"), 0},         {LIT("\0\0\1\x68\1"), 1}};
    uint8_t body[4096] = "\x17\1\0\0\0";

    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        size_t at = 5;

        for (; at + patterns[i].len <= sizeof(body); at += patterns[i].len)
            memcpy(body + at, patterns[i].bytes, patterns[i].len);
        for (int packet = 0; packet < 2; packet++) {
            struct nal_repair repair = {0};
            struct buf out;
            int rc;

            body[1] = (uint8_t)packet;
            run(&repair, body, at, 8192, &out, &rc);
            ck_assert_int_eq(rc, packet == 1 && patterns[i].is_frame ? 0 : -1);
            buf_fini(&out);
        }
    }
}
END_TEST

START_TEST(names)
{
    for (int fault = NAL_INTACT; fault <= NAL_RAW_HEADER; fault++)
        ck_assert_int_gt((int)strlen(nal_repair_fault_name((enum nal_fault)fault)), 0);
}
END_TEST

Suite *check_nal_repair_suite(void)
{
    Suite *suite = suite_create("nal_repair");
    TCase *tcase = tcase_create("nal_repair");

    tcase_add_loop_test(tcase, each_fault, 0, (int)COUNT_OF(rows));
    tcase_add_test(tcase, short_lengths);
    tcase_add_test(tcase, lengths_like_codes);
    tcase_add_test(tcase, hevc_record);
    tcase_add_test(tcase, hostile);
    tcase_add_test(tcase, names);
    suite_add_tcase(suite, tcase);
    return suite;
}
