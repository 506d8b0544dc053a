/* Fragments: read back by their boxes; truncated ones are not whole. */
#include "media/mp4_fragment.h"
#include "test/unit/media/media_test.h"
#include "test/unit/media/mp4_kit.h"

Suite *check_mp4_fragment_suite(void);

static size_t write_with_sample(const struct mp4_fragment *fragment, uint8_t *out)
{
    size_t len = mp4_fragment_write(fragment, out);

    memset(out + len, 0x5a, fragment->size);
    return len + fragment->size;
}

START_TEST(test_a_picture)
{
    const struct mp4_fragment fragment = {.sequence = 7,
                                          .track = 1,
                                          .dts = (uint64_t)5 << 32,
                                          .offset = -3,
                                          .duration = 40,
                                          .size = 9,
                                          .is_video = 1,
                                          .is_key = 1};
    uint8_t out[MP4_FRAGMENT_HEAD_MAX + 9];
    struct mp4_seen seen;
    size_t len = write_with_sample(&fragment, out);

    mp4_take_apart(out, len, &seen);
    ck_assert_uint_eq(seen.size, len);
    ck_assert_uint_eq(seen.sequence, 7);
    ck_assert_uint_eq(seen.track, 1);
    ck_assert_uint_eq(seen.dts, (uint64_t)5 << 32);
    ck_assert_int_eq(seen.offset, -3);
    ck_assert_uint_eq(seen.duration, 40);
    ck_assert_uint_eq(seen.flags, 0x02000000);
    ck_assert_uint_eq(seen.len, 9);
}
END_TEST

START_TEST(test_audio_has_no_flags_of_its_own)
{
    const struct mp4_fragment fragment = {
        .sequence = 1, .track = 2, .duration = 1024, .size = 1, .is_key = 1};
    uint8_t out[MP4_FRAGMENT_HEAD_MAX + 1];
    struct mp4_seen seen;

    mp4_take_apart(out, write_with_sample(&fragment, out), &seen);
    ck_assert_uint_eq(seen.track, 2);
    ck_assert_uint_eq(seen.flags, 0);
    ck_assert_int_eq(seen.offset, 0);
}
END_TEST

START_TEST(test_the_length_is_read_back)
{
    const struct mp4_fragment fragment = {
        .sequence = 1, .track = 2, .offset = 1, .size = 20, .is_video = 1};
    uint8_t out[MP4_FRAGMENT_HEAD_MAX + 20];
    size_t len = write_with_sample(&fragment, out);

    for (size_t n = 0; n <= len; n++) {
        uint8_t *copy = exact_copy(out, n);
        uint32_t track = 0;

        ck_assert_uint_eq(mp4_fragment_read(copy, n, &track), n == len ? len : 0);
        ck_assert_uint_eq(track, n == len ? 2 : 0);
        free(copy);
    }
    /* Lengths that are no boxes. */
    for (size_t at = 0; at < 8; at++) {
        uint8_t *copy = exact_copy(out, len);
        uint32_t track = 0;

        copy[at] ^= 0x80;
        ck_assert_uint_eq(mp4_fragment_read(copy, len, &track), 0);
        free(copy);
    }
}
END_TEST

Suite *check_mp4_fragment_suite(void)
{
    Suite *suite = suite_create("mp4_fragment");
    TCase *tcase = tcase_create("mp4_fragment");

    tcase_add_test(tcase, test_a_picture);
    tcase_add_test(tcase, test_audio_has_no_flags_of_its_own);
    tcase_add_test(tcase, test_the_length_is_read_back);
    suite_add_tcase(suite, tcase);
    return suite;
}
