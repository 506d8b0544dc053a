/* The API over a hub with streams without real publishers: addresses, paging, ids, errors, hostile
 * names, and what each listener shows. */
#include "app/control/api_json.h"
#include "app/control/http_api.h"
#include "app/core/endpoint.h"
#include "app/http/serve_mux.h"
#include "app/stream/fanout.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "http_test.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

Suite *check_http_api_suite(void);

static struct http_test t;
static struct http_handler *api;
static const struct source_config source_config = {.gop_cache = 1,
                                                   .gop_cache_max_frames = 100,
                                                   .gop_cache_max_bytes = 1024 * 1024,
                                                   .guess_has_av = 1};
static char *own_item[] = {(char *)(uintptr_t) "1985"};
static char *web_item[] = {(char *)(uintptr_t) "8080", (char *)(uintptr_t) "[::]:8080"};

static struct err *serve_next(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    (void)self;
    return http_answer(x, 200, "text/plain", NULL, "next", 4, timeout);
}

static struct http_handler last = {serve_next, NULL};

static void setup(void)
{
    http_test_runtime();
    http_test_init(&t);
    t.config.http_api.enabled = 1;
    t.config.http_api.list = 1;
    t.x.config = &t.config;
    t.config.http_api.crossdomain = 1;
    t.config.http_api.listen.count = 1;
    t.config.http_api.listen.item = own_item;
    t.config.http_server.enabled = 1;
    t.config.http_server.listen.count = 2;
    t.config.http_server.listen.item = web_item;
    memcpy(t.server.server_id, "me", 3);
    t.server.hub = hub_new(20, 20);
    t.server.mux = serve_mux_new(20);
    ck_assert_ptr_nonnull(t.server.hub);
    observer_layout(&t.server);
    hub_on_new(t.server.hub, stream_attach, &t.server);
    hub_on_free(t.server.hub, stream_detach, &t.server);
    api = http_api_new(&last);
    ck_assert_ptr_nonnull(api);
}

static void teardown(void)
{
    free(api);
    hub_free(t.server.hub);
    serve_mux_free(t.server.mux);
    http_test_fini(&t);
}

static struct source *published(const char *key)
{
    struct source *source = hub_get(t.server.hub, key, &source_config);

    ck_assert_ptr_nonnull(source);
    ck_assert_int_eq(source_publish(source, &source_config, clock_now()), 0);
    return source;
}

/* Asks at http_api's own address; the answer is the caller's. */
static json_t *ask(const char *path, const char *query)
{
    json_error_t error;
    json_t *answer;

    http_test_request(&t, "GET", path);
    t.request.query = query;
    t.request.host = "localhost";
    t.x.is_api = 1;
    http_test_serve(&t, api);
    ck_assert_int_eq(http_test_status(&t), 200);
    ck_assert(http_test_has_line(&t, "Content-Type: application/json"));
    answer = json_loads(http_test_body(&t), 0, &error);
    ck_assert_msg(answer != NULL, "%s: %s", error.text, http_test_body(&t));
    return answer;
}

static int status_of(const char *method, const char *path, int is_api)
{
    http_test_request(&t, method, path);
    t.request.host = "localhost";
    t.x.is_api = is_api;
    http_test_serve(&t, api);
    return http_test_status(&t);
}

static const char *text_at(json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    ck_assert_msg(s != NULL, "%s", key);
    return s;
}

static json_int_t number_at(json_t *object, const char *key)
{
    ck_assert_msg(json_is_integer(json_object_get(object, key)), "%s", key);
    return json_integer_value(json_object_get(object, key));
}

START_TEST(frame)
{
    json_t *answer = ask("/api/v1/versions", "");
    json_t *data = json_object_get(answer, "data");

    ck_assert_int_eq(number_at(answer, "code"), 0);
    ck_assert_str_eq(text_at(answer, "server"), "me");
    (void)text_at(answer, "service");
    (void)text_at(answer, "pid");
    (void)number_at(data, "major");
    (void)text_at(data, "version");
    json_decref(answer);
    answer = ask("/api/v1/", "");
    ck_assert_str_eq(text_at(json_object_get(answer, "urls"), "authors"), "license and authors");
    ck_assert_int_eq(json_object_size(json_object_get(json_object_get(answer, "urls"), "tests")),
                     3);
    ck_assert_ptr_null(json_object_get(json_object_get(answer, "urls"), "kicks"));
    json_decref(answer);
    (void)published("v/a/s");
    (void)hub_get(t.server.hub, "v/a/asked-for", &source_config);
    answer = ask("/api/v1/summaries", "");
    data = json_object_get(answer, "data");
    ck_assert(json_is_true(json_object_get(data, "ok")));
    (void)number_at(json_object_get(data, "self"), "srs_uptime");
    ck_assert_int_eq(number_at(json_object_get(data, "srs"), "streams"), 1);
    json_decref(answer);
}
END_TEST

START_TEST(streams)
{
    struct source *source = published("v.example/a/b/show");
    json_t *answer;
    json_t *item;
    char path[80];
    char id[40];

    /* Not even waited for. */
    (void)hub_get(t.server.hub, "v.example/a/asked-for", &source_config);
    answer = ask("/api/v1/streams", "");
    ck_assert_uint_eq(json_array_size(json_object_get(answer, "streams")), 1);
    item = json_array_get(json_object_get(answer, "streams"), 0);
    ck_assert_str_eq(text_at(item, "name"), "show");
    ck_assert_str_eq(text_at(item, "app"), "a/b");
    ck_assert_str_eq(text_at(item, "url"), "v.example/a/b/show");
    ck_assert_str_eq(text_at(item, "tcUrl"), "rtmp://v.example/a/b");
    ck_assert(json_is_null(json_object_get(item, "video")));
    ck_assert(json_is_null(json_object_get(item, "audio")));
    ck_assert_int_eq(number_at(item, "clients"), 0);
    ck_assert_int_eq(number_at(json_object_get(item, "kbps"), "recv_30s"), 0);
    ck_assert(json_is_false(json_object_get(json_object_get(item, "publish"), "active")));
    snprintf(id, sizeof(id), "%s", text_at(item, "id"));
    json_decref(answer);
    snprintf(path, sizeof(path), "/api/v1/streams/%s", id);
    answer = ask(path, "");
    ck_assert_str_eq(text_at(json_object_get(answer, "stream"), "id"), id);
    json_decref(answer);
    answer = ask("/api/v1/streams/vid-0000000000000000", "");
    ck_assert_int_eq(number_at(answer, "code"), 2048);
    ck_assert_uint_eq(json_object_size(answer), 1);
    json_decref(answer);
    source_unpublish(source, clock_now());
}
END_TEST

static void pages(const char *query, size_t want)
{
    json_t *answer = ask("/api/v1/streams", query);

    ck_assert_msg(json_array_size(json_object_get(answer, "streams")) == want, "%s: %zu", query,
                  json_array_size(json_object_get(answer, "streams")));
    json_decref(answer);
}

START_TEST(paging)
{
    char key[40];

    for (int i = 0; i < 15; i++) {
        snprintf(key, sizeof(key), "v/a/s%d", i);
        (void)published(key);
    }
    pages("", 10);
    pages("count=15", 15);
    pages("count=0", 1);
    pages("count=1", 1);
    pages("start=12", 3);
    pages("start=14&count=5", 1);
    pages("start=15", 0);
    pages("start=99999999999999999999", 10);
    pages("start=9223372036854775807", 0);
    pages("count=9223372036854775807", 15);
    pages("count=-1", 10);
    pages("count=1x", 10);
    pages("count=", 10);
    pages("start=%31%34", 1);
}
END_TEST

START_TEST(hostile_names)
{
    json_t *answer;
    char key[SOURCE_KEY_MAX];

    (void)published("v/a/\xff\xfe\"<script>");
    memset(key, 'x', sizeof(key));
    memcpy(key, "v/a/", 4);
    key[4 + 255] = '\0';
    (void)published(key);
    answer = ask("/api/v1/streams", "");
    ck_assert_str_eq(text_at(json_array_get(json_object_get(answer, "streams"), 0), "name"),
                     "?\?\"<script>");
    ck_assert_uint_eq(
        strlen(text_at(json_array_get(json_object_get(answer, "streams"), 1), "name")), 255);
    json_decref(answer);
}
END_TEST

START_TEST(vhosts)
{
    json_t *answer;
    json_t *item;
    char path[80];

    (void)published("__defaultVhost__/a/s");
    (void)published("__defaultVhost__/a/t");
    answer = ask("/api/v1/vhosts", "");
    item = json_array_get(json_object_get(answer, "vhosts"), 0);
    ck_assert_str_eq(text_at(item, "name"), "__defaultVhost__");
    ck_assert_int_eq(number_at(item, "streams"), 2);
    ck_assert(json_is_true(json_object_get(item, "enabled")));
    snprintf(path, sizeof(path), "/api/v1/vhosts/%s", text_at(item, "id"));
    json_decref(answer);
    answer = ask(path, "");
    ck_assert_str_eq(text_at(json_object_get(answer, "vhost"), "name"), "__defaultVhost__");
    json_decref(answer);
    answer = ask("/api/v1/vhosts/none", "");
    ck_assert_int_eq(number_at(answer, "code"), 2014);
    json_decref(answer);
}
END_TEST

START_TEST(clients)
{
    struct source *source = published("v/a/s");
    struct session_entry publisher = {
        .conn = &t.conn, .source = source, .format = "rtmp", .is_publisher = 1};
    struct session_entry viewer = {.conn = &t.conn,
                                   .source = source,
                                   .format = "flv",
                                   .extension = ".flv",
                                   .facts = {"http://h:1/a", "http://page/", "", "?secret=1"}};
    json_t *answer;
    json_t *item;
    int is_first;
    char path[80];

    session_list_enter(&t.server, &publisher);
    session_list_enter(&t.server, &viewer);
    viewer.id[0] = '~'; /* this test has one coroutine for both */
    ck_assert_uint_eq(t.server.client_count, 2);
    answer = ask("/api/v1/clients", "");
    ck_assert_uint_eq(json_array_size(json_object_get(answer, "clients")), 2);
    item = json_array_get(json_object_get(answer, "clients"), 0);
    is_first = json_is_true(json_object_get(item, "publish"));
    ck_assert_str_eq(text_at(item, "type"), is_first ? "fmle-publish" : "flv-play");
    item = json_array_get(json_object_get(answer, "clients"), is_first);
    ck_assert_str_eq(text_at(item, "type"), "flv-play");
    ck_assert_str_eq(text_at(item, "name"), "s.flv");
    ck_assert_str_eq(text_at(item, "pageUrl"), "http://page/");
    ck_assert_str_eq(text_at(item, "tcUrl"), "http://h:1/a");
    item = json_array_get(json_object_get(answer, "clients"), !is_first);
    ck_assert_str_eq(text_at(item, "type"), "fmle-publish");
    ck_assert_str_eq(text_at(item, "name"), "s");
    snprintf(path, sizeof(path), "/api/v1/clients/%s", text_at(item, "id"));
    json_decref(answer);
    answer = ask(path, "");
    ck_assert_str_eq(text_at(json_object_get(answer, "client"), "url"), "v/a/s");
    json_decref(answer);
    answer = ask("/api/v1/clients", "start=1&count=1");
    ck_assert_uint_eq(json_array_size(json_object_get(answer, "clients")), 1);
    json_decref(answer);
    answer = ask("/api/v1/streams", "");
    item = json_object_get(json_array_get(json_object_get(answer, "streams"), 0), "publish");
    ck_assert(json_is_true(json_object_get(item, "active")));
    ck_assert_str_eq(text_at(item, "cid"), publisher.id);
    json_decref(answer);
    session_list_leave(&t.server, &publisher);
    session_list_leave(&t.server, &viewer);
    ck_assert_ptr_null(t.server.sessions);
    answer = ask("/api/v1/clients/none", "");
    ck_assert_int_eq(number_at(answer, "code"), 2049);
    json_decref(answer);
    answer = ask("/api/v1/streams", "");
    item = json_object_get(json_array_get(json_object_get(answer, "streams"), 0), "publish");
    ck_assert(json_is_false(json_object_get(item, "active")));
    json_decref(answer);
}
END_TEST

/* A replaced publisher leaves after the new one has started. */
START_TEST(the_old_publisher_leaves_later)
{
    struct source *source = published("v/a/s");
    const struct stream *stream = source_data(source);
    struct session_entry before = {
        .conn = &t.conn, .source = source, .format = "rtmp", .is_publisher = 1};
    struct session_entry after = before;

    session_list_enter(&t.server, &before);
    session_list_enter(&t.server, &after);
    session_list_leave(&t.server, &before);
    ck_assert_ptr_eq(stream->publisher, &after);
    session_list_leave(&t.server, &after);
    ck_assert_ptr_null(stream->publisher);
}
END_TEST

/* Of a tcUrl neither password nor key is shown. */
START_TEST(secrets_of_addresses)
{
    static const struct {
        const char *sent, *shown;
    } rows[] = {{"rtmp://h:1/live", "rtmp://h:1/live"},
                {"rtmp://u:p@h/live", "rtmp://***@h/live"},
                {"rtmp://h/live?token=secret", "rtmp://h/live"},
                {"rtmp://h/live?token=secret&vhost=v.example&x=y", "rtmp://h/live?vhost=v.example"},
                {"rtmp://u:p@h/live?vhost=v/secret", "rtmp://***@h/live"},
                {"rtmp://h/\xff?x", "rtmp://h/?"},
                {"?", ""}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *text = api_json_tc_url(rows[i].sent);

        ck_assert_str_eq(json_string_value(text), rows[i].shown);
        json_decref(text);
    }
}
END_TEST

/* The totals count clients that have left, and of a connection only what belongs to its client. */
START_TEST(totals_only_grow)
{
    struct source *source = published("v/a/s");
    struct session_entry one = {.conn = &t.conn, .source = source, .format = "flv"};
    struct session_entry two = one;
    struct session_totals totals;

    t.conn.bytes_in = 100;
    t.conn.bytes_out = 1000;
    session_list_enter(&t.server, &one);
    t.conn.bytes_in += 7;
    t.conn.bytes_out += 70;
    session_list_totals(&t.server, &totals);
    ck_assert_uint_eq(totals.clients, 1);
    ck_assert_uint_eq(totals.bytes_in, 7);
    ck_assert_uint_eq(totals.bytes_out, 70);
    session_list_leave(&t.server, &one);
    session_list_enter(&t.server, &two);
    t.conn.bytes_out += 5;
    session_list_totals(&t.server, &totals);
    ck_assert_uint_eq(totals.clients, 2);
    ck_assert_uint_eq(totals.bytes_in, 7);
    ck_assert_uint_eq(totals.bytes_out, 75);
    session_list_leave(&t.server, &two);
}
END_TEST

/* A stream keeps the tcUrl of its publisher, and until then that of the first RTMP player. */
START_TEST(the_tc_url_of_a_stream)
{
    struct source *source = published("v/a/s");
    const struct stream *stream = source_data(source);
    struct session_facts facts[] = {{"http://h/a", "", "", ""},
                                    {"rtmp://one/a", "", "", ""},
                                    {"rtmp://two/a", "", "", ""},
                                    {"rtmps://three/a", "", "", ""}};
    static const char *const want[] = {NULL, "rtmp://one/a", "rtmp://one/a", "rtmps://three/a"};

    for (int i = 0; i < 4; i++) {
        struct session_entry client = {.conn = &t.conn,
                                       .source = source,
                                       .format = "rtmp",
                                       .facts = facts[i],
                                       .is_publisher = i == 3};

        session_list_enter(&t.server, &client);
        if (want[i] == NULL)
            ck_assert_ptr_null(stream->tc_url);
        else
            ck_assert_str_eq(stream->tc_url, want[i]);
        session_list_leave(&t.server, &client);
    }
}
END_TEST

START_TEST(which_listener_shows_what)
{
    ck_assert_int_eq(status_of("GET", "/api/v1/streams", 0), 200);
    ck_assert_int_eq(status_of("GET", "/api/v1/versions", 0), 200);
    ck_assert_int_eq(status_of("GET", "/api/v1/clients", 0), 404);
    ck_assert_int_eq(status_of("GET", "/api/v1/vhosts", 0), 404);
    ck_assert_int_eq(status_of("GET", "/api/v1/clients", 1), 200);
    /* As SRS: an unknown address has the list of addresses. */
    ck_assert_int_eq(status_of("GET", "/api/v1/nothing", 1), 200);
    ck_assert_int_eq(status_of("GET", "/api/v1/nothing", 0), 404);
    ck_assert_int_eq(status_of("GET", "/api/v1/kicks/x", 0), 404);
    ck_assert_int_eq(status_of("GET", "/", 1), 200);
    ck_assert_int_eq(status_of("GET", "/api", 1), 200);
    ck_assert_int_eq(status_of("GET", "/api/", 1), 200);
    ck_assert_int_eq(status_of("GET", "/api", 0), 200);
    ck_assert_str_eq(http_test_body(&t), "next");
    ck_assert_int_eq(status_of("POST", "/api/v1/streams", 1), 405);
    ck_assert_int_eq(status_of("HEAD", "/api/v1/streams", 1), 200);
    ck_assert_str_eq(http_test_body(&t), "");
    /* Other addresses are the next link's. */
    ck_assert_int_eq(status_of("GET", "/live/s.flv", 0), 200);
    ck_assert_str_eq(http_test_body(&t), "next");
    api->next = NULL;
    ck_assert_int_eq(status_of("GET", "/live/s.flv", 1), 404);
    api->next = &last;
    t.config.http_api.enabled = 0;
    ck_assert_int_eq(status_of("GET", "/api/v1/streams", 0), 200);
    ck_assert_str_eq(http_test_body(&t), "next");
}
END_TEST

START_TEST(one_listener_for_both)
{
    static char *same_item[] = {(char *)(uintptr_t) "0.0.0.0:8080"};

    ck_assert(!endpoint_is_shared(&t.config, "1985"));
    ck_assert(!endpoint_is_shared(&t.config, "[::]:1985"));
    ck_assert(!endpoint_is_shared(&t.config, "127.0.0.1:8080"));
    ck_assert(endpoint_is_shared(&t.config, "8080"));
    ck_assert(endpoint_is_shared(&t.config, "*:8080"));
    ck_assert(endpoint_is_shared(&t.config, ":8080"));
    ck_assert(endpoint_is_shared(&t.config, "[::]:8080"));
    t.config.http_api.listen.item = same_item;
    ck_assert_int_eq(status_of("GET", "/api/v1/clients", 0), 200);
    t.config.http_server.enabled = 0;
    ck_assert(!endpoint_is_shared(&t.config, "8080"));
}
END_TEST

Suite *check_http_api_suite(void)
{
    Suite *suite = suite_create("http_api");
    TCase *tc = tcase_create("http_api");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, frame);
    tcase_add_test(tc, streams);
    tcase_add_test(tc, paging);
    tcase_add_test(tc, hostile_names);
    tcase_add_test(tc, vhosts);
    tcase_add_test(tc, clients);
    tcase_add_test(tc, the_old_publisher_leaves_later);
    tcase_add_test(tc, secrets_of_addresses);
    tcase_add_test(tc, totals_only_grow);
    tcase_add_test(tc, the_tc_url_of_a_stream);
    tcase_add_test(tc, which_listener_shows_what);
    tcase_add_test(tc, one_listener_for_both);
    suite_add_tcase(suite, tc);
    return suite;
}
