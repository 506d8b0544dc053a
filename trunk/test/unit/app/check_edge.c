/* Which address an edge asks for a vhost's i-th origin, over which protocol. */
#include "app/cluster/edge.h"

#include <check.h>
#include <string.h>

Suite *check_edge_suite(void);

static char *origins[] = {"a.example:8080", "[::1]:8080", "10.0.0.3"};
static char *publishers[] = {"p.example:1936"};

static const char *of(const struct config_vhost *vhost, enum origin_scheme scheme, int i)
{
    static char text[300];

    return edge_origin(vhost, scheme, i, text, sizeof(text));
}

START_TEST(test_by_its_own_protocol)
{
    struct config_vhost vhost = {.cluster = {.protocol = ORIGIN_FLV, .origin = {3, origins}}};

    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(of(&vhost, ORIGIN_FLV, i), origins[i]);
    ck_assert_ptr_null(of(&vhost, ORIGIN_FLV, 3));
    /* http and https are the same server. */
    ck_assert_str_eq(of(&vhost, ORIGIN_FLVS, 0), origins[0]);
    vhost.cluster.protocol = ORIGIN_RTMP;
    vhost.cluster.publish_origin = (struct config_strings){1, publishers};
    ck_assert_str_eq(of(&vhost, ORIGIN_RTMP, 0), origins[0]);
}
END_TEST

START_TEST(test_by_the_other)
{
    struct config_vhost vhost = {.cluster = {.protocol = ORIGIN_FLVS, .origin = {3, origins}}};

    /* The port belongs to another protocol; this protocol's own default port is not written. */
    ck_assert_str_eq(of(&vhost, ORIGIN_RTMP, 0), "a.example");
    ck_assert_str_eq(of(&vhost, ORIGIN_RTMP, 1), "[::1]");
    ck_assert_str_eq(of(&vhost, ORIGIN_RTMP, 2), "10.0.0.3");
    ck_assert_ptr_null(of(&vhost, ORIGIN_RTMP, 3));
    vhost.cluster.publish_origin = (struct config_strings){1, publishers};
    ck_assert_str_eq(of(&vhost, ORIGIN_RTMP, 0), publishers[0]);
    ck_assert_ptr_null(of(&vhost, ORIGIN_RTMP, 1));
    vhost.cluster.protocol = ORIGIN_RTMP;
    ck_assert_str_eq(of(&vhost, ORIGIN_FLV, 0), "a.example");
}
END_TEST

Suite *check_edge_suite(void)
{
    Suite *suite = suite_create("edge");
    TCase *tcase = tcase_create("edge");

    tcase_add_test(tcase, test_by_its_own_protocol);
    tcase_add_test(tcase, test_by_the_other);
    suite_add_tcase(suite, tcase);
    return suite;
}
