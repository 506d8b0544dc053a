/* How a dump shows addresses. */
#include "app/config/address_mask.h"

#include <check.h>
#include <string.h>

Suite *check_address_mask_suite(void);

static void masks(const char *address, int has_key, const char *want)
{
    struct buf out;

    buf_init(&out, 4096);
    ck_assert_int_eq(address_mask(address, has_key, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)buf_data(&out), want);
    buf_fini(&out);
}

START_TEST(test_nothing_secret)
{
    static const char *const same[] = {"",
                                       "host",
                                       "host:1935",
                                       "[::1]:1935",
                                       "rtmp://host",
                                       "rtmp://host:1935/live",
                                       "rtmp://host/live/",
                                       "rtmp://host/live/[stream]",
                                       "rtmp://host/[app]/[stream]",
                                       "rtmp://host/live?name=[stream]",
                                       "rtmp://host/live/[stream]?vhost=v&domain=w"};

    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        masks(same[i], 1, same[i]);
        ck_assert(!address_mask_is_in(same[i]));
    }
}
END_TEST

START_TEST(test_secrets)
{
    masks("rtmp://h/live2/KEY", 1, "rtmp://h/live2/***");
    masks("rtmps://h:443/rtmp/KEY?s_bl=1&s_l=2", 1, "rtmps://h:443/rtmp/***?s_bl=***&s_l=***");
    masks("rtmp://h/live-bvc/?streamname=N&key=K", 1, "rtmp://h/live-bvc/?streamname=***&key=***");
    masks("rtmp://h/live2?backup=1/KEY", 1, "rtmp://h/live2?backup=***");
    masks("rtmp://h/live2?vhost=v/KEY&vhosts=v", 1, "rtmp://h/live2?vhost=***&vhosts=***");
    masks("rtmp://h/a/b/c", 1, "rtmp://h/a/***/***");
    masks("rtmp://user:pass@h:1/app", 1, "rtmp://***@h:1/app");
    masks("rtmp://u:p@ss@h/app/[stream]?KEY", 1, "rtmp://***@h/app/[stream]?***");
    masks("user:pass@h:1935", 1, "***@h:1935");
    masks("rtmp://h/app/[stream]KEY", 1, "rtmp://h/app/***");
    masks("rtmp://h/app/[KEY", 1, "rtmp://h/app/***");
    masks("http://u:p@h/api/v1/forward?key=K&&x", 0, "http://***@h/api/v1/forward?key=***&&***");
    masks("http://h?x=1?y=2", 0, "http://h?x=***");
    ck_assert(address_mask_is_in("rtmp://***@h/live"));
}
END_TEST

START_TEST(test_no_room)
{
    struct buf out;

    for (size_t cap = 1; cap < strlen("rtmp://***@h/app/***?x=***"); cap++) {
        buf_init(&out, cap);
        ck_assert_int_eq(address_mask("rtmp://u:p@h/app/KEY?x=K", 1, &out), -1);
        buf_fini(&out);
    }
}
END_TEST

static void shows(const char *text, const char *want)
{
    char out[128];

    address_mask_text(text, out, sizeof(out));
    ck_assert_msg(strcmp(out, want) == 0, "%s: %s, not %s", text, out, want);
}

/* An error quotes what may be malformed in any way: nothing that may be a password or key stays. */
START_TEST(test_text)
{
    char out[16];

    shows("", "");
    shows("listen", "listen");
    shows("host:1935", "host:1935");
    shows("rtmp://h/live/[stream]", "rtmp://h/live/[stream]");
    shows("rtmp://u:PASS@h:1/app/KEY?k=KEY", "rtmp://***@h:1/app/***?k=***");
    shows("rtmp://u:PA/SS@h/app", "rtmp://***@h/app");
    shows("rtmp:/u:PASS@h/app", "***@h/app");
    shows("u:PASS@h/app/KEY", "***@h/app/***");
    shows("rtmp://u:PA?SS@h/app", "rtmp://***");
    shows("http://h/hook?token=T@T", "http://***");
    shows("http://h/hook?a=KEY#KEY", "http://h/hook?a=***");
    shows("http://h#KEY", "http://h***");
    shows("h?KEY", "h?***");
    address_mask_text("rtmp://a-long-host.example/app/KEY", out, sizeof(out));
    ck_assert_str_eq(out, "rtmp://a-long-h");
}
END_TEST

/* Other servers name the stream in their reasons, or the whole address. */
START_TEST(test_quoted)
{
    const char *address = "rtmp://user:pass@host.example:1935/live2/KEY-1?sign=abcdef&n=12";

    ck_assert(address_mask_is_quoted(address, "stream KEY-1 is already published"));
    ck_assert(address_mask_is_quoted(address, "bad signature abcdef"));
    /* The other server never gets the password. */
    ck_assert(!address_mask_is_quoted(address, "pass"));
    ck_assert(!address_mask_is_quoted(address, "host.example:1935: live2: sign 12: refused"));
    ck_assert(!address_mask_is_quoted("rtmp://host/[app]/[stream]", "live/[stream] is there"));
    ck_assert(!address_mask_is_quoted("", "refused"));
}
END_TEST

Suite *check_address_mask_suite(void)
{
    Suite *suite = suite_create("address_mask");
    TCase *tc = tcase_create("address_mask");

    tcase_add_test(tc, test_nothing_secret);
    tcase_add_test(tc, test_secrets);
    tcase_add_test(tc, test_text);
    tcase_add_test(tc, test_quoted);
    tcase_add_test(tc, test_no_room);
    suite_add_tcase(suite, tc);
    return suite;
}
