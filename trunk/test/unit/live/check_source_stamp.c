/* Time stamps: once a second, after the frame that they describe, where a format carries them; and
 * what becomes of those that a publisher sends. */
#include "live_kit.h"
#include "media/stamp.h"

Suite *check_source_stamp_suite(void);

#define WALL_MS INT64_C(1796083200000)

struct stamped {
    struct kit kit;
    int asked;
    int is_off;
};

/* A wall clock that runs with the kit's. */
static int64_t on_stamp(struct source *source, void *arg)
{
    struct stamped *stamped = arg;

    (void)source;
    stamped->asked++;
    return stamped->is_off ? 0 : WALL_MS + stamped->kit.now / USEC_PER_MS;
}

static struct stamped *stamped_open(void)
{
    struct stamped *stamped = calloc(1, sizeof(*stamped));
    struct source_events events = {.on_stamp = on_stamp, .arg = stamped};

    ck_assert_ptr_nonnull(stamped);
    kit_open(&stamped->kit);
    source_set_events(stamped->kit.source, &events);
    return stamped;
}

static void stamped_close(struct stamped *stamped)
{
    kit_close(&stamped->kit);
    free(stamped);
}

/* The stamps that a viewer has received, and the index of each tag. */
static int stamps_of(const struct kit_seen *seen, struct stamp *out, int *at, int max)
{
    int count = 0;

    for (int i = 0; i < seen->count; i++) {
        const struct kit_tag *tag = &seen->tag[i];

        if (tag->type != FRAME_SCRIPT || !stamp_is(tag->body, tag->len))
            continue;
        ck_assert_int_lt(count, max);
        ck_assert_int_eq(stamp_read(tag->body, tag->len, &out[count]), 0);
        at[count++] = i;
    }
    return count;
}

START_TEST(once_a_second_after_its_frame)
{
    struct stamped *stamped = stamped_open();
    struct kit *kit = &stamped->kit;
    struct kit_seen *seen = kit_watch(kit, &mux_flv);
    usec_t from = kit->now;
    struct stamp stamp[8];
    int at[8];

    kit_publish(kit);
    kit_start(kit, 0, 63);
    kit_take(seen);
    ck_assert_int_eq(stamps_of(seen, stamp, at, 8), 3);
    for (int i = 0; i < 3; i++) {
        const struct kit_tag *frame = &seen->tag[at[i] - 1];

        ck_assert_int_eq(frame->type, FRAME_VIDEO);
        ck_assert_uint_eq(seen->tag[at[i]].ms, frame->ms);
        ck_assert_int_eq(stamp[i].pts_ms, frame->ms);
        ck_assert_int_eq(stamp[i].pts_ms, i * 1000);
        ck_assert_int_eq(stamp[i].time_ms, WALL_MS + from / USEC_PER_MS + i * 1000);
        ck_assert_int_eq(stamp[i].encoder_ms, 0);
    }
    ck_assert_int_eq(stamped->asked, 3);
    stamped_close(stamped);
}
END_TEST

START_TEST(off_is_asked_again)
{
    struct stamped *stamped = stamped_open();
    struct kit *kit = &stamped->kit;
    struct kit_seen *seen = kit_watch(kit, &mux_flv);
    struct stamp stamp[8];
    int at[8];

    stamped->is_off = 1;
    kit_publish(kit);
    kit_start(kit, 0, 50);
    kit_take(seen);
    ck_assert_int_eq(stamps_of(seen, stamp, at, 8), 0);
    ck_assert_int_eq(stamped->asked, 2);
    stamped->is_off = 0; /* a reload */
    kit_run(kit, 2000, 25);
    kit_take(seen);
    ck_assert_int_eq(stamps_of(seen, stamp, at, 8), 1);
    stamped_close(stamped);
}
END_TEST

START_TEST(audio_alone_is_stamped)
{
    struct stamped *stamped = stamped_open();
    struct kit *kit = &stamped->kit;
    struct kit_seen *seen = kit_watch(kit, &mux_flv);
    struct stamp stamp[8];
    int at[8];

    kit_publish(kit);
    kit_aac_header(kit, 0, 0x10);
    for (uint32_t ms = 0; ms < 2000; ms += 20) {
        kit_audio(kit, ms);
        kit->now += 20 * USEC_PER_MS;
    }
    kit_take(seen);
    ck_assert_int_eq(stamps_of(seen, stamp, at, 8), 2);
    ck_assert_int_eq(stamp[1].pts_ms, 1000);
    stamped_close(stamped);
}
END_TEST

/* An AMF0 RTMP player must see no difference; another server gets the stamps. */
START_TEST(only_formats_that_carry_it)
{
    struct mux rtmp = mux_flv_all; /* tags that can be read back, without stamps */
    struct stamped *stamped = stamped_open();
    struct kit *kit = &stamped->kit;
    struct kit_seen *relay;
    struct kit_seen *live;
    struct kit_seen *late;
    struct stamp stamp[8];
    int at[8];

    rtmp.has_stamps = 0;
    live = kit_watch(kit, &rtmp);
    relay = kit_watch(kit, &mux_original);
    kit_publish(kit);
    kit_start(kit, 0, 30);
    kit_take(live);
    kit_take(relay);
    ck_assert_int_eq(stamps_of(relay, stamp, at, 8), 2);
    ck_assert_int_eq(stamps_of(live, stamp, at, 8), 0);
    /* Nor when it is filled from the FLV ring. */
    kit_leave(live);
    late = kit_watch(kit, &rtmp);
    kit_take(late);
    ck_assert_int_gt(late->count, 5);
    ck_assert_int_eq(stamps_of(late, stamp, at, 8), 0);
    kit_leave(late);
    stamped_close(stamped);
}
END_TEST

static void push_stamp(struct kit *kit, uint32_t ts, int64_t time_ms, int64_t pts_ms)
{
    const struct stamp stamp = {time_ms, pts_ms, WALL_MS - 1};
    uint8_t body[STAMP_MAX];

    kit_push(kit, FRAME_SCRIPT, ts, body, stamp_write(&stamp, body));
}

/* An old recording that is published again would claim old times. */
START_TEST(an_encoder_s_own_is_dropped)
{
    struct stamped *stamped = stamped_open();
    struct kit *kit = &stamped->kit;
    struct kit_seen *seen = kit_watch(kit, &mux_flv);
    struct stamp stamp[8];
    int at[8];

    kit_publish(kit);
    kit_start(kit, 0, 5);
    push_stamp(kit, 200, 1000, 200);
    kit_run(kit, 200, 5);
    kit_take(seen);
    ck_assert_int_eq(stamps_of(seen, stamp, at, 8), 1);
    ck_assert_int_gt(stamp[0].time_ms, WALL_MS);
    stamped_close(stamped);
}
END_TEST

START_TEST(another_server_s_is_passed_on)
{
    struct stamped *stamped = stamped_open();
    struct kit *kit = &stamped->kit;
    struct kit_seen *seen = kit_watch(kit, &mux_flv);
    struct stamp stamp[8];
    int at[8];

    kit->config.keeps_time = 1;
    kit_publish(kit);
    kit_start(kit, 50000, 5);
    push_stamp(kit, 50160, WALL_MS + 7, 50240);
    kit_run(kit, 50200, 100);
    kit_take(seen);
    ck_assert_int_eq(stamps_of(seen, stamp, at, 8), 1);
    ck_assert_int_eq(stamp[0].time_ms, WALL_MS + 7);
    ck_assert_int_eq(stamp[0].encoder_ms, WALL_MS - 1);
    /* Two frames after its own place, on the timeline of this server. */
    ck_assert_int_eq(stamp[0].pts_ms, (int64_t)seen->tag[at[0]].ms + 80);
    /* The origin sends none any more: this server's own. */
    kit_run(kit, 54200, 60);
    kit_take(seen);
    ck_assert_int_ge(stamps_of(seen, stamp, at, 8), 2);
    ck_assert_int_eq(stamp[1].encoder_ms, 0);
    stamped_close(stamped);
}
END_TEST

START_TEST(the_encoder_s_clock)
{
    /* A key frame whose SEI message has the clock 1796083200123456 us. */
    static const uint8_t key[] = {
        0x17, 1,    0,    0,    0,    0,    0,    0,    32,   6,   5,   28,  'M', 'I',  'S', 'P',
        'm',  'i',  'c',  'r',  'o',  's',  'e',  'c',  't',  'i', 'm', 'e', 31,  0,    6,   0xff,
        0x61, 0x87, 0xff, 0x35, 0x21, 0xff, 0x62, 0x40, 0x80, 0,   0,   0,   2,   0x65, 0xaa};
    struct stamped *stamped = stamped_open();
    struct kit *kit = &stamped->kit;
    struct kit_seen *seen = kit_watch(kit, &mux_flv);
    struct stamp stamp[8];
    int at[8];

    kit_publish(kit);
    kit_avc_header(kit, 0, 0x1f);
    kit_push(kit, FRAME_VIDEO, 0, key, sizeof(key));
    for (uint32_t ms = 40; ms < 1000; ms += 40) {
        kit->now += 40 * USEC_PER_MS;
        kit_video(kit, ms, 0);
    }
    kit_take(seen);
    ck_assert_int_eq(stamps_of(seen, stamp, at, 8), 1);
    ck_assert_int_eq(stamp[0].encoder_ms, WALL_MS + 123);
    stamped_close(stamped);
}
END_TEST

Suite *check_source_stamp_suite(void)
{
    Suite *suite = suite_create("source_stamp");
    TCase *tc = tcase_create("own");

    tcase_add_test(tc, once_a_second_after_its_frame);
    tcase_add_test(tc, off_is_asked_again);
    tcase_add_test(tc, audio_alone_is_stamped);
    tcase_add_test(tc, only_formats_that_carry_it);
    tcase_add_test(tc, the_encoder_s_clock);
    suite_add_tcase(suite, tc);
    tc = tcase_create("sent");
    tcase_add_test(tc, an_encoder_s_own_is_dropped);
    tcase_add_test(tc, another_server_s_is_passed_on);
    suite_add_tcase(suite, tc);
    return suite;
}
