/* Answers of two workers about the same things. */
#include "app/control/api_merge.h"

#include <check.h>

Suite *check_api_merge_suite(void);

static void merged(const char *name, const char *one, const char *other, const char *want)
{
    json_t *to = json_loads(one, 0, NULL);
    json_t *from = json_loads(other, 0, NULL);
    json_t *expected = json_loads(want, 0, NULL);

    ck_assert(to != NULL && from != NULL && expected != NULL);
    api_merge_add(api_merge_find(name), to, from);
    if (!json_equal(to, expected)) {
        char *text = json_dumps(to, JSON_SORT_KEYS);

        ck_abort_msg("%s: %s", name, text);
    }
    json_decref(to);
    json_decref(from);
    json_decref(expected);
}

START_TEST(streams)
{
    /* Two workers with viewers; the second has the publisher. */
    merged(
        "streams",
        "{\"id\":\"x\",\"clients\":2,\"frames\":0,\"kbps\":{\"recv_30s\":0,\"send_30s\":5},"
        "\"publish\":{\"active\":false,\"cid\":\"\"},\"video\":null,\"tcUrl\":\"a\",\"live_ms\":7}",
        "{\"id\":\"x\",\"clients\":3,\"frames\":9,\"kbps\":{\"recv_30s\":4,\"send_30s\":1},"
        "\"publish\":{\"active\":true,\"cid\":\"p\"},\"video\":{\"codec\":\"H264\"},"
        "\"tcUrl\":\"b\",\"live_ms\":8}",
        "{\"id\":\"x\",\"clients\":5,\"frames\":9,\"kbps\":{\"recv_30s\":4,\"send_30s\":6},"
        "\"publish\":{\"active\":true,\"cid\":\"p\"},\"video\":{\"codec\":\"H264\"},"
        "\"tcUrl\":\"b\",\"live_ms\":7}");
    /* And the other way round: the first one's facts stay. */
    merged("streams", "{\"clients\":1,\"publish\":{\"active\":true},\"tcUrl\":\"b\"}",
           "{\"clients\":1,\"publish\":{\"active\":false},\"tcUrl\":\"a\"}",
           "{\"clients\":2,\"publish\":{\"active\":true},\"tcUrl\":\"b\"}");
}
END_TEST

START_TEST(processes)
{
    merged("summaries",
           "{\"self\":{\"cpu_percent\":0.25,\"mem_kbyte\":10,\"pid\":7},\"system\":{\"cpus\":2,"
           "\"cpu_percent\":0.5,\"conn_srs\":1},\"memory\":{\"used\":5,\"streams\":1}}",
           "{\"self\":{\"cpu_percent\":0.5,\"mem_kbyte\":20,\"pid\":7},\"system\":{\"cpus\":2,"
           "\"cpu_percent\":0.5,\"conn_srs\":2},\"memory\":{\"used\":5,\"streams\":2}}",
           "{\"self\":{\"cpu_percent\":0.75,\"mem_kbyte\":30,\"pid\":7},\"system\":{\"cpus\":2,"
           "\"cpu_percent\":0.5,\"conn_srs\":3},\"memory\":{\"used\":5,\"streams\":3}}");
    merged("rusages", "{\"ru_utime\":1,\"ok\":true}", "{\"ru_utime\":2,\"ok\":true}",
           "{\"ru_utime\":3,\"ok\":true}");
    /* A member that only one of them has, or that has another type, is ignored. */
    merged("rusages", "{\"ru_utime\":1}", "{\"ru_utime\":\"x\",\"ru_stime\":4}",
           "{\"ru_utime\":1}");
    ck_assert_ptr_null(api_merge_find("versions"));
    ck_assert_ptr_null(api_merge_find(""));
}
END_TEST

Suite *check_api_merge_suite(void)
{
    Suite *suite = suite_create("api_merge");
    TCase *tc = tcase_create("api_merge");

    tcase_add_test(tc, streams);
    tcase_add_test(tc, processes);
    suite_add_tcase(suite, tc);
    return suite;
}
