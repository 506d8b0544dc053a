/* Tables of the application whose allocations fail, one after the other: the caller gets the error,
 * the process continues, and no table keeps an entry that it reported as failed. */
#include "app/cluster/directory.h"
#include "app/core/ip_limit.h"
#include "app/http/serve_mux.h"
#include "app/stream/fanout.h"
#include "app/stream/observer.h"
#include "app/stream/stream.h"
#include "http_test.h"
#include "media/mux.h"
#include "test/unit/no_memory.h"

#include <stdio.h>

Suite *check_no_memory_suite(void);

#define KEYS 200 /* more than a table has room for before it grows */

static struct http_test t;
static const struct source_config source_config = {
    .gop_cache = 1, .gop_cache_max_frames = 100, .gop_cache_max_bytes = 1024 * 1024};

static void setup(void)
{
    http_test_runtime();
    http_test_init(&t);
    t.config.max_connections_per_ip = 10;
    t.server.hub = hub_new(KEYS, KEYS);
    ck_assert_ptr_nonnull(t.server.hub);
    observer_layout(&t.server);
    hub_on_new(t.server.hub, stream_attach, &t.server);
    hub_on_free(t.server.hub, stream_detach, &t.server);
}

static void teardown(void)
{
    hub_free(t.server.hub);
    http_test_fini(&t);
}

START_TEST(streams)
{
    int refused = 0;

    for (int i = 0; i < KEYS; i++) {
        struct source *source = NULL;
        char key[32];

        snprintf(key, sizeof(key), "v/a/%d", i);
        for (int nth = 1; source == NULL; nth++) {
            no_memory_at(nth);
            source = hub_get(t.server.hub, key, &source_config);
            if (no_memory_over() > 0) {
                refused++;
                ck_assert_ptr_null(source);
                ck_assert_ptr_null(hub_find(t.server.hub, key));
            }
        }
        ck_assert_ptr_eq(hub_find(t.server.hub, key), source);
        ck_assert_ptr_nonnull(source_data(source));
    }
    ck_assert_uint_eq(hub_count(t.server.hub), KEYS);
    /* Each has at least a source, a muxer, a key, an entry, and what the application keeps. */
    ck_assert_int_ge(refused, 5 * KEYS);
}
END_TEST

/* A key without its application cannot be split into names. */
START_TEST(keys_without_three_names)
{
    ck_assert_ptr_null(hub_get(t.server.hub, "v", &source_config));
    ck_assert_ptr_null(hub_get(t.server.hub, "v/s", &source_config));
    ck_assert_uint_eq(hub_count(t.server.hub), 0);
}
END_TEST

START_TEST(addresses)
{
    struct ip_limit *peer[KEYS];
    int refused = 0;

    for (int i = 0; i < KEYS; i++) {
        const char *why = "";
        char ip[32];

        snprintf(ip, sizeof(ip), "10.0.0.%d", i);
        for (int nth = 1; why != NULL; nth++) {
            no_memory_at(nth);
            why = ip_limit_enter(&t.server, ip, &peer[i]);
            if (no_memory_over() > 0) {
                refused++;
                ck_assert_str_eq(why, "memory");
                ck_assert_ptr_null(peer[i]);
            }
        }
        ck_assert_ptr_nonnull(peer[i]);
    }
    for (int i = 0; i < KEYS; i++)
        ip_limit_leave(&t.server, peer[i]);
    ck_assert_ptr_null(t.server.ip_limits);
    ck_assert_int_gt(refused, KEYS);
}
END_TEST

START_TEST(mounts)
{
    struct serve_mux *mux = serve_mux_new(KEYS);
    struct http_handler handler = {NULL, NULL};
    int refused = 0;

    ck_assert_ptr_nonnull(mux);
    for (int i = 0; i < KEYS; i++) {
        int rc = -1;
        char pattern[32];

        snprintf(pattern, sizeof(pattern), "/a/%d.flv", i);
        for (int nth = 1; rc != 0; nth++) {
            no_memory_at(nth);
            rc = serve_mux_add(mux, pattern, &handler);
            if (no_memory_over() > 0) {
                refused++;
                ck_assert_int_eq(rc, -1);
                ck_assert_ptr_null(serve_mux_find(mux, "", pattern));
            }
        }
    }
    ck_assert_uint_eq(serve_mux_count(mux), KEYS);
    ck_assert_int_gt(refused, KEYS);
    serve_mux_free(mux);
}
END_TEST

/* Opens a viewer of the stream whose nth allocation fails; 0: none. */
static struct fanout_viewer *viewer_begin(struct source *source, int nth, int *refused)
{
    struct buf head;
    struct fanout_viewer_opts opts = {.vhost = &t.vhost, .head = &head};
    struct viewer *viewer = viewer_open(source, &mux_flv, co_now());
    struct fanout_viewer *fv;

    ck_assert_ptr_nonnull(viewer);
    buf_init(&head, 1024);
    ck_assert_int_eq(buf_append(&head, "head", 4), 0);
    no_memory_at(nth);
    fv = fanout_viewer_open(&t.server, &t.conn, viewer, &opts);
    *refused += no_memory_over();
    buf_fini(&head);
    return fv;
}

static void viewer_end(struct source *source, struct fanout_viewer *fv)
{
    fanout_viewer_close(fv);
    while (!source_is_idle(source))
        co_yield ();
}

/* A viewer that could not begin leaves nothing that keeps its stream. */
START_TEST(viewers)
{
    static const struct observer *const rows[] = {&fanout_observer, NULL};
    static const struct tables tables = {.observers = rows};
    struct fanout_viewer *fv = NULL;
    struct source *source;
    int refused = 0;

    t.server.tables = &tables;
    observer_layout(&t.server);
    err_free(observers_open(&t.server));
    t.conn.fd = -1;
    source = hub_get(t.server.hub, "v/a/s", &source_config);
    ck_assert_ptr_nonnull(source);
    /* Coroutines are kept for the next ones: from now on each begin allocates the same. */
    viewer_end(source, viewer_begin(source, 0, &refused));
    for (int nth = 1; fv == NULL; nth++) {
        fv = viewer_begin(source, nth, &refused);
        ck_assert_int_eq(source_is_idle(source), fv == NULL);
    }
    /* The viewer, its head, and the channel. */
    ck_assert_int_ge(refused, 3);
    viewer_end(source, fv);
    observers_close(&t.server);
}
END_TEST

/* A directory that could not be opened is not used by what was opened of it. */
START_TEST(directories)
{
    static const struct observer *const rows[] = {&directory_observer, NULL};
    static const struct tables tables = {.observers = rows};
    int is_open = 0;

    t.server.tables = &tables;
    t.vhost.enabled = 1;
    t.vhost.cluster.directory = "redis://127.0.0.1:1/0";
    t.vhost.cluster.lease = 6 * USEC_PER_SEC;
    observer_layout(&t.server);
    for (int nth = 1; !is_open; nth++) {
        struct err *err = observers_open(&t.server);

        ck_assert_ptr_null(err);
        no_memory_at(nth);
        err = observers_start(&t.server);
        is_open = no_memory_over() == 0;
        ck_assert_int_eq(err == NULL, is_open);
        err_free(err);
        co_yield ();
        observers_stop(&t.server, USEC_PER_SEC);
        observers_close(&t.server);
    }
}
END_TEST

Suite *check_no_memory_suite(void)
{
    Suite *suite = suite_create("no_memory");
    TCase *tc = tcase_create("no_memory");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, streams);
    tcase_add_test(tc, keys_without_three_names);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, mounts);
    tcase_add_test(tc, viewers);
    tcase_add_test(tc, directories);
    suite_add_tcase(suite, tc);
    return suite;
}
