/* Boxes: their sizes, and a buffer that is too small at every length. */
#include "media/mp4_box.h"
#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_mp4_box_suite(void);

static size_t write_boxes(uint8_t *out, size_t cap)
{
    struct bytes_out o = bytes_out_of(out, cap);
    uint8_t *outer = mp4_box_begin(&o, "moof");
    uint8_t *inner = mp4_box_begin_full(&o, "mfhd", 1, 0x020304);

    mp4_box_zero(&o, 3);
    mp4_box_end(&o, inner);
    mp4_box_end(&o, outer);
    return o.bad ? 0 : (size_t)(o.p - out);
}

START_TEST(test_boxes_in_boxes)
{
    static const uint8_t expected[] = "\0\0\0\x17moof\0\0\0\x0fmfhd\1\2\3\4\0\0";
    uint8_t out[64];

    ck_assert_uint_eq(write_boxes(out, sizeof(out)), sizeof(expected));
    ck_assert_mem_eq(out, expected, sizeof(expected));
}
END_TEST

START_TEST(test_no_room)
{
    for (size_t cap = 0; cap <= 23; cap++) {
        uint8_t *out = malloc(cap > 0 ? cap : 1);

        ck_assert_uint_eq(write_boxes(out, cap), cap == 23 ? 23 : 0);
        free(out);
    }
}
END_TEST

Suite *check_mp4_box_suite(void)
{
    Suite *suite = suite_create("mp4_box");
    TCase *tcase = tcase_create("mp4_box");

    tcase_add_test(tcase, test_boxes_in_boxes);
    tcase_add_test(tcase, test_no_room);
    suite_add_tcase(suite, tcase);
    return suite;
}
