/* The chunk stream: every rule of 5.3, its limits, and every way to cut it. */
#include "proto/rtmp_chunk.h"

#include "rtmp_test.h"

Suite *check_rtmp_chunk_suite(void);

static struct buf wire;

static void setup(void)
{
    buf_init(&wire, TEST_BYTES_MAX);
}

static void teardown(void)
{
    buf_fini(&wire);
}

/* The wire's bytes give exactly these lines, through every split, and end well. */
static void gives(const char *lines)
{
    struct heard heard = hear_splits(&test_limits, &wire);
    struct buf times;

    buf_init(&times, TEST_BYTES_MAX);
    ck_assert_int_eq(heard.end, SCAN_MORE);
    /* "type timestamp len" is what most tests are about. */
    for (const char *p = heard_text(&heard); *p != '\0'; p = strchr(p, '\n') + 1) {
        unsigned type, ts, csid, stream;
        unsigned long len;

        ck_assert_int_eq(sscanf(p, "%u %u %u %u %lu", &type, &ts, &csid, &stream, &len), 5);
        ck_assert_int_eq(buf_printf(&times, "%u@%u+%lu ", type, ts, len), 0);
    }
    ck_assert_int_eq(buf_append(&times, "", 1), 0);
    ck_assert_str_eq((char *)buf_data(&times), lines);
    buf_fini(&times);
    buf_fini(&heard.text);
}

/* The wire's bytes are refused, through every split, after `count` messages. */
static void refused(size_t count)
{
    struct heard heard = hear_splits(&test_limits, &wire);

    ck_assert_int_eq(heard.end, SCAN_BAD);
    ck_assert_uint_eq(heard.count, count);
    buf_fini(&heard.text);
}

START_TEST(whole_messages_are_not_copied)
{
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&test_limits);
    struct rtmp_message m;
    size_t used;

    put_fmt0(&wire, 6, 5, 100, 9);
    put_fill(&wire, 7, 100);
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire), wire.len, &used, &m), SCAN_DONE);
    ck_assert_uint_eq(used, wire.len);
    ck_assert_ptr_eq(m.data, buf_data(&wire) + 12);
    /* Also when its header came before. */
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire), 12, &used, &m), SCAN_MORE);
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire) + 12, 100, &used, &m), SCAN_DONE);
    ck_assert_ptr_eq(m.data, buf_data(&wire) + 12);
    ck_assert_uint_eq(rtmp_chunk_in_pending(in), 0);
    rtmp_chunk_in_free(in);
}
END_TEST

START_TEST(an_announced_length_allocates_nothing)
{
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&test_limits);
    struct rtmp_message m;
    size_t used;

    put_control(&wire, RTMP_SET_CHUNK_SIZE, 0x7fffffff);
    put_fmt0(&wire, 6, 5, 1024 * 1024, 9);
    put_fill(&wire, 7, 3);
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire), wire.len, &used, &m), SCAN_DONE);
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire) + used, wire.len - used, &used, &m),
                     SCAN_MORE);
    ck_assert_uint_eq(rtmp_chunk_in_pending(in), 3);
    rtmp_chunk_in_free(in);
}
END_TEST

START_TEST(deltas_add_up)
{
    put_fmt0(&wire, 4, 1000, 1, 8);
    put_fill(&wire, 1, 1);
    put_fmt1(&wire, 4, 20, 2, 9);
    put_fill(&wire, 2, 2);
    put_fmt2(&wire, 4, 30);
    put_fill(&wire, 3, 2);
    put_fmt3(&wire, 4);
    put_fill(&wire, 4, 2);
    put_fmt3(&wire, 4);
    put_fill(&wire, 5, 2);
    gives("8@1000+1 9@1020+2 9@1050+2 9@1080+2 9@1110+2 ");
}
END_TEST

START_TEST(type3_after_type0_adds_its_timestamp)
{
    put_fmt0(&wire, 4, 1000, 1, 8);
    put_fill(&wire, 1, 1);
    put_fmt3(&wire, 4);
    put_fill(&wire, 1, 1);
    put_fmt3(&wire, 4);
    put_fill(&wire, 1, 1);
    gives("8@1000+1 8@2000+1 8@3000+1 ");
}
END_TEST

START_TEST(time_wraps)
{
    put_fmt0(&wire, 4, 0xfffffff0, 1, 8);
    put_fill(&wire, 1, 1);
    put_fmt1(&wire, 4, 0x20, 1, 8);
    put_fill(&wire, 1, 1);
    gives("8@4294967280+1 8@16+1 ");
}
END_TEST

START_TEST(type1_may_begin)
{
    put_fmt1(&wire, 4, 77, 1, 8);
    put_fill(&wire, 1, 1);
    gives("8@77+1 ");
}
END_TEST

START_TEST(type2_and_3_may_not_begin)
{
    put_fmt2(&wire, 4, 77);
    refused(0);
    buf_consume(&wire, wire.len);
    put_fmt3(&wire, 4);
    refused(0);
}
END_TEST

START_TEST(interleaved)
{
    put_fmt0(&wire, 6, 100, 300, 9);
    put_fill(&wire, 1, 128);
    put_fmt0(&wire, 4, 101, 130, 8);
    put_fill(&wire, 2, 128);
    put_fmt3(&wire, 6);
    put_fill(&wire, 1, 128);
    put_fmt3(&wire, 4);
    put_fill(&wire, 2, 2);
    put_fmt3(&wire, 6);
    put_fill(&wire, 1, 44);
    gives("8@101+130 9@100+300 ");
}
END_TEST

START_TEST(no_type0_within_a_message)
{
    put_fmt0(&wire, 6, 100, 300, 9);
    put_fill(&wire, 1, 128);
    put_fmt0(&wire, 6, 100, 300, 9);
    refused(0);
}
END_TEST

START_TEST(type1_within_a_message_repeats_or_is_refused)
{
    put_fmt1(&wire, 6, 100, 130, 9);
    put_fill(&wire, 1, 128);
    put_fmt1(&wire, 6, 100, 130, 9);
    put_fill(&wire, 1, 2);
    gives("9@100+130 ");
    put_fmt1(&wire, 6, 100, 130, 9);
    put_fill(&wire, 1, 128);
    put_fmt1(&wire, 6, 100, 131, 9);
    refused(1);
}
END_TEST

START_TEST(extended_absolute_and_delta)
{
    put_fmt0(&wire, 6, 0x01000000, 1, 9);
    put_fill(&wire, 1, 1);
    put_fmt1(&wire, 6, 0x01000001, 1, 9);
    put_fill(&wire, 1, 1);
    put_fmt2(&wire, 6, 0x02000000);
    put_fill(&wire, 1, 1);
    put_fmt2(&wire, 6, 5);
    put_fill(&wire, 1, 1);
    put_fmt3(&wire, 6); /* 5 was not extended: no timestamp is repeated */
    put_fill(&wire, 1, 1);
    gives("9@16777216+1 9@33554433+1 9@67108865+1 9@67108870+1 9@67108875+1 ");
}
END_TEST

START_TEST(extended_repeated)
{
    put_fmt0(&wire, 6, 0x01020304, 200, 9);
    put_fill(&wire, 9, 128);
    put_fmt3(&wire, 6);
    put_be(&wire, 0x01020304, 4);
    put_fill(&wire, 9, 72);
    /* A message that starts with type 3 repeats it, too, as its delta. */
    put_fmt3(&wire, 6);
    put_be(&wire, 0x01020304, 4);
    put_fill(&wire, 9, 128);
    put_fmt3(&wire, 6);
    put_be(&wire, 0x01020304, 4);
    put_fill(&wire, 9, 72);
    gives("9@16909060+200 9@33818120+200 ");
}
END_TEST

START_TEST(extended_not_repeated)
{
    put_fmt0(&wire, 6, 0x01020304, 200, 9);
    put_fill(&wire, 9, 128);
    put_fmt3(&wire, 6);
    put_fill(&wire, 9, 72);
    put_fmt0(&wire, 4, 5, 1, 8);
    put_fill(&wire, 1, 1);
    gives("9@16909060+200 8@5+1 ");
}
END_TEST

START_TEST(extended_delta_repeated_as_absolute)
{
    put_fmt0(&wire, 6, 0x01000000, 1, 9);
    put_fill(&wire, 1, 1);
    put_fmt1(&wire, 6, 0x01000001, 200, 9);
    put_fill(&wire, 9, 128);
    put_fmt3(&wire, 6);
    put_be(&wire, 0x02000001, 4);
    put_fill(&wire, 9, 72);
    gives("9@16777216+1 9@33554433+200 ");
}
END_TEST

/* Payload that starts like the timestamp but is not one: the bytes are given back. */
START_TEST(extended_not_repeated_but_alike)
{
    for (size_t alike = 1; alike <= 3; alike++) {
        for (size_t rest = 1; rest <= 6; rest++) {
            static const uint8_t field[] = {0x01, 0x02, 0x03, 0x04};
            char lines[64];

            buf_consume(&wire, wire.len);
            put_fmt0(&wire, 6, 0x01020304, (uint32_t)(128 + rest), 9);
            put_fill(&wire, 9, 128);
            put_fmt3(&wire, 6);
            for (size_t i = 0; i < rest; i++)
                put_be(&wire, i < alike ? field[i] : 0x55, 1);
            put_fmt0(&wire, 5, 5, 2, 8);
            put_fill(&wire, 1, 2);
            put_fmt0(&wire, 5, 6, 0, 8);
            snprintf(lines, sizeof(lines), "9@16909060+%zu 8@5+2 8@6+0 ", 128 + rest);
            gives(lines);
        }
    }
}
END_TEST

START_TEST(empty_messages)
{
    put_fmt0(&wire, 4, 5, 0, 8);
    put_fmt3(&wire, 4);
    put_fmt0(&wire, 6, 5, 0, 9);
    put_fmt0(&wire, 4, 9, 1, 8);
    put_fill(&wire, 1, 1);
    gives("8@5+0 8@10+0 9@5+0 8@9+1 ");
}
END_TEST

START_TEST(all_chunk_stream_ids)
{
    struct heard heard;

    put_be(&wire, 0x00, 1); /* two bytes: 64 + 7 */
    put_be(&wire, 7, 1);
    put_be(&wire, 0, 3);
    put_be(&wire, 1, 3);
    put_be(&wire, 8, 1);
    put_be(&wire, 0, 4);
    put_be(&wire, 0xee, 1);
    put_be(&wire, 0x01, 1); /* three bytes: 64 + 7 + 256: another stream */
    put_be(&wire, 0x0701, 2);
    put_be(&wire, 9, 3);
    put_be(&wire, 1, 3);
    put_be(&wire, 9, 1);
    put_be(&wire, 0, 4);
    put_be(&wire, 0xee, 1);
    put_be(&wire, 0x81, 1); /* the three-byte form of 71 is the same stream as the first */
    put_be(&wire, 0x0700, 2);
    put_be(&wire, 3, 3);
    put_be(&wire, 0xee, 1);
    gives("8@0+1 9@9+1 8@3+1 ");
    heard = hear(&test_limits, buf_data(&wire), wire.len, wire.len, 1);
    ck_assert_uint_eq(heard.last.csid, 71);
    ck_assert_ptr_nonnull(strstr(heard_text(&heard), "9 9 327 0 1"));
    buf_fini(&heard.text);
}
END_TEST

START_TEST(chunk_size_changes_within_a_message)
{
    put_fmt0(&wire, 6, 100, 300, 9);
    put_fill(&wire, 1, 128);
    put_control(&wire, RTMP_SET_CHUNK_SIZE, 10);
    put_fmt3(&wire, 6);
    put_fill(&wire, 1, 10);
    put_control(&wire, RTMP_SET_CHUNK_SIZE, 1000);
    put_fmt3(&wire, 6);
    put_fill(&wire, 1, 162);
    gives("1@0+4 1@0+4 9@100+300 ");
}
END_TEST

START_TEST(chunk_size_of_one)
{
    put_control(&wire, RTMP_SET_CHUNK_SIZE, 1);
    put_fmt0(&wire, 6, 0x01000000, 3, 9);
    put_fill(&wire, 1, 1);
    put_fmt3(&wire, 6);
    put_be(&wire, 0x01000000, 4);
    put_fill(&wire, 1, 1);
    put_fmt3(&wire, 6);
    put_be(&wire, 0x01000000, 4);
    put_fill(&wire, 1, 1);
    gives("1@0+4 9@16777216+3 ");
}
END_TEST

START_TEST(chunk_sizes_refused)
{
    static const uint32_t bad[] = {0, 0x80000000, 0xffffffff};

    for (size_t i = 0; i < 3; i++) {
        buf_consume(&wire, wire.len);
        put_control(&wire, RTMP_SET_CHUNK_SIZE, bad[i]);
        refused(0);
    }
    buf_consume(&wire, wire.len);
    put_fmt0(&wire, 2, 0, 3, RTMP_SET_CHUNK_SIZE);
    put_fill(&wire, 1, 3);
    refused(0);
}
END_TEST

START_TEST(abort_drops_a_message)
{
    put_fmt0(&wire, 6, 100, 300, 9);
    put_fill(&wire, 1, 128);
    put_control(&wire, RTMP_ABORT, 6);
    put_control(&wire, RTMP_ABORT, 7); /* of no message: ignored */
    put_fmt1(&wire, 6, 5, 1, 9);
    put_fill(&wire, 1, 1);
    gives("2@0+4 2@0+4 9@105+1 ");
    put_fmt0(&wire, 2, 0, 2, RTMP_ABORT);
    put_fill(&wire, 0, 2);
    refused(3);
}
END_TEST

START_TEST(message_length_is_bounded)
{
    put_fmt0(&wire, 6, 0, 1024 * 1024 + 1, 9);
    refused(0);
    buf_consume(&wire, wire.len);
    put_fmt0(&wire, 6, 0, 1024 * 1024, 9);
    gives("");
}
END_TEST

START_TEST(chunk_streams_are_bounded)
{
    for (uint8_t csid = 3; csid < 11; csid++)
        put_fmt0(&wire, csid, csid, 0, 8);
    gives("8@3+0 8@4+0 8@5+0 8@6+0 8@7+0 8@8+0 8@9+0 8@10+0 ");
    put_fmt0(&wire, 11, 11, 0, 8);
    refused(8);
}
END_TEST

START_TEST(unfinished_messages_are_bounded)
{
    struct rtmp_chunk_limits limits = test_limits;
    struct heard heard;

    limits.pending_max = 300;
    for (uint8_t csid = 3; csid < 5; csid++) {
        put_fmt0(&wire, csid, 0, 300, 8);
        put_fill(&wire, 1, 128);
    }
    heard = hear_splits(&limits, &wire);
    ck_assert_int_eq(heard.end, SCAN_MORE);
    buf_fini(&heard.text);
    put_fmt0(&wire, 5, 0, 300, 8);
    put_fill(&wire, 1, 128);
    heard = hear_splits(&limits, &wire);
    ck_assert_int_eq(heard.end, SCAN_BAD);
    buf_fini(&heard.text);
}
END_TEST

/* Messages in progress are finished; new ones have the new limits, larger or smaller. */
START_TEST(limits_change)
{
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&test_limits);
    struct rtmp_message m;
    size_t used;

    ck_assert_ptr_nonnull(in);
    put_fmt0(&wire, 6, 0, 300, 9);
    put_fill(&wire, 1, 128);
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire), wire.len, &used, &m), SCAN_MORE);
    buf_consume(&wire, wire.len);
    rtmp_chunk_in_limit(in, 200, 200);
    for (size_t left = 172; left > 0; left -= left < 128 ? left : 128) {
        put_fmt3(&wire, 6);
        put_fill(&wire, 1, left < 128 ? left : 128);
    }
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire), wire.len, &used, &m), SCAN_DONE);
    ck_assert_uint_eq(m.len, 300);
    buf_consume(&wire, wire.len);
    rtmp_chunk_in_limit(in, 400, 400);
    put_fmt0(&wire, 6, 0, 400, 9);
    put_fill(&wire, 1, 128);
    for (int i = 0; i < 3; i++) {
        put_fmt3(&wire, 6);
        put_fill(&wire, 1, i < 2 ? 128 : 16);
    }
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire), wire.len, &used, &m), SCAN_DONE);
    ck_assert_uint_eq(m.len, 400);
    buf_consume(&wire, wire.len);
    rtmp_chunk_in_limit(in, 200, 200);
    put_fmt0(&wire, 6, 0, 201, 9);
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&wire), wire.len, &used, &m), SCAN_BAD);
    rtmp_chunk_in_free(in);
}
END_TEST

START_TEST(truncated_gives_nothing_more)
{
    put_fmt0(&wire, 6, 0x01000000, 130, 9);
    put_fill(&wire, 1, 128);
    put_fmt3(&wire, 6);
    put_be(&wire, 0x01000000, 4);
    put_fill(&wire, 1, 2);
    for (size_t len = 0; len < wire.len; len++) {
        struct heard heard = hear(&test_limits, buf_data(&wire), len, 1 + len, 1);

        ck_assert_int_eq(heard.end, SCAN_MORE);
        ck_assert_uint_eq(heard.count, 0);
        buf_fini(&heard.text);
    }
    gives("9@16777216+130 ");
}
END_TEST

Suite *check_rtmp_chunk_suite(void)
{
    Suite *suite = suite_create("rtmp_chunk");
    TCase *tc = tcase_create("chunks");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, whole_messages_are_not_copied);
    tcase_add_test(tc, an_announced_length_allocates_nothing);
    tcase_add_test(tc, deltas_add_up);
    tcase_add_test(tc, type3_after_type0_adds_its_timestamp);
    tcase_add_test(tc, time_wraps);
    tcase_add_test(tc, type1_may_begin);
    tcase_add_test(tc, type2_and_3_may_not_begin);
    tcase_add_test(tc, interleaved);
    tcase_add_test(tc, no_type0_within_a_message);
    tcase_add_test(tc, type1_within_a_message_repeats_or_is_refused);
    tcase_add_test(tc, extended_absolute_and_delta);
    tcase_add_test(tc, extended_repeated);
    tcase_add_test(tc, extended_not_repeated);
    tcase_add_test(tc, extended_delta_repeated_as_absolute);
    tcase_add_test(tc, extended_not_repeated_but_alike);
    tcase_add_test(tc, empty_messages);
    tcase_add_test(tc, all_chunk_stream_ids);
    tcase_add_test(tc, chunk_size_changes_within_a_message);
    tcase_add_test(tc, chunk_size_of_one);
    tcase_add_test(tc, chunk_sizes_refused);
    tcase_add_test(tc, abort_drops_a_message);
    tcase_add_test(tc, message_length_is_bounded);
    tcase_add_test(tc, chunk_streams_are_bounded);
    tcase_add_test(tc, unfinished_messages_are_bounded);
    tcase_add_test(tc, limits_change);
    tcase_add_test(tc, truncated_gives_nothing_more);
    suite_add_tcase(suite, tc);
    return suite;
}
