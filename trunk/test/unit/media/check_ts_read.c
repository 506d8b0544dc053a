/* Reading packets: what ts.c writes, and what nobody should send. */
#include "media/ts_read.h"

#include <check.h>
#include <string.h>

Suite *check_ts_read_suite(void);

static const struct ts_program both = {
    .pcr_pid = TS_PID_VIDEO,
    .count = 2,
    .stream = {{TS_TYPE_H264, TS_PID_VIDEO}, {TS_TYPE_ADTS, TS_PID_AUDIO}}};
static const struct ts_program audio = {
    .pcr_pid = TS_PID_AUDIO, .count = 1, .stream = {{TS_TYPE_ADTS, TS_PID_AUDIO}}};

/* Copies what was written into out: the number of packets. */
static size_t take(struct ts_writer *writer, uint8_t *out, size_t cap)
{
    size_t len;
    const uint8_t *p = ts_writer_end(writer, &len);

    ck_assert_uint_le(len, cap);
    memcpy(out, p, len);
    return len / TS_PACKET_SIZE;
}

START_TEST(test_frames)
{
    static const uint64_t times[][2] = {
        {0, 0}, {3600, 0}, {TS_CLOCK_MASK, TS_CLOCK_MASK - 1}, {12345678, 12345678}};
    uint8_t payload[400] = {0}, out[8 * TS_PACKET_SIZE];
    struct ts_packet packet;
    struct ts_writer writer;

    ts_writer_init(&writer);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct ts_pes pes = {.pid = TS_PID_VIDEO,
                             .stream_id = TS_PES_VIDEO,
                             .has_pcr = i & 1,
                             .is_random_access = i == 2,
                             .pts = times[i][0],
                             .dts = times[i][1],
                             .len = sizeof(payload)};

        ck_assert_int_eq(ts_writer_begin(&writer, sizeof(payload)), 0);
        ts_pes_begin(&writer, &pes);
        ts_pes_put(&writer, payload, sizeof(payload));
        ck_assert_uint_eq(take(&writer, out, sizeof(out)), 3);
        ck_assert_int_eq(ts_read_packet(&packet, out), 0);
        ck_assert(packet.pid == TS_PID_VIDEO && packet.is_start && packet.has_time);
        ck_assert_int_eq(packet.is_random_access, i == 2);
        ck_assert_uint_eq(packet.dts, times[i][1]);
        ck_assert_int_eq(ts_read_packet(&packet, out + TS_PACKET_SIZE), 0);
        ck_assert(!packet.is_start && !packet.has_time && packet.payload != NULL);
    }
    ts_writer_fini(&writer);
}
END_TEST

START_TEST(test_tables)
{
    uint8_t out[8 * TS_PACKET_SIZE];
    struct ts_packet packet;
    struct ts_writer writer;

    ts_writer_init(&writer);
    ck_assert_int_eq(ts_writer_begin(&writer, 0), 0);
    ts_write_tables(&writer, &both);
    ts_write_tables(&writer, &audio);
    ts_write_pcr(&writer, TS_PID_VIDEO, 90000, 0);
    ck_assert_uint_eq(take(&writer, out, sizeof(out)), 5);
    ts_writer_fini(&writer);
    ck_assert_int_eq(ts_read_packet(&packet, out), 0);
    ck_assert(packet.pid == TS_PID_PAT && packet.is_start && !packet.has_time);
    ck_assert_int_eq(ts_read_packet(&packet, out + TS_PACKET_SIZE), 0);
    ck_assert_uint_eq(packet.pid, TS_PID_PMT);
    ck_assert_int_eq(ts_read_has_video(&packet), 1);
    /* A section that claims to be longer than its packet. */
    out[TS_PACKET_SIZE + 6] |= 0x0f;
    ck_assert_int_eq(ts_read_has_video(&packet), 0);
    ck_assert_int_eq(ts_read_packet(&packet, out + 3 * TS_PACKET_SIZE), 0);
    ck_assert_int_eq(ts_read_has_video(&packet), 0);
    ck_assert_int_eq(ts_read_packet(&packet, out + 4 * TS_PACKET_SIZE), 0);
    ck_assert(packet.payload == NULL && !packet.has_time);
    ck_assert_int_eq(ts_read_has_video(&packet), 0);
}
END_TEST

/* Every value of every byte of a head: nothing is read outside of the packet. */
START_TEST(test_hostile)
{
    uint8_t exact[TS_PACKET_SIZE];
    struct ts_packet packet;

    for (unsigned at = 0; at < 40; at++) {
        for (unsigned value = 0; value < 256; value++) {
            memset(exact, at & 1 ? 0xff : 0, sizeof(exact));
            memcpy(exact, "\x47\x50\x01\x30", 4);
            exact[4] = (uint8_t)value;
            exact[at] = (uint8_t)value;
            if (ts_read_packet(&packet, exact) != 0)
                continue;
            if (packet.payload != NULL)
                ck_assert(packet.payload + packet.payload_len == exact + sizeof(exact));
            (void)ts_read_has_video(&packet);
        }
    }
    exact[0] = 0x46;
    ck_assert_int_eq(ts_read_packet(&packet, exact), -1);
}
END_TEST

Suite *check_ts_read_suite(void)
{
    Suite *suite = suite_create("ts_read");
    TCase *tcase = tcase_create("ts_read");

    tcase_add_test(tcase, test_frames);
    tcase_add_test(tcase, test_tables);
    tcase_add_test(tcase, test_hostile);
    suite_add_tcase(suite, tcase);
    return suite;
}
