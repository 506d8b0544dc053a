/* Commands parsed and written, aggregates with every kind of end. */
#include "proto/rtmp_message.h"

#include "rtmp_test.h"

Suite *check_rtmp_message_suite(void);

static struct buf body;

static void setup(void)
{
    buf_init(&body, TEST_BYTES_MAX);
}

static void teardown(void)
{
    buf_fini(&body);
}

static enum scan command_of(struct rtmp_command *command, uint8_t type, size_t len)
{
    struct rtmp_message m = {.type = type, .data = buf_data(&body), .len = len};

    return rtmp_message_command_read(command, &m);
}

static void publish_put(void)
{
    ck_assert_int_eq(amf0_write_string(&body, "publish"), 0);
    ck_assert_int_eq(amf0_write_number(&body, 5), 0);
    ck_assert_int_eq(amf0_write_null(&body), 0);
    ck_assert_int_eq(amf0_write_string(&body, "livestream"), 0);
    ck_assert_int_eq(amf0_write_string(&body, "live"), 0);
}

static void publish_is(uint8_t type)
{
    struct rtmp_command command;

    ck_assert_int_eq(command_of(&command, type, body.len), SCAN_DONE);
    ck_assert_str_eq(command.name, "publish");
    ck_assert(command.transaction == 5);
    ck_assert_uint_eq(command.arg_count, 3);
    ck_assert_ptr_null(rtmp_message_command_string(&command, 0));
    ck_assert_str_eq(rtmp_message_command_string(&command, 1), "livestream");
    ck_assert_str_eq(rtmp_message_command_string(&command, 2), "live");
    ck_assert_ptr_null(rtmp_message_command_string(&command, 3));
    ck_assert(rtmp_message_command_number(&command, 3, -7) == -7);
    rtmp_message_command_fini(&command);
}

START_TEST(amf0_command)
{
    publish_put();
    publish_is(RTMP_AMF0_COMMAND);
}
END_TEST

START_TEST(amf3_wrapped_command)
{
    put_be(&body, 0, 1);
    publish_put();
    publish_is(RTMP_AMF3_COMMAND);
    /* Some leave the zero out. */
    buf_consume(&body, body.len);
    publish_put();
    publish_is(RTMP_AMF3_COMMAND);
}
END_TEST

START_TEST(amf3_value_ends_the_arguments)
{
    struct rtmp_command command;

    ck_assert_int_eq(amf0_write_string(&body, "call"), 0);
    ck_assert_int_eq(amf0_write_number(&body, 5), 0);
    ck_assert_int_eq(amf0_write_null(&body), 0);
    put_be(&body, 0x1106, 2);
    ck_assert_int_eq(command_of(&command, RTMP_AMF3_COMMAND, body.len), SCAN_DONE);
    ck_assert_uint_eq(command.arg_count, 1);
    rtmp_message_command_fini(&command);
}
END_TEST

START_TEST(truncated_commands)
{
    /* The ends of whole values; anywhere else the command is malformed. */
    static const size_t ends[] = {10, 19, 20, 33, 40};
    struct rtmp_command command;
    size_t found = 0;

    publish_put();
    ck_assert_uint_eq(body.len, 40);
    for (size_t len = 0; len <= body.len; len++) {
        uint8_t *piece = malloc(len + 1);
        struct rtmp_message m = {.type = RTMP_AMF0_COMMAND, .data = piece, .len = len};
        enum scan scan;

        memcpy(piece, buf_data(&body), len);
        scan = rtmp_message_command_read(&command, &m);
        if (found < 5 && len == ends[found]) {
            ck_assert_int_eq(scan, SCAN_DONE);
            rtmp_message_command_fini(&command);
            found++;
        } else {
            ck_assert_int_eq(scan, SCAN_BAD);
        }
        free(piece);
    }
    ck_assert_uint_eq(found, 5);
}
END_TEST

START_TEST(odd_commands)
{
    struct rtmp_command command;

    ck_assert_int_eq(amf0_write_number(&body, 5), 0); /* no name */
    ck_assert_int_eq(command_of(&command, RTMP_AMF0_COMMAND, body.len), SCAN_BAD);
    buf_consume(&body, body.len);
    /* A name over our limit is truncated; a NUL in an argument hides nothing. */
    put_be(&body, 0x020064, 3);
    put_fill(&body, 'x', 100);
    ck_assert_int_eq(amf0_write_number(&body, 1), 0);
    ck_assert_int_eq(amf0_write_null(&body), 0);
    put_be(&body, 0x020003, 3);
    put_be(&body, 0x610062, 3);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(amf0_write_null(&body), 0);
    ck_assert_int_eq(command_of(&command, RTMP_AMF0_COMMAND, body.len), SCAN_DONE);
    ck_assert_uint_eq(strlen(command.name), RTMP_COMMAND_NAME_MAX - 1);
    ck_assert_uint_eq(command.arg_count, RTMP_COMMAND_ARGS_MAX);
    ck_assert_ptr_null(rtmp_message_command_string(&command, 1));
    rtmp_message_command_fini(&command);
    /* Too long. */
    buf_consume(&body, body.len);
    ck_assert_int_eq(amf0_write_string(&body, "call"), 0);
    put_fill(&body, 5, RTMP_COMMAND_MAX);
    ck_assert_int_eq(command_of(&command, RTMP_AMF0_COMMAND, body.len), SCAN_BAD);
}
END_TEST

START_TEST(data_is_unwrapped)
{
    struct rtmp_message m = {
        .type = RTMP_AMF3_DATA, .data = (const uint8_t *)"\0\2\0\1a", .len = 5};

    ck_assert_int_eq(rtmp_message_data_unwrap(&m), 0);
    ck_assert_uint_eq(m.type, RTMP_AMF0_DATA);
    ck_assert_uint_eq(m.len, 4);
    ck_assert_int_eq(rtmp_message_data_unwrap(&m), 0);
    ck_assert_uint_eq(m.len, 4);
    m = (struct rtmp_message){.type = RTMP_AMF3_DATA, .data = (const uint8_t *)"\6", .len = 1};
    ck_assert_int_eq(rtmp_message_data_unwrap(&m), -1);
    m.len = 0;
    ck_assert_int_eq(rtmp_message_data_unwrap(&m), -1);
}
END_TEST

static void tag_put(uint8_t type, uint32_t timestamp, uint32_t len)
{
    put_be(&body, type, 1);
    put_be(&body, len, 3);
    put_be(&body, timestamp & 0xffffff, 3);
    put_be(&body, timestamp >> 24, 1);
    put_be(&body, 0, 3);
    put_fill(&body, type, len);
    put_be(&body, len + 11, 4);
}

/* The number of tags in the first len bytes; the time of the last one. */
static size_t aggregate_count(size_t len, uint32_t timestamp, uint32_t *last)
{
    uint8_t *piece = malloc(len + 1);
    struct rtmp_message m = {.type = RTMP_AGGREGATE, .timestamp = timestamp, .data = piece};
    struct rtmp_aggregate aggregate = {0};
    size_t count = 0;

    memcpy(piece, buf_data(&body), len);
    m.len = len;
    rtmp_message_aggregate_start(&aggregate, &m);
    while (rtmp_message_aggregate_next(&aggregate, &m) == SCAN_DONE) {
        for (size_t i = 0; i < m.len; i++)
            ck_assert_uint_eq(m.data[i], m.type);
        *last = m.timestamp;
        count++;
    }
    ck_assert_int_eq(rtmp_message_aggregate_next(&aggregate, &m), SCAN_MORE);
    free(piece);
    return count;
}

START_TEST(aggregates)
{
    uint32_t last = 0;

    tag_put(9, 0x01000005, 20);
    tag_put(8, 0x01000008, 0);
    tag_put(8, 0x01000010, 3);
    ck_assert_uint_eq(aggregate_count(body.len, 5000, &last), 3);
    ck_assert_uint_eq(last, 5000 + 11);
    /* Truncated anywhere: whole tags are returned, with or without the last back pointer. */
    for (size_t len = 0; len < body.len; len++) {
        size_t want = len < 31 ? 0 : len < 46 ? 1 : len < 64 ? 2 : 3;

        ck_assert_uint_eq(aggregate_count(len, 5000, &last), want);
    }
}
END_TEST

START_TEST(aggregate_time_wraps)
{
    uint32_t last = 0;

    tag_put(9, 100, 1);
    tag_put(9, 140, 1);
    ck_assert_uint_eq(aggregate_count(body.len, 0xfffffff0, &last), 2);
    ck_assert_uint_eq(last, 24);
}
END_TEST

START_TEST(calls_are_written)
{
    struct rtmp_call call = {.name = "onStatus", .transaction = 3, .stream_id = 1};
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&test_limits);
    struct rtmp_command command;
    struct rtmp_message m;
    size_t used;

    call.info = rtmp_message_status("status", "Some.Code", "why");
    ck_assert_int_eq(rtmp_message_call_write(&body, 128, &call), 0);
    ck_assert_int_eq(rtmp_chunk_in_feed(in, buf_data(&body), body.len, &used, &m), SCAN_DONE);
    ck_assert_uint_eq(m.stream_id, 1);
    ck_assert_int_eq(rtmp_message_command_read(&command, &m), SCAN_DONE);
    ck_assert_str_eq(command.name, "onStatus");
    ck_assert(command.transaction == 3);
    ck_assert_int_eq(command.arg[0]->type, AMF0_NULL);
    ck_assert_str_eq(amf0_get_string(command.arg[1], "level"), "status");
    ck_assert_str_eq(amf0_get_string(command.arg[1], "code"), "Some.Code");
    ck_assert_str_eq(amf0_get_string(command.arg[1], "description"), "why");
    rtmp_message_command_fini(&command);
    rtmp_chunk_in_free(in);
}
END_TEST

START_TEST(writers_keep_the_maximum)
{
    struct rtmp_call call = {.name = "onStatus"};
    struct buf small;

    buf_init(&small, 16);
    ck_assert_int_eq(rtmp_message_control_write(&small, RTMP_ACK, 1), 0);
    ck_assert_int_eq(rtmp_message_control_write(&small, RTMP_ACK, 1), -1);
    ck_assert_int_eq(rtmp_message_user_write(&small, RTMP_USER_PING_RESPONSE, 1), -1);
    ck_assert_int_eq(rtmp_message_bandwidth_write(&small, 1, 2), -1);
    ck_assert_int_eq(rtmp_message_user_buffer_write(&small, 1, 2), -1);
    ck_assert_int_eq(rtmp_message_sample_access_write(&small, 128, 1), -1);
    call.info = rtmp_message_status("a", "b", "c"); /* taken over all the same */
    ck_assert_int_eq(rtmp_message_call_write(&small, 128, &call), -1);
    ck_assert_uint_eq(small.len, 16);
    buf_fini(&small);
}
END_TEST

Suite *check_rtmp_message_suite(void)
{
    Suite *suite = suite_create("rtmp_message");
    TCase *tc = tcase_create("messages");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, amf0_command);
    tcase_add_test(tc, amf3_wrapped_command);
    tcase_add_test(tc, amf3_value_ends_the_arguments);
    tcase_add_test(tc, truncated_commands);
    tcase_add_test(tc, odd_commands);
    tcase_add_test(tc, data_is_unwrapped);
    tcase_add_test(tc, aggregates);
    tcase_add_test(tc, aggregate_time_wraps);
    tcase_add_test(tc, calls_are_written);
    tcase_add_test(tc, writers_keep_the_maximum);
    suite_add_tcase(suite, tc);
    return suite;
}
