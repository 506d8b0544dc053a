/* Claims of other servers: how long they hold, which are believed, and how often a pull asks again.
 */
#include "app/stream/via_claim.h"

#include "app/core/server.h"
#include "app/stream/stream.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_via_claim_suite(void);

static char *peers[] = {"10.0.0.0/8"};
static char *secrets[] = {"the-new-one", "the-old-one"};
static struct config_vhost vhost;
static struct server server;
static const struct observer *const rows[] = {&via_claim_observer, NULL};
static const struct tables tables = {.observers = rows};
static struct stream *stream;

static void setup(void)
{
    server.tables = &tables;
    observer_layout(&server);
    stream = calloc(1, server.stream_size);
    ck_assert_ptr_nonnull(stream);
    memset(&vhost, 0, sizeof(vhost));
    memset(server.via_key, 7, sizeof(server.via_key));
    stream->server = &server;
    via_claim_observer.attach(stream, observer_state(stream, &via_claim_observer));
    strncpy(stream->vhost, "@source", sizeof(stream->vhost) - 1);
    strncpy(stream->app, "live", sizeof(stream->app) - 1);
    strncpy(stream->name, "s", sizeof(stream->name) - 1);
    vhost.cluster.peers = (struct config_strings){1, peers};
}

static void teardown(void)
{
    via_claim_observer.detach(stream, observer_state(stream, &via_claim_observer));
    free(stream);
}

static struct via_claim *enter(const char *ip, const char *text)
{
    struct via_claim *claim = via_claim_enter(stream, &(struct via_claimant){&vhost, ip, text});

    ck_assert_ptr_nonnull(claim);
    return claim;
}

static struct via_chain said_to(int is_strict)
{
    char text[VIA_CHAIN_TEXT_MAX];
    struct via_chain chain;
    int unverified;

    unverified = via_claim_write(stream, &(struct via_pull){&vhost, 1, is_strict}, text);
    ck_assert_int_eq(via_chain_parse(&chain, text), 0);
    ck_assert_int_eq(via_chain_unverified(&chain), unverified);
    return chain;
}

static struct via_chain said(void)
{
    return said_to(0);
}

/* A claim affects only the client that makes it, and ends with it. */
START_TEST(test_a_stranger)
{
    struct via_claim *claim = enter("192.0.2.1", "8 a b c d e f");

    ck_assert_int_eq(said().hops, 1);
    ck_assert_int_eq(said().count, 4);
    ck_assert_int_eq(via_claim_is_believed(claim), 0);
    ck_assert_int_eq(said_to(1).count, 0);
    via_claim_leave(claim);
    ck_assert_int_eq(said().count, 0);
    ck_assert_ptr_null(via_claim_enter(stream, &(struct via_claimant){&vhost, "::1", "nonsense"}));
}
END_TEST

START_TEST(test_a_peer)
{
    struct via_claim *peer = enter("10.1.2.3", "3 p1 p2 p3 p4 p5");
    struct via_claim *stranger = enter("192.0.2.1", "7 x");

    ck_assert_int_eq(said().hops, 4);
    ck_assert_int_eq(said().count, 6);
    ck_assert_int_eq(via_chain_unverified(&(struct via_chain){0}), 0);
    ck_assert_int_eq(via_claim_is_believed(peer), 1);
    ck_assert_int_eq(via_claim_is_believed(NULL), 0);
    ck_assert_int_eq(said_to(1).count, 5);
    via_claim_leave(peer);
    ck_assert_int_eq(said().hops, 1);
    ck_assert_int_eq(said().count, 1);
    via_claim_leave(stranger);
}
END_TEST

START_TEST(test_a_shared_secret)
{
    char text[VIA_CHAIN_TEXT_MAX];
    for (int i = 0; i < 3; i++) {
        struct via_claim *claim;

        vhost.cluster.secret = (struct config_strings){1, i == 2 ? peers : secrets + i};
        /* Without claims only this server's own mark is written. */
        (void)via_claim_write(stream, &(struct via_pull){&vhost, 0, 0}, text);
        ck_assert_ptr_nonnull(strstr(text, " @"));
        vhost.cluster.secret = (struct config_strings){2, secrets};
        claim = enter("192.0.2.1", text);
        ck_assert_int_eq(said().hops, i < 2 ? 2 : 1);
        ck_assert_int_eq(said().count, 1);
        via_claim_leave(claim);
    }
}
END_TEST

/* Another worker is this server: no hop. */
START_TEST(test_a_worker)
{
    struct via_claim *claim = enter(NULL, "3 far near");

    ck_assert_int_eq(said().hops, 3);
    ck_assert_int_eq(said().count, 2);
    via_claim_leave(claim);
    /* The claim is trusted, and states itself which of its marks are not. */
    claim = enter(NULL, "3 far ~stranger near");
    ck_assert_int_eq(said().count, 3);
    ck_assert_int_eq(said_to(1).count, 2);
    via_claim_leave(claim);
}
END_TEST

/* Many marks of strangers, newest first in the count, never push a peer's out. */
START_TEST(test_many)
{
    struct via_claim *claims[200];
    struct via_claim *peer;
    struct via_chain chain;
    char text[32];
    int found = 0;

    for (int i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof(text), "1 m%d", i);
        claims[i] = enter("192.0.2.1", text);
    }
    peer = enter("10.0.0.1", "1 peer");
    chain = said();
    ck_assert_int_eq(chain.count, VIA_CHAIN_MARKS_MAX);
    for (int i = 0; i < chain.count; i++)
        found |= strcmp(chain.mark[i], "peer") == 0;
    ck_assert_int_eq(found, 1);
    via_claim_leave(peer);
    for (int i = 0; i < 200; i++)
        via_claim_leave(claims[i]);
    ck_assert_int_eq(said().count, 0);
}
END_TEST

/* Whatever clients claim, a pull asks again three times at once, and then once per interval. */
START_TEST(test_repeated_requests_are_bounded)
{
    usec_t now = clock_now();
    char text[32];
    int times = 0;

    for (int i = 0; i < 500; i++) {
        (void)snprintf(text, sizeof(text), "1 m%d", i);
        via_claim_leave(enter("192.0.2.1", text));
    }
    ck_assert_int_eq(via_claim_is_due(stream, now), 0);
    for (int i = 0; i < 100; i++) {
        now += USEC_PER_SEC;
        via_claim_leave(enter("192.0.2.1", "1 again"));
        times += via_claim_is_due(stream, now);
    }
    ck_assert_int_le(times, 52);
}
END_TEST

START_TEST(test_check)
{
    char text[VIA_CHAIN_TEXT_MAX];
    struct via_claimant claimant = {&vhost, "192.0.2.1", text};
    struct err *err;

    /* The server recognises its own mark for this stream, and for no other. */
    (void)via_claim_write(stream, &(struct via_pull){&vhost, 0, 0}, text);
    for (int is_peer = 0; is_peer <= 1; is_peer++) {
        claimant.ip = is_peer ? "10.0.0.1" : "192.0.2.1";
        err = via_claim_check(&server, stream, &claimant);
        ck_assert_ptr_nonnull(err);
        ck_assert_int_eq(err_code(err), is_peer ? ERR_LOOP : ERR_DENIED);
        ck_assert_ptr_nonnull(strstr(err_text(err), "loop"));
        err_free(err);
    }
    stream->name[0] = 't';
    ck_assert_ptr_null(via_claim_check(&server, stream, &claimant));
    claimant.text = "nonsense";
    err = via_claim_check(&server, stream, &claimant);
    ck_assert_int_eq(err_code(err), ERR_PROTO);
    err_free(err);
    /* Too many servers are not a loop. */
    claimant.text = "9";
    err = via_claim_check(&server, stream, &claimant);
    ck_assert_int_eq(err_code(err), ERR_DENIED);
    err_free(err);
}
END_TEST

/* An encoder's own claim is passed on with it; its count of servers must be believed. */
START_TEST(test_pass)
{
    char text[VIA_CHAIN_TEXT_MAX];
    struct via_chain chain;

    via_claim_pass(stream, &(struct via_claimant){&vhost, "192.0.2.1", "8 a"}, text);
    ck_assert_int_eq(via_chain_parse(&chain, text), 0);
    ck_assert_int_eq(chain.hops, 1);
    ck_assert_int_eq(chain.count, 2);
    via_claim_pass(stream, &(struct via_claimant){&vhost, "10.0.0.1", "8 a"}, text);
    ck_assert_int_eq(via_chain_parse(&chain, text), 0);
    ck_assert_int_eq(chain.hops, 9);
    via_claim_pass(stream, &(struct via_claimant){&vhost, "10.0.0.1", NULL}, text);
    ck_assert_int_eq(via_chain_parse(&chain, text), 0);
    ck_assert_int_eq(chain.count, 1);
}
END_TEST

Suite *check_via_claim_suite(void)
{
    Suite *suite = suite_create("via_claim");
    TCase *tcase = tcase_create("via_claim");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_a_stranger);
    tcase_add_test(tcase, test_a_peer);
    tcase_add_test(tcase, test_a_shared_secret);
    tcase_add_test(tcase, test_a_worker);
    tcase_add_test(tcase, test_many);
    tcase_add_test(tcase, test_repeated_requests_are_bounded);
    tcase_add_test(tcase, test_check);
    tcase_add_test(tcase, test_pass);
    suite_add_tcase(suite, tcase);
    return suite;
}
