/*
 * Time stamps: written and read again, cut and hostile; and the encoder's clock in SEI messages of
 * H.264 and HEVC, after other messages, cut at every length.
 */
#include "media/stamp.h"

#include "media/amf0.h"
#include "media/flv.h"
#include "test/unit/media/media_test.h"

#include <check.h>
#include <math.h>

Suite *check_stamp_suite(void);

/* 2026-12-01T00:00:00.123Z */
#define TIME_MS INT64_C(1796083200123)

START_TEST(written_and_read)
{
    struct stamp stamp = {TIME_MS, 4321, 0};
    struct stamp got;
    uint8_t body[STAMP_MAX];
    size_t len = stamp_write(&stamp, body);

    ck_assert_int_eq(stamp_is(body, len), 1);
    ck_assert_int_eq(stamp_read(body, len, &got), 0);
    ck_assert_int_eq(got.time_ms, TIME_MS);
    ck_assert_int_eq(got.pts_ms, 4321);
    ck_assert_int_eq(got.encoder_ms, 0);
    stamp.encoder_ms = TIME_MS - 40;
    len = stamp_write(&stamp, body);
    ck_assert_int_eq(stamp_read(body, len, &got), 0);
    ck_assert_int_eq(got.encoder_ms, TIME_MS - 40);
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = exact_copy(body, n);

        ck_assert_int_eq(stamp_read(exact, n, &got), -1);
        free(exact);
    }
}
END_TEST

/* What any AMF0 reader sees of it. */
START_TEST(is_a_data_message)
{
    const struct stamp stamp = {TIME_MS, 0, 7};
    uint8_t body[STAMP_MAX];
    size_t len = stamp_write(&stamp, body);
    struct bytes in = bytes_of(body, len);
    struct amf0 *name;
    struct amf0 *object;

    ck_assert_int_eq(amf0_read(&in, &name), SCAN_DONE);
    ck_assert_str_eq(name->string, "onMillraceTime");
    ck_assert_int_eq(amf0_read(&in, &object), SCAN_DONE);
    ck_assert_uint_eq(bytes_left(&in), 0);
    ck_assert(amf0_get_number(object, "time", 0) == (double)TIME_MS);
    ck_assert(amf0_get_number(object, "pts", 1) == 0);
    ck_assert(amf0_get_number(object, "encoder", 0) == 7);
    amf0_free(name);
    amf0_free(object);
}
END_TEST

static int read_of(double time, double pts, double encoder, struct stamp *got)
{
    struct amf0 *object = amf0_object();
    struct buf body;
    int rc;

    buf_init(&body, 256);
    ck_assert_int_eq(amf0_write_string(&body, "onMillraceTime"), 0);
    ck_assert_int_eq(amf0_set(object, "time", amf0_number(time)), 0);
    ck_assert_int_eq(amf0_set(object, "pts", amf0_number(pts)), 0);
    ck_assert_int_eq(amf0_set(object, "encoder", amf0_number(encoder)), 0);
    ck_assert_int_eq(amf0_write(&body, object), 0);
    rc = stamp_read(buf_data(&body), body.len, got);
    amf0_free(object);
    buf_fini(&body);
    return rc;
}

START_TEST(hostile_numbers)
{
    struct stamp got;

    ck_assert_int_eq(read_of((double)TIME_MS, 5, 6, &got), 0);
    ck_assert_int_eq(read_of((double)NAN, 5, 6, &got), -1);
    ck_assert_int_eq(read_of((double)INFINITY, 5, 6, &got), -1);
    ck_assert_int_eq(read_of(0, 5, 6, &got), -1);
    ck_assert_int_eq(read_of(-1, 5, 6, &got), -1);
    ck_assert_int_eq(read_of(1e300, 5, 6, &got), -1);
    ck_assert_int_eq(read_of((double)TIME_MS, -1, 6, &got), -1);
    ck_assert_int_eq(read_of((double)TIME_MS, (double)NAN, 6, &got), -1);
    ck_assert_int_eq(read_of((double)TIME_MS, 0, 1e300, &got), 0);
    ck_assert_int_eq(got.encoder_ms, 0);
    ck_assert_int_eq(stamp_is((const uint8_t *)"\x02\x00\x0eonMillraceTim", 16), 0);
    ck_assert_int_eq(stamp_is((const uint8_t *)"\x02\x00\x0eonMillraceTime", 17), 1);
}
END_TEST

/* ---- the encoder's clock ---- */

/* "MISPmicrosectime", status 0x1f, and 1796083200123456 us. */
#define CLOCK_HEX "4d4953506d6963726f73656374696d651f0006ff6187ff3521ff6240"

/* A frame of these NAL units (hex, with their headers), with lengths of `size` bytes. */
static size_t frame_of(uint8_t *out, const char *prefix, int size, const char *const *nal,
                       int count)
{
    size_t len = from_hex(out, 64, prefix);

    for (int i = 0; i < count; i++) {
        size_t n = from_hex(out + len + size, 256, nal[i]);

        for (int k = 0; k < size; k++)
            out[len + (size_t)k] = (uint8_t)(n >> 8 * (size - 1 - k));
        len += (size_t)size + n;
    }
    return len;
}

static int64_t clock_of(const uint8_t *body, size_t len, int size)
{
    uint8_t *exact = exact_copy(body, len);
    struct frame frame;
    int64_t ms;

    flv_frame_parse(&frame, FRAME_VIDEO, 0, exact, len);
    ms = stamp_encoder_ms(&frame, size);
    free(exact);
    return ms;
}

START_TEST(clock_in_h264)
{
    /* A delimiter, an SEI with a buffering period of two bytes and the clock, a slice. */
    static const char *const nal[] = {"09f0", "060002abcd051c" CLOCK_HEX "80", "65888400"};
    static const char *const late[] = {"65888400", "06051c" CLOCK_HEX "80"};
    static const char *const other[] = {"06051c"
                                        "00112233445566778899aabbccddeeff"
                                        "1f0006ff6187ff3521ff624080",
                                        "65888400"};
    uint8_t body[512];

    for (int size = 1; size <= 4; size++) {
        size_t len = frame_of(body, "1701000000", size, nal, 3);

        ck_assert_int_eq(clock_of(body, len, size), TIME_MS);
        for (size_t n = 5; n < len - 5; n++)
            (void)clock_of(body, n, size);
        ck_assert_int_eq(clock_of(body, frame_of(body, "1701000000", size, late, 2), size), 0);
        ck_assert_int_eq(clock_of(body, frame_of(body, "1701000000", size, other, 2), size), 0);
    }
}
END_TEST

START_TEST(clock_in_hevc)
{
    static const char *const nal[] = {"4601"
                                      "50",
                                      "4e01051c" CLOCK_HEX "80", "2601af00"};
    uint8_t body[512];
    size_t len = frame_of(body, "9168766331000000", 4, nal, 3);

    ck_assert_int_eq(clock_of(body, len, 4), TIME_MS);
    /* H.264's numbers mean other things there. */
    len = frame_of(body, "1c01000000", 4, nal, 3);
    ck_assert_int_eq(clock_of(body, len, 4), TIME_MS);
}
END_TEST

START_TEST(hostile_messages)
{
    static const struct {
        const char *nal;
        int64_t ms;
    } rows[] = {
        {"06", 0},
        {"0605", 0},
        {"06ffffffff", 0},
        {"0605ff", 0},
        {"06051c4d49", 0},
        /* Too short a message, a group separator that is none, a reserved year. */
        {"06051b" CLOCK_HEX "80", 0},
        {"06051c4d4953506d6963726f73656374696d651f0006006187ff3521ff624080", 0},
        {"06051c4d4953506d6963726f73656374696d651fffffffffffffffffffffff80", 0},
        /* Emulation prevention before it. */
        {"06000300000301051c" CLOCK_HEX "80", TIME_MS},
    };
    uint8_t body[512];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t len = frame_of(body, "1701000000", 4, &rows[i].nal, 1);

        ck_assert_msg(clock_of(body, len, 4) == rows[i].ms, "row %zu", i);
    }
}
END_TEST

Suite *check_stamp_suite(void)
{
    Suite *suite = suite_create("stamp");
    TCase *tc = tcase_create("tag");

    tcase_add_test(tc, written_and_read);
    tcase_add_test(tc, is_a_data_message);
    tcase_add_test(tc, hostile_numbers);
    suite_add_tcase(suite, tc);
    tc = tcase_create("encoder");
    tcase_add_test(tc, clock_in_h264);
    tcase_add_test(tc, clock_in_hevc);
    tcase_add_test(tc, hostile_messages);
    suite_add_tcase(suite, tc);
    return suite;
}
