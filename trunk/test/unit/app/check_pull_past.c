/* Where a pull begins: with the past, after its last frame, or, after refusals, elsewhere. */
#include "app/cluster/pull_dedup.h"
#include "app/cluster/pull_private.h"
#include "base/str.h"
#include "http_test.h"
#include "live/hub.h"
#include "media/flv.h"

#include <string.h>

Suite *check_pull_past_suite(void);

static struct hub *hub;
static struct source_config config;
static struct pull pull;

static void setup(void)
{
    http_test_runtime();
    memset(&pull, 0, sizeof(pull));
    config = (struct source_config){.gop_cache_max_frames = 2500,
                                    .gop_cache_max_bytes = 1 << 20,
                                    .queue_length = USEC_PER_SEC,
                                    .republish_wait = 60 * USEC_PER_SEC,
                                    .rewind = 60 * USEC_PER_SEC};
    hub = hub_new(2, 2);
    pull.source = hub_get(hub, "v/a/s", &config);
    ck_assert_ptr_nonnull(pull.source);
}

static void teardown(void)
{
    pull_dedup_free(pull.past);
    hub_free(hub);
}

/* The address's query for the next try. */
static const char *next_query(const char *query)
{
    static char text[64];

    pull_past_choose(&pull);
    ck_assert_int_eq(str_copy(text, sizeof(text), query), 0);
    ck_assert_int_eq(pull_past_query(&pull, "?", text, sizeof(text)), 0);
    return text;
}

static void note(enum frame_type type, uint32_t timestamp)
{
    static const uint8_t body[] = {0xaf, 1, 0};
    struct frame frame;

    flv_frame_parse(&frame, type, timestamp, body, sizeof(body));
    pull_past_note(&pull, &frame);
}

/* It was live, and has lost its connection. */
static void interrupt(void)
{
    pull.past = pull_dedup_new();
    ck_assert_ptr_nonnull(pull.past);
    ck_assert_int_eq(source_publish(pull.source, &config, clock_now()), 0);
    source_unpublish(pull.source, clock_now());
    ck_assert_int_eq(source_state(pull.source), SOURCE_INTERRUPTED);
}

static int refuses(enum err_code code)
{
    struct err *err = err_new(code, "refused");
    int is_refused = pull_past_is_refused(&pull, err);

    err_free(err);
    return is_refused;
}

START_TEST(test_first_try)
{
    char small[12] = "";

    ck_assert_str_eq(next_query(""), "?startPts=-60000");
    ck_assert_str_eq(next_query("?k=v"), "?k=v&startPts=-60000");
    ck_assert_int_eq(pull_sends_past(&pull), 1);
    ck_assert_int_eq(pull_past_query(&pull, "?", small, sizeof(small)), -1);
    config.rewind = 0;
    source_reconfigure(pull.source, &config);
    ck_assert_str_eq(next_query("?k=v"), "?k=v");
    ck_assert_int_eq(pull_sends_past(&pull), 0);
}
END_TEST

START_TEST(test_resumes)
{
    struct err *err;

    interrupt();
    ck_assert_str_eq(next_query(""), "?startPts=-60000"); /* nothing was delivered */
    note(FRAME_VIDEO, 5000);
    ck_assert_str_eq(next_query(""), "?startPts=5000");
    note(FRAME_AUDIO, 4980);
    ck_assert_str_eq(next_query(""), "?startPts=4980");
    ck_assert_int_eq(pull_sends_past(&pull), 0);
    err = pull_past_check(&pull); /* no known frame has come */
    ck_assert_ptr_nonnull(err);
    err_free(err);
    note(FRAME_AUDIO, 0xfffffff0); /* before 0 */
    ck_assert_str_eq(next_query(""), "?startPts=4294967280");
    note(FRAME_AUDIO, 0);
    note(FRAME_VIDEO, 0);
    ck_assert_str_eq(next_query(""), "?startPts=1"); /* 0 means live */
}
END_TEST

/* Another worker's frames are passed on as they come: the past only if nothing was delivered yet.
 */
START_TEST(test_worker_pull)
{
    interrupt();
    pull_dedup_free(pull.past);
    pull.past = NULL;
    ck_assert_str_eq(next_query(""), "?startPts=-60000");
    note(FRAME_VIDEO, 5000);
    /* No viewer has anything that the past would repeat. */
    ck_assert_str_eq(next_query(""), "?startPts=-60000");
}
END_TEST

/* The origin has another timeline, and then nothing of the past either. */
START_TEST(test_refused)
{
    interrupt();
    note(FRAME_VIDEO, 5000);
    pull.is_requested = 1;
    ck_assert_str_eq(next_query(""), "?startPts=5000");
    ck_assert_int_eq(refuses(ERR_TIMEOUT), 0);
    ck_assert_int_eq(refuses(ERR_NOT_FOUND), 1);
    /* As much as was missed, and a little more. */
    ck_assert_str_ne(next_query(""), "");
    ck_assert_int_eq(pull.start.kind, SOURCE_START_BACK);
    ck_assert_int_lt(pull.start.ms, 60000);
    ck_assert_int_eq(refuses(ERR_NOT_FOUND), 1);
    ck_assert_str_eq(next_query(""), "");
    ck_assert_int_eq(refuses(ERR_NOT_FOUND), 0);
}
END_TEST

/* Another origin than the one that sent the last frame: two tries instead of three. */
START_TEST(test_elsewhere)
{
    interrupt();
    note(FRAME_VIDEO, 5000);
    pull.is_requested = 1;
    pull.at = 1;
    ck_assert_str_ne(next_query(""), "");
    ck_assert_int_eq(pull.start.kind, SOURCE_START_BACK);
    ck_assert_int_eq(refuses(ERR_NOT_FOUND), 1);
    ck_assert_str_eq(next_query(""), "");
    pull.at = 0;
    pull.refused = 0;
    ck_assert_str_eq(next_query(""), "?startPts=5000");
}
END_TEST

/* A first try has no frame to look for: after a refusal it asks for the live end. */
START_TEST(test_refused_at_first)
{
    pull.is_requested = 1;
    ck_assert_str_eq(next_query(""), "?startPts=-60000");
    ck_assert_int_eq(refuses(ERR_DENIED), 1);
    ck_assert_str_eq(next_query(""), "");
}
END_TEST

Suite *check_pull_past_suite(void)
{
    Suite *suite = suite_create("pull_past");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_first_try);
    tcase_add_test(tc, test_resumes);
    tcase_add_test(tc, test_worker_pull);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_elsewhere);
    tcase_add_test(tc, test_refused_at_first);
    suite_add_tcase(suite, tc);
    return suite;
}
