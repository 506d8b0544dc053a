/* The ring of blocks: order, starts, limits, holds. */
#include "live/ring.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_ring_suite(void);

static const struct ring_limits wide = {
    .bytes_max = 1 << 20, .lag_max = 30 * USEC_PER_SEC, .sync_units_max = 2500};

static int put(struct ring *ring, const char *text, int is_sync, usec_t now)
{
    struct iovec iov = {(char *)(uintptr_t)text, strlen(text)};

    return ring_append(ring, &iov, 1, is_sync, now);
}

static int put_len(struct ring *ring, size_t len, int is_sync, usec_t now)
{
    char *bytes = malloc(len);
    struct iovec iov = {bytes, len};
    int ret;

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'x', len);
    ret = ring_append(ring, &iov, 1, is_sync, now);
    free(bytes);
    return ret;
}

START_TEST(test_cursor_at_start)
{
    struct ring ring;
    struct ring_cursor cursor = {NULL, 0};

    ring_init(&ring, &wide);
    ck_assert_int_eq(ring_cursor_sync(&ring, &cursor), -1);
    ck_assert_int_eq(put(&ring, "one", 0, 0), 0);
    ck_assert_int_eq(put(&ring, "KEY", 1, 1), 0);
    ck_assert_int_eq(put(&ring, "two", 0, 2), 0);
    ck_assert_int_eq(ring_cursor_sync(&ring, &cursor), 0);
    ck_assert_uint_eq(ring_cursor_offset(&cursor), 3);
    ck_assert_mem_eq(cursor.block->data + cursor.at, "KEYtwo", 6);
    ring_cursor_leave(&ring, &cursor);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_spans_are_joined)
{
    struct ring ring;
    struct iovec iov[3] = {{"ab", 2}, {NULL, 0}, {"cd", 2}};

    ring_init(&ring, &wide);
    ck_assert_int_eq(ring_append(&ring, iov, 3, 1, 0), 0);
    ck_assert_uint_eq(ring.end, 4);
    ck_assert_mem_eq(ring.head->data, "abcd", 4);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_units_never_cross_blocks)
{
    struct ring ring;
    uint64_t end = 0;

    ring_init(&ring, &wide);
    ck_assert_int_eq(put(&ring, "K", 1, 0), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(put_len(&ring, 5000, 0, i), 0);
    end = 1;
    for (struct ring_block *b = ring.tail; b != NULL; b = b->next) {
        ck_assert_uint_eq(b->offset, b == ring.tail ? 0 : end);
        end = b->offset + b->len;
        ck_assert_uint_eq((b->len - (b == ring.tail ? 1 : 0)) % 5000, 0);
    }
    ck_assert_uint_eq(end, ring.end);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_large_unit_has_its_own_block)
{
    struct ring ring;

    ring_init(&ring, &wide);
    ck_assert_int_eq(put(&ring, "a", 1, 0), 0);
    ck_assert_int_eq(put_len(&ring, 300000, 0, 1), 0);
    ck_assert_uint_eq(ring.head->len, 300000);
    ck_assert_int_eq(put(&ring, "b", 0, 2), 0);
    ck_assert_uint_eq(ring.head->len, 1);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_over_the_bound_is_refused)
{
    struct ring ring;

    ring_init(&ring, &wide);
    ck_assert_int_eq(put_len(&ring, (1 << 20) + 1, 1, 0), -1);
    ck_assert_uint_eq(ring.end, 0);
    ck_assert_int_eq(put_len(&ring, 1 << 20, 1, 0), 0);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_keeps_only_the_last_group)
{
    struct ring ring;
    size_t most = 0;

    ring_init(&ring, &wide);
    for (int gop = 0; gop < 20; gop++) {
        for (int i = 0; i < 50; i++) {
            ck_assert_int_eq(put_len(&ring, 5000, i == 0, gop * 2000000 + i * 40000), 0);
            most = ring.bytes > most ? ring.bytes : most;
        }
    }
    /* A group is 250,000 bytes: it and a partly filled block at each end. */
    ck_assert_uint_le(most, 250000 + 3 * 65536);
    ck_assert_ptr_nonnull(ring.sync_block);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_held_block_stays_until_too_old)
{
    struct ring ring;
    struct ring_cursor cursor = {NULL, 0};
    struct ring_limits limits = wide;

    limits.lag_max = 10 * USEC_PER_SEC;
    limits.bytes_max = 16 << 20;
    ring_init(&ring, &limits);
    ck_assert_int_eq(put(&ring, "K", 1, 0), 0);
    ck_assert_int_eq(ring_cursor_sync(&ring, &cursor), 0);
    for (int t = 1; t <= 9; t++)
        ck_assert_int_eq(put_len(&ring, 60000, 1, t * USEC_PER_SEC), 0);
    ck_assert(!ring_cursor_is_lost(&cursor));
    ck_assert_int_eq(put_len(&ring, 60000, 1, 20 * USEC_PER_SEC), 0);
    ck_assert(ring_cursor_is_lost(&cursor));
    /* Its bytes are still there, counted as detached. */
    ck_assert_int_eq(cursor.block->data[0], 'K');
    ck_assert_uint_gt(ring.detached, 0);
    ring_cursor_leave(&ring, &cursor);
    ck_assert_uint_eq(ring.detached, 0);
    ring_fini(&ring);
}
END_TEST

/* Viewers start at the last GOP, however old it is; only its size is bounded. */
START_TEST(test_last_group_is_kept_whatever_its_age)
{
    struct ring ring;
    struct ring_cursor cursor = {NULL, 0};
    struct ring_limits limits = wide;

    limits.bytes_max = 16 << 20;
    limits.lag_max = 10 * USEC_PER_SEC;
    ring_init(&ring, &limits);
    ck_assert_int_eq(put(&ring, "old", 1, 0), 0);
    ck_assert_int_eq(ring_cursor_sync(&ring, &cursor), 0);
    ring_seal(&ring);
    ck_assert_int_eq(put(&ring, "K", 1, USEC_PER_SEC), 0);
    for (int t = 2; t <= 60; t++) {
        ring_seal(&ring);
        ck_assert_int_eq(put_len(&ring, 100, 0, t * USEC_PER_SEC), 0);
    }
    /* What was before it is bound by age as ever. */
    ck_assert(ring_cursor_is_lost(&cursor));
    ck_assert_int_eq(ring_cursor_sync(&ring, &cursor), 0);
    ck_assert_uint_eq(ring_cursor_offset(&cursor), 3);
    ck_assert_int_eq(ring.sync_loss, RING_LOSS_NONE);
    ring_cursor_leave(&ring, &cursor);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_why_a_start_is_lost)
{
    struct ring ring;
    struct ring_limits limits = wide;

    limits.sync_units_max = 2;
    ring_init(&ring, &limits);
    ck_assert_int_eq(put(&ring, "K", 1, 0), 0);
    ck_assert_int_eq(put(&ring, "1", 0, 0), 0);
    ck_assert_int_eq(put(&ring, "2", 0, 0), 0);
    ck_assert_int_eq(ring.sync_loss, RING_LOSS_NONE);
    ck_assert_int_eq(put(&ring, "3", 0, 0), 0);
    ck_assert_int_eq(ring.sync_loss, RING_LOSS_UNITS);
    ck_assert_int_eq(put(&ring, "K", 1, 0), 0);
    ck_assert_int_eq(ring.sync_loss, RING_LOSS_NONE);
    ck_assert_int_eq(put_len(&ring, 900000, 0, 0), 0);
    ck_assert_int_eq(put_len(&ring, 900000, 0, 0), 0);
    ck_assert_int_eq(ring.sync_loss, RING_LOSS_BYTES);
    /* No viewer can start: that is not a loss. */
    ring_drop_sync(&ring);
    ck_assert_int_eq(ring.sync_loss, RING_LOSS_NONE);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_size_bound_beats_holds)
{
    struct ring ring;
    struct ring_cursor cursor = {NULL, 0};

    ring_init(&ring, &wide);
    ck_assert_int_eq(put(&ring, "K", 1, 0), 0);
    ck_assert_int_eq(ring_cursor_sync(&ring, &cursor), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(put_len(&ring, 50000, 0, 1), 0);
        ck_assert_uint_le(ring.bytes, (1 << 20) + 65536);
    }
    ck_assert(ring_cursor_is_lost(&cursor));
    /* The GOP exceeded the limit: no viewer can start. */
    ck_assert_ptr_null(ring.sync_block);
    ring_cursor_leave(&ring, &cursor);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_start_is_forgotten_after_too_many_units)
{
    struct ring ring;
    struct ring_limits limits = wide;

    limits.sync_units_max = 10;
    ring_init(&ring, &limits);
    ck_assert_int_eq(put(&ring, "K", 1, 0), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(put(&ring, "u", 0, 0), 0);
    ck_assert_ptr_nonnull(ring.sync_block);
    ck_assert_int_eq(put(&ring, "u", 0, 0), 0);
    ck_assert_ptr_null(ring.sync_block);
    ck_assert_int_eq(put(&ring, "K", 1, 0), 0);
    ck_assert_ptr_nonnull(ring.sync_block);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_seal_puts_an_edge)
{
    struct ring ring;
    uint64_t edge;

    ring_init(&ring, &wide);
    ck_assert_int_eq(put(&ring, "abc", 1, 0), 0);
    ring_seal(&ring);
    edge = ring.end;
    ck_assert_int_eq(put(&ring, "def", 0, 0), 0);
    ck_assert_uint_eq(ring.head->offset, edge);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_cursor_at_the_end_of_nothing)
{
    struct ring ring;
    struct ring_cursor cursor = {NULL, 0};

    ring_init(&ring, &wide);
    ck_assert_int_eq(ring_cursor_end(&ring, &cursor), 0);
    ck_assert_int_eq(put(&ring, "abc", 0, 0), 0);
    ck_assert_mem_eq(cursor.block->data + cursor.at, "abc", 3);
    ring_cursor_leave(&ring, &cursor);
    ring_fini(&ring);
}
END_TEST

START_TEST(test_keeps_for_a_time_and_begins_there)
{
    static const struct ring_limits kept = {.bytes_max = 1 << 20,
                                            .lag_max = 30 * USEC_PER_SEC,
                                            .sync_units_max = 2500,
                                            .keep = 5 * USEC_PER_SEC,
                                            .block_cap = 1000};
    struct ring ring;
    struct ring_cursor cursor = {NULL, 0};
    uint64_t offset;

    ring_init(&ring, &kept);
    ck_assert_int_eq(ring_cursor_since(&ring, &cursor, 0, 0), -1);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(put_len(&ring, 100, 0, i * (USEC_PER_SEC / 10)), 0);
    /* A block holds a second; five blocks are kept, and the one in which they start. */
    ck_assert_uint_le(ring.bytes, 7 * 1000);
    ck_assert_uint_ge(ring.bytes, 5 * 1000);
    ck_assert_int_eq(ring_cursor_since(&ring, &cursor, 97 * USEC_PER_SEC + 1, 0), 0);
    offset = ring_cursor_offset(&cursor);
    ck_assert_uint_eq(offset, 97000);
    ck_assert_int_eq(ring_cursor_since(&ring, &cursor, 0, 0), 0);
    ck_assert_ptr_eq(cursor.block, ring.tail);
    ck_assert_int_eq(ring_cursor_since(&ring, &cursor, 0, 98001), 0);
    ck_assert_uint_eq(ring_cursor_offset(&cursor), 99000);
    ck_assert_int_eq(ring_cursor_since(&ring, &cursor, 0, 99001), -1);
    ring_cursor_leave(&ring, &cursor);
    ring_fini(&ring);
}
END_TEST

/* In parts, and never what a cursor is in. */
START_TEST(test_discard)
{
    struct ring ring;
    struct ring_cursor cursor = {NULL, 0};

    ring_init(&ring, &(struct ring_limits){.bytes_max = 4 << 20,
                                           .lag_max = 30 * USEC_PER_SEC,
                                           .sync_units_max = 2500,
                                           .keep = 60 * USEC_PER_SEC});
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(put_len(&ring, 40000, i % 4 == 0, i), 0);
    ck_assert_int_eq(ring_cursor_at(&ring, &cursor, 400000), 0);
    ck_assert_int_eq(ring_discard(&ring, 6), 1);
    ck_assert_uint_eq(ring.tail->offset, 240000);
    ck_assert_int_eq(ring_discard(&ring, 6), 0);
    ck_assert_uint_eq(ring.tail->offset, 400000);
    ck_assert_int_eq(cursor.block->data[39999], 'x');
    ring_cursor_leave(&ring, &cursor);
    ck_assert_int_eq(ring_discard(&ring, 100), 0);
    ck_assert_ptr_eq(ring.tail, ring.head);
    ring_fini(&ring);
}
END_TEST

Suite *check_ring_suite(void)
{
    Suite *suite = suite_create("ring");
    TCase *tc = tcase_create("ring");

    tcase_add_test(tc, test_cursor_at_start);
    tcase_add_test(tc, test_spans_are_joined);
    tcase_add_test(tc, test_units_never_cross_blocks);
    tcase_add_test(tc, test_large_unit_has_its_own_block);
    tcase_add_test(tc, test_over_the_bound_is_refused);
    tcase_add_test(tc, test_keeps_only_the_last_group);
    tcase_add_test(tc, test_held_block_stays_until_too_old);
    tcase_add_test(tc, test_last_group_is_kept_whatever_its_age);
    tcase_add_test(tc, test_why_a_start_is_lost);
    tcase_add_test(tc, test_size_bound_beats_holds);
    tcase_add_test(tc, test_start_is_forgotten_after_too_many_units);
    tcase_add_test(tc, test_seal_puts_an_edge);
    tcase_add_test(tc, test_cursor_at_the_end_of_nothing);
    tcase_add_test(tc, test_discard);
    tcase_add_test(tc, test_keeps_for_a_time_and_begins_there);
    suite_add_tcase(suite, tc);
    return suite;
}
