/* The bodies of the requests: fields, order, types; and any names. */
#include "app/control/hooks_event.h"

#include "app/control/hooks_call.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

Suite *check_hooks_event_suite(void);

static struct hooks_event event_of(enum config_hook hook)
{
    return (struct hooks_event){.hook = hook,
                                .server_id = "sid",
                                .service_id = "run12345",
                                .stream_id = "vid-1",
                                .client = {.id = "cid",
                                           .ip = "10.0.0.1",
                                           .vhost = "__defaultVhost__",
                                           .app = "live",
                                           .stream = "s",
                                           .tc_url = "rtmp://h/live",
                                           .page_url = "http://p/",
                                           .param = "?k=v",
                                           .type = "rtmp"},
                                .send_bytes = 7,
                                .recv_bytes = 8,
                                .duration_ms = 9,
                                .cwd = "/srv",
                                .file = "./s.flv",
                                .file_bytes = 10,
                                .url = "live/s-7.ts",
                                .m3u8 = "live/s.m3u8",
                                .m3u8_url = "live/s.m3u8",
                                .seq_no = 7};
}

static void ck_body(enum config_hook hook, const char *rest)
{
    struct hooks_event event = event_of(hook);
    char *body = hooks_event_body(&event);
    char wanted[1024];

    snprintf(wanted, sizeof(wanted),
             "{\"server_id\":\"sid\",\"service_id\":\"run12345\",\"action\":\"%s\","
             "\"client_id\":\"cid\",\"ip\":\"10.0.0.1\",\"vhost\":\"__defaultVhost__\","
             "\"app\":\"live\",%s}",
             hooks_event_name(hook), rest);
    ck_assert_str_eq(body, wanted);
    free(body);
}

#define STREAM "\"stream_url\":\"/live/s\",\"stream_id\":\"vid-1\",\"type\":\"rtmp\""
#define END    ",\"duration_ms\":9,\"send_bytes\":7,\"recv_bytes\":8"

START_TEST(test_bodies)
{
    ck_body(CONFIG_ON_CONNECT, "\"stream\":\"s\",\"param\":\"?k=v\",\"tcUrl\":\"rtmp://h/live\","
                               "\"pageUrl\":\"http://p/\",\"type\":\"rtmp\"");
    ck_body(CONFIG_ON_CLOSE,
            "\"send_bytes\":7,\"recv_bytes\":8,\"type\":\"rtmp\",\"duration_ms\":9");
    ck_body(CONFIG_ON_PUBLISH,
            "\"tcUrl\":\"rtmp://h/live\",\"stream\":\"s\",\"param\":\"?k=v\"," STREAM);
    ck_body(CONFIG_ON_UNPUBLISH,
            "\"tcUrl\":\"rtmp://h/live\",\"stream\":\"s\",\"param\":\"?k=v\"," STREAM END);
    ck_body(CONFIG_ON_PLAY, "\"stream\":\"s\",\"tcUrl\":\"rtmp://h/live\",\"param\":\"?k=v\","
                            "\"pageUrl\":\"http://p/\"," STREAM);
    ck_body(CONFIG_ON_STOP,
            "\"tcUrl\":\"rtmp://h/live\",\"stream\":\"s\",\"param\":\"?k=v\"," STREAM END);
    ck_body(CONFIG_ON_DEMAND, "\"stream\":\"s\",\"tcUrl\":\"rtmp://h/live\",\"param\":\"?k=v\","
                              "\"pageUrl\":\"http://p/\"," STREAM);
    ck_body(CONFIG_ON_DVR,
            "\"tcUrl\":\"rtmp://h/live\",\"stream\":\"s\",\"param\":\"?k=v\","
            "\"cwd\":\"/srv\",\"file\":\"./s.flv\"," STREAM ",\"duration_ms\":9,\"file_bytes\":10");
    ck_body(
        CONFIG_ON_HLS,
        "\"tcUrl\":\"rtmp://h/live\",\"stream\":\"s\",\"param\":\"?k=v\",\"duration\":0.01,"
        "\"cwd\":\"/srv\",\"file\":\"./s.flv\",\"url\":\"live/s-7.ts\",\"m3u8\":\"live/s.m3u8\","
        "\"m3u8_url\":\"live/s.m3u8\",\"seq_no\":7," STREAM ",\"file_bytes\":10");
    ck_body(CONFIG_ON_IDLE, "\"stream\":\"s\",\"stream_url\":\"/live/s\",\"stream_id\":\"vid-1\","
                            "\"duration_ms\":9");
}
END_TEST

START_TEST(test_any_names)
{
    struct hooks_event event = event_of(CONFIG_ON_PLAY);
    json_t *json;
    char *body;

    event.client.vhost = "v.example";
    event.client.stream = "a\"b\\\xff\xfe\x01";
    body = hooks_event_body(&event);
    json = json_loads(body, 0, NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_str_eq(json_string_value(json_object_get(json, "stream")), "a\"b\\??\x01");
    ck_assert_str_eq(json_string_value(json_object_get(json, "stream_url")),
                     "v.example/live/a\"b\\??\x01");
    json_decref(json);
    free(body);
}
END_TEST

START_TEST(test_configured_urls)
{
    char *item[] = {"http://h/"};
    struct config_vhost vhost = {.name = "v.example"};
    struct config_vhost *vhosts[] = {&vhost};
    struct config config = {.vhost_count = 1, .vhost = vhosts};

    vhost.http_hooks.on[CONFIG_ON_STOP] = (struct config_strings){1, item};
    ck_assert_ptr_null(hooks_event_urls(NULL, CONFIG_ON_STOP));
    ck_assert_ptr_null(hooks_event_urls(&vhost, CONFIG_ON_STOP));
    vhost.http_hooks.enabled = 1;
    ck_assert_ptr_nonnull(hooks_event_urls(&vhost, CONFIG_ON_STOP));
    ck_assert_ptr_null(hooks_event_urls(&vhost, CONFIG_ON_PLAY));
    ck_assert_ptr_eq(hooks_event_vhost(&config, "V.example"), &vhost);
    ck_assert_ptr_null(hooks_event_vhost(&config, "w.example"));
}
END_TEST

/* RFC 4231, test case 2. */
START_TEST(test_signature)
{
    char hex[HOOKS_SIGNATURE_SIZE];

    hooks_call_sign("Jefe", "what do ya want for nothing?", hex);
    ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
END_TEST

Suite *check_hooks_event_suite(void)
{
    Suite *suite = suite_create("hooks_event");
    TCase *tc = tcase_create("hooks_event");

    tcase_add_test(tc, test_bodies);
    tcase_add_test(tc, test_any_names);
    tcase_add_test(tc, test_configured_urls);
    tcase_add_test(tc, test_signature);
    suite_add_tcase(suite, tc);
    return suite;
}
